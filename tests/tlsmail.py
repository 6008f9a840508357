"""tlsmail - POP3 and IMAP clients in the clear and over TLS, for tests that look at
every byte: Pop(host, port), Imap(host, port); secure=True: TLS from the first byte on.
Certificates are checked against $CA and the name a.test.
"""
import base64
import hashlib
import hmac
import os
import re
import socket
import ssl

PATIENCE = float(os.environ.get("PATIENCE", 60))


def context():
    return ssl.create_default_context(cafile=os.environ["CA"])


class Client:
    """What both have in common: lines, and TLS."""

    def __init__(self, host, port, secure=False):
        self.sock = socket.create_connection((host, port), PATIENCE)
        self.buf = b""
        if secure:
            self.wrap()
        self.greeting = self.line()

    def wrap(self, server_hostname="a.test"):
        self.sock = context().wrap_socket(self.sock,
                                          server_hostname=server_hostname)

    def say(self, data):
        self.sock.sendall(data)

    def line(self):
        """The next line, or what came before the end."""
        while b"\n" not in self.buf:
            got = self.sock.recv(65536)
            if not got:
                break
            self.buf += got
        line, _, self.buf = self.buf.partition(b"\n")
        return line.rstrip(b"\r").decode()

    def rest(self):
        """All to the end."""
        out, self.buf = [self.buf], b""
        try:
            while got := self.sock.recv(65536):
                out.append(got)
        except ConnectionResetError:
            pass
        return b"".join(out)

    def scram(self, name, secret, answer=None):
        """SCRAM-SHA-256 without binding; answer changes what goes out as the last
        message.  What the server says in the end."""
        nonce = base64.b64encode(os.urandom(12)).decode()
        bare = "n=%s,r=%s" % (name, nonce)
        line = self.auth("SCRAM-SHA-256", "n,," + bare)
        first = decode(line)
        fields = dict(f.split("=", 1) for f in first.split(","))
        assert fields["r"].startswith(nonce) and fields["r"] != nonce
        salted = hashlib.pbkdf2_hmac("sha256", secret.encode(),
                                     base64.b64decode(fields["s"]),
                                     int(fields["i"]))
        key = digest(salted, b"Client Key")
        final = "c=biws,r=" + fields["r"]
        auth = ",".join((bare, first, final)).encode()
        sign = digest(hashlib.sha256(key).digest(), auth)
        proof = bytes(a ^ b for a, b in zip(key, sign))
        self.proved = auth, base64.b64encode(proof)
        final += ",p=" + self.proved[1].decode()
        self.say(encode(answer(final) if answer else final) + b"\r\n")
        last = decode(self.line())
        self.say(b"\r\n")
        if last.startswith("v="):
            want = digest(digest(salted, b"Server Key"), auth)
            assert base64.b64decode(last[2:]) == want
        return last, self.end()


def digest(key, text):
    return hmac.new(key, text, "sha256").digest()


def encode(text):
    return base64.b64encode(text.encode())


def decode(line):
    assert line.startswith("+ "), line
    return base64.b64decode(line[2:], validate=True).decode()


class Pop(Client):
    def ask(self, command):
        """The first line of the reply."""
        self.say(command.encode() + b"\r\n")
        return self.line()

    def list(self, command):
        """The lines of one that goes on to the dot."""
        assert self.ask(command).startswith("+OK")
        out = []
        while True:
            line = self.line()
            if line == ".":
                return out
            out.append(line)

    def start(self, behind=b""):
        self.say(b"STLS\r\n" + behind)
        assert self.line().startswith("+OK begin")
        assert self.buf == b""
        self.wrap()

    def login(self, name="bob", secret="secret"):
        self.ask("USER " + name)
        return self.ask("PASS " + secret)

    def auth(self, mechanism, first):
        return self.ask("AUTH %s %s" % (mechanism, encode(first).decode()))

    def end(self):
        return self.line()


class Imap(Client):
    n = 0

    def ask(self, command):
        """The last line of the answer, without its tag."""
        return self.all(command)[-1]

    def all(self, command):
        self.n += 1
        self.say(b"t%d " % self.n + command.encode() + b"\r\n")
        return self.answer()

    def answer(self):
        out = []
        tag = "t%d " % self.n
        while True:
            line = self.line()
            assert line, out
            if line.startswith(tag):
                return out + [line[len(tag):]]
            out.append(line)

    def start(self, behind=b""):
        self.n += 1
        self.say(b"t%d STARTTLS\r\n" % self.n + behind)
        assert self.answer() == ["OK begin"]
        assert self.buf == b""
        self.wrap()

    def capabilities(self):
        return self.all("CAPABILITY")[0].split()[2:]

    def login(self, name="bob", secret="secret"):
        return self.ask("LOGIN %s %s" % (name, secret))

    def auth(self, mechanism, first):
        self.n += 1
        self.say(b"t%d AUTHENTICATE %s %s\r\n" %
                 (self.n, mechanism.encode(), encode(first)))
        return self.line()

    def end(self):
        return self.answer()[-1]


def greeted(line):
    """The capabilities of an IMAP greeting."""
    return re.match(r"\* OK \[CAPABILITY ([^]]*)\]", line)[1].split()
