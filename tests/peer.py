"""peer - an SMTP server that does what it is told.

    peer.py ADDRESS PORT DIR [OFFER=KEYWORDS] [CERT=FILE] [TLS=now] [END=lf]
        [LOGIN=NAME:PASSWORD] [STAGE=ACTION]...

DIR/log gets the dialogue: "connect", "C: line", and "wait" each time that it
has to wait for input; DIR/N the N-th message as it came, dots and all.
DIR/ready appears when it listens.  What is behind DIR can be changed: where there
is a file DIR/script, words in lines, it counts from the next connection on, which is
the first again, with a log of its own.

CERT (chain and key) makes STARTTLS work, TLS=now begins with TLS; the log says
"tls NAME" when it stands, with the name that the client asked for.  In TLS
OFFER is TLSOFFER, if given.  LOGIN is who may log in (AUTH PLAIN, LOGIN,
SCRAM-SHA-256), logged as "login MECHANISM ok".  END=lf ends replies in LF alone.

STAGE is starttls, auth, greet, ehlo, helo, mail, rcpt, data, dot, bdat, rset, quit, or body
(in the middle of a message); rcpt2 is the second recipient of a transaction,
1:mail counts only in the first connection.  ACTION is a reply (lines divided
by |; a code alone gets a text), or one of

    hang close rst	do nothing more, hang up, reset the connection
    close,REPLY	say that, then hang up
    hang,REPLY		say that, then do nothing more
    drip		a reply that comes byte by byte and never ends
    endless		a reply of lines without end
    long		a reply that is one line without end
    nul			a reply with all sorts of bytes
    crawl		read on slowly
"""
import base64
import os
import socket
import struct
import sys
import threading
import time

CODES = {"greet": "220 peer.test ESMTP", "mail": "250 2.1.0 ok",
         "rcpt": "250 2.1.5 ok", "data": "354 go on",
         "dot": "250 2.0.0 queued as X1", "bdat": "250 2.0.0 queued as X1",
         "rset": "250 2.0.0 reset", "quit": "221 2.0.0 bye",
         "helo": "250 peer.test", "starttls": "220 2.0.0 go on",
         "auth": "235 2.7.0 welcome"}
NO = "535 5.7.8 wrong"
DEFAULT = "PIPELINING,8BITMIME,SIZE 50000000,ENHANCEDSTATUSCODES"


class Gone(Exception):
    pass


class Script:
    def __init__(self, dir, words):
        self.dir = dir
        self.script = dict(a.split("=", 1) for a in words)
        self.offer = self.script.pop("OFFER", DEFAULT)
        self.tlsoffer = self.script.pop("TLSOFFER", self.offer)
        self.login = self.script.pop("LOGIN", ":").split(":", 1)
        self.now = self.script.pop("TLS", "") == "now"
        self.end = "\n" if self.script.pop("END", "") == "lf" else "\r\n"
        cert = self.script.pop("CERT", None)
        self.context = None
        if cert:
            import ssl
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(cert)
            self.context.sni_callback = self.named
        self.out = open(dir + "/log", "a", buffering=1)
        self.lock = threading.Lock()
        self.conns = self.msgs = 0

    def named(self, sock, name, context):
        sock.asked = name

    def log(self, line):
        with self.lock:
            self.out.write(line + "\n")

    def meet(self, sock):
        self.conns += 1
        self.log("connect")
        threading.Thread(target=Conn(self, sock, self.conns).run,
                         daemon=True).start()


class Conn:
    def __init__(self, peer, sock, n):
        self.peer, self.sock, self.n, self.buf = peer, sock, n, b""
        self.rcpts = 0
        self.taken = 0
        self.tls = False
        self.pause = 0

    def action(self, stage):
        for key in ("%d:%s" % (self.n, stage), stage):
            if key in self.peer.script:
                return self.peer.script[key]
        if stage.startswith("rcpt") and stage != "rcpt":
            return self.action("rcpt")
        if stage == "ehlo":
            offer = self.peer.tlsoffer if self.tls else self.peer.offer
            words = ["peer.test"] + [w for w in offer.split(",") if w]
            return "|".join("250" + (" " if w is words[-1] else "-") + w
                            for w in words)
        return CODES[stage]

    def send(self, data):
        try:
            self.sock.sendall(data)
        except OSError:
            raise Gone

    def fill(self):
        if not self.buf:
            self.peer.log("wait")
        time.sleep(self.pause)
        try:
            data = self.sock.recv(65536)
        except OSError:
            data = b""
        if not data:
            self.peer.log("end")
            raise Gone
        self.buf += data

    def line(self):
        while b"\n" not in self.buf:
            self.fill()
        line, self.buf = self.buf.split(b"\n", 1)
        return line.rstrip(b"\r")

    def act(self, stage):
        """Do what stage asks for; the code that was said."""
        a = self.action(stage)
        if a.startswith("hang,"):
            self.send(a[5:].encode() + b"\r\n")
            a = "hang"
        if a == "hang":
            while True:
                time.sleep(3600)
        if a == "rst":
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                 struct.pack("ii", 1, 0))
        if a in ("close", "rst"):
            raise Gone
        if a == "drip":
            while True:
                self.send(b"2")
                time.sleep(0.1)
        if a == "endless":
            while True:
                self.send(b"250-and another line\r\n" * 50)
        if a == "long":
            while True:
                self.send(b"250 " + b"x" * 60000)
        if a == "crawl":
            self.pause = 0.05
            return ""
        if a == "nul":
            self.send(b"550 5.7.1 a\0b\tc\x1b[1md\xffe\rf\r\n")
            return "550"
        if a.startswith("close,"):
            self.send(a[6:].encode() + b"\r\n")
            raise Gone
        self.send("".join(x + self.peer.end for x in a.split("|")).encode())
        return a.split("|")[-1][:3]

    def store(self, data):
        with self.peer.lock:
            self.peer.msgs += 1
            n = self.peer.msgs
        with open("%s/%d.tmp" % (self.peer.dir, n), "wb") as f:
            f.write(data)
        os.rename("%s/%d.tmp" % (self.peer.dir, n),
                  "%s/%d" % (self.peer.dir, n))

    def begin_tls(self):
        """The handshake; what came in the clear before it is logged."""
        if self.buf:
            self.peer.log("early: %r" % self.buf)
            self.buf = b""
        try:
            self.sock = self.peer.context.wrap_socket(self.sock,
                                                      server_side=True)
        except OSError as e:
            self.peer.log("tls failed: %s" % e)
            raise Gone
        self.tls = True
        self.peer.log("tls %s" % getattr(self.sock, "asked", None))

    def challenge(self, data):
        self.send(b"334 " + base64.b64encode(data) + b"\r\n")
        return base64.b64decode(self.line())

    def scram(self, first):
        """RFC 5802 5; whether it is the right password."""
        import hashlib
        import hmac
        user, password = (x.encode() for x in self.peer.login)
        bare = first.split(b",", 2)[2]
        nonce = bare.split(b"r=")[1] + b"server"
        salt, rounds = b"0123456789abcdef", 4096
        said = b"r=" + nonce + b",s=" + base64.b64encode(salt) + \
            b",i=%d" % rounds
        final = self.challenge(said)
        without, proof = final.rsplit(b",p=", 1)
        key = hashlib.pbkdf2_hmac("sha256", password, salt, rounds)

        def mac(k, m):
            return hmac.new(k, m, "sha256").digest()
        client = mac(key, b"Client Key")
        auth = bare + b"," + said + b"," + without
        sign = mac(hashlib.sha256(client).digest(), auth)
        want = bytes(a ^ b for a, b in zip(client, sign))
        right = b"n=" + user + b",r=" in bare and \
            base64.b64decode(proof) == want
        if right and self.action("auth") != "forged":
            self.challenge(b"v=" + base64.b64encode(
                mac(mac(key, b"Server Key"), auth)))
        elif self.action("auth") == "forged":
            self.challenge(b"v=" + base64.b64encode(b"x" * 32))
        return right

    def auth(self, words):
        user, password = (x.encode() for x in self.peer.login)
        name = words[1].upper()
        first = name != "LOGIN" and \
            (base64.b64decode(words[2]) if words[2:] else self.challenge(b""))
        if name == "PLAIN":
            right = first == b"\0" + user + b"\0" + password
        elif name == "LOGIN":
            right = self.challenge(b"User Name") == user
            right &= self.challenge(b"Password") == password
        else:
            right = self.scram(first)
        self.peer.log("login %s %s" % (name, "ok" if right else "wrong"))
        if right and self.action("auth") == "forged":
            self.act("rset")
        elif right:
            self.act("auth")
        else:
            self.send(NO.encode() + b"\r\n")

    def body_begins(self):
        if "body" in self.peer.script or \
           "%d:body" % self.n in self.peer.script:
            self.act("body")

    def data(self):
        got = bytearray()
        self.body_begins()
        while True:
            seen = max(len(got) - 5, 0)
            got += self.buf
            self.buf = b""
            at = 0 if got.startswith(b".\r\n") else \
                got.find(b"\r\n.\r\n", seen) + 2
            if at != 1:
                break
            self.fill()
        self.buf = bytes(got[at + 3:])
        self.peer.log("C: .")
        self.store(got[:at])
        self.act("dot")

    def bdat(self, n):
        self.body_begins()
        got = bytearray()
        while len(got) + len(self.buf) < n:
            got += self.buf
            self.buf = b""
            self.fill()
        got += self.buf
        self.store(got[:n])
        self.buf = bytes(got[n:])
        self.act("bdat")

    def talk(self):
        if self.peer.now:
            self.begin_tls()
        if self.act("greet")[0] != "2":
            self.line()
            return
        while True:
            line = self.line().decode("utf-8", "backslashreplace")
            self.peer.log("C: " + line)
            verb = line.split(" ")[0].split(":")[0].lower()
            stage = verb if verb in CODES or verb == "ehlo" else "rset"
            if verb == "rcpt":
                self.rcpts += 1
                stage = "rcpt%d" % self.rcpts
            elif verb == "mail":
                self.rcpts = 0
            elif verb == "auth":
                self.auth(line.split())
                continue
            elif verb == "starttls":
                self.act(stage)
                if self.action(stage).startswith("220"):
                    self.begin_tls()
                continue
            elif verb == "bdat":
                self.bdat(int(line.split()[1]))
                continue
            code = self.act(stage)
            if verb == "data" and code == "354":
                self.data()
            if verb == "quit":
                return

    def run(self):
        try:
            self.talk()
        except Gone:
            pass
        self.sock.close()


def main(addr, port, dir, *words):
    os.makedirs(dir, exist_ok=True)
    script = Script(dir, words)
    family = socket.AF_INET6 if ":" in addr else socket.AF_INET
    s = socket.socket(family, socket.SOCK_STREAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if "crawl" in script.script.values():  # so that little is on its way
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 536)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
    s.bind((addr, int(port)))
    s.listen(64)
    open(dir + "/ready", "w").close()
    while True:
        c, _ = s.accept()
        if os.path.exists(dir + "/script"):
            with open(dir + "/script", encoding="utf-8") as f:
                script = Script(dir, f.read().splitlines())
            os.unlink(dir + "/script")
        script.meet(c)


main(*sys.argv[1:])
