"""letters - write letters that can be told whole from torn, and count them.

Used by kill.py and power.py on a private instance of tests/lib.bash.
"""
import glob
import hashlib
import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import time

USERS = "alice", "bob"
PATIENCE = 120  # s after which a run counts as blocked
FROM = re.compile(rb"(?:\A|(?<=\n\n))From \S+ +\w{3} \w{3} [ \d]\d [\d:]{8} "
                  rb"\d{4}[^\n]*\n")


class Wrong(Exception):
    """A promise was broken."""


def digest(body):
    return hashlib.sha1(body.rstrip(b"\n")).hexdigest().encode()


def letter(key, size=400):
    """A letter as bytes with LF; its body names its own checksum."""
    lines, n, i = [], 0, 0
    while n < size:
        line = (b"%s line %d " % (key.encode(), i)).ljust(70, b"x")
        if i % 7 == 3:
            line = b"From %s Sat Nov 21 19:54:01 2026" % key.encode()
        elif i % 7 == 4:
            line = b".dot " + line
        elif i % 7 == 5:
            line = b">>From " + line
        elif i % 7 == 6:
            line = b""
        lines.append(line)
        n, i = n + len(line) + 1, i + 1
    body = b"\n".join(lines) + b"\n"
    return (b"From: Tester <alice@a.test>\nTo: somebody\nSubject: %s\n"
            b"Message-ID: <%s@crash.test>\nX-Key: %s\nX-Sum: %s\n\n" % (
                key.encode(), key.encode(), key.encode(), digest(body)) + body)


def check(text, where):
    """The key of a whole letter; a notification's is that of what it returns."""
    head, _, body = text.partition(b"\n\n")
    key = re.search(rb"^X-Key: (\S+)$", head, re.M)
    total = re.search(rb"^X-Sum: (\S+)$", head, re.M)
    if b"multipart/report" in head:
        key = re.search(rb"^X-Key: (\S+)$", body, re.M)
        end = re.search(rb'boundary="([^"]+)"', head)
        if key and end and body.rstrip(b"\n").endswith(
                b"--" + end[1] + b"--"):
            return "dsn:" + key[1].decode()
    elif key and total and digest(body) == total[1]:
        return key[1].decode()
    raise Wrong("%s: torn letter: %r ... %r" % (where, text[:300], text[-80:]))


def read_mbox(path):
    """The keys of the letters in an mbox, which must all be whole."""
    try:
        with open(path, "rb") as f:
            data = f.read()
    except FileNotFoundError:
        return []
    at = [m.span() for m in FROM.finditer(data)]
    if data.strip(b"\n") and (not at or data[:at[0][0]].strip(b"\n")):
        raise Wrong("%s: does not begin with a letter: %r" % (path, data[:80]))
    keys = []
    for i, (_, start) in enumerate(at):
        end = at[i + 1][0] if i + 1 < len(at) else len(data)
        text = re.sub(rb"(?m)^>(>*From )", rb"\1", data[start:end])
        keys.append(check(text, path))
    return keys


class Sink:
    """A host that takes letters, or that is told to defer them."""

    def __init__(self, addr, port, taken=lambda key: None):
        self.keys, self.taken, self.defer, self.wrong = [], taken, False, []
        self.sock = socket.socket()
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.sock.bind((addr, port))
        self.sock.listen(50)
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            conn, _ = self.sock.accept()
            threading.Thread(target=self.talk, args=(conn,),
                             daemon=True).start()

    def talk(self, conn):
        try:
            conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with conn, conn.makefile("rb") as f:
                self.session(conn, f)
        except OSError:
            pass
        except Wrong as e:
            self.wrong.append(str(e))

    def session(self, conn, f):
        def say(text):
            conn.sendall(text + b"\r\n")
        rcpts = 0
        say(b"220 sink.test ESMTP")
        for line in f:
            verb = line[:4].upper()
            rcpts += verb == b"RCPT" and not self.defer
            rcpts *= verb != b"MAIL"
            if verb == b"EHLO":
                say(b"250-sink.test\r\n250 PIPELINING")
            elif verb == b"RCPT" and self.defer:
                say(b"450 4.2.1 not now")
            elif verb == b"DATA" and not rcpts:
                say(b"503 5.5.1 no recipients")
            elif verb == b"DATA":
                say(b"354 go on")
                if not self.data(f):
                    return
                say(b"250 2.0.0 taken")
            elif verb == b"QUIT":
                return say(b"221 2.0.0 bye")
            else:
                say(b"250 2.0.0 ok")

    def data(self, f):
        text = b""
        for line in f:
            if line == b".\r\n":
                key = check(text, "sink")
                self.taken(key)
                self.keys.append(key)
                return True
            text += line[line[:1] == b".":].replace(b"\r\n", b"\n")
        return False


class Instance:
    def __init__(self, dir, programs):
        self.dir, self.programs = dir, programs
        self.conf = dir + "/facteur.conf"

    def prog(self, name):
        for p in (name, name + "/" + name):
            path = os.path.join(self.programs, p)
            if os.path.isfile(path):
                return path
        raise Wrong("no program " + name)

    def run(self, argv, data=b"", env=None):
        p = subprocess.Popen(argv, stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                             env=dict(os.environ, **(env or {})),
                             start_new_session=True)
        try:
            out, _ = p.communicate(data, PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(p.pid, signal.SIGKILL)
            p.wait()
            raise Wrong("blocked: " + " ".join(argv))
        return subprocess.CompletedProcess(argv, p.returncode, out)

    def queuerun(self, *args, before=(), env=None):
        return self.run([*before, self.prog("queuerun"), "-C", self.conf,
                         *args], env=env)

    def smtp(self, letters, before=(), env=None):
        """Send [(key, rcpts, size)] in one session: {key: reply code}.
        A letter without a reply is missing; self.last is the last reply."""
        told, self.last = {}, 0
        p = subprocess.Popen([*before, self.prog("smtpd"), "-C", self.conf],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             env=dict(os.environ, **(env or {})))
        timer = threading.Timer(PATIENCE, p.kill)
        timer.start()

        def reply():
            line = p.stdout.readline()
            while line[3:4] == b"-":
                line = p.stdout.readline()
            if not line[:3].isdigit():
                raise EOFError
            self.last = int(line[:3])
            return line

        def say(data):
            p.stdin.write(data + b"\r\n")
            p.stdin.flush()
            return reply()

        try:
            reply()
            say(b"EHLO crash.test")
            for key, rcpts, size in letters:
                r = say(b"MAIL FROM:<alice@a.test>")
                for to in rcpts:
                    if r[:1] == b"2":
                        r = say(b"RCPT TO:<%s>" % to.encode())
                if r[:1] == b"2":
                    r = say(b"DATA")
                if r[:1] == b"3":
                    text = re.sub(rb"(?m)^\.", b"..", letter(key, size))
                    r = say(text.replace(b"\n", b"\r\n") + b".")
                told[key] = int(r[:3])
                if told[key] != 250:
                    say(b"RSET")
            say(b"QUIT")
        except EOFError:
            pass
        except BrokenPipeError:
            # It left while we sent; it may have said why.
            try:
                reply()
            except EOFError:
                pass
        finally:
            try:
                p.stdin.close()
            except BrokenPipeError:
                pass
            p.stdout.read()
            p.stdout.close()
            p.wait()
            timer.cancel()
        return told

    def submit(self, key, rcpts, size, before=(), env=None):
        """Hand a letter to sendmail: its exit code, or below 0 a signal."""
        return self.run([*before, self.prog("sendmail"), "-C", self.conf,
                         "-f", "alice@a.test", *rcpts], letter(key, size),
                        env).returncode

    # --- after the crash ---

    def waiting(self):
        s = self.dir + "/spool/"
        return [f for d in ("new/*", "q/*/*", "hold/*") for f in glob.glob(s + d)]

    def drain(self, env=None):
        """Run the queue as cron would, until it is empty; with a new letter
        for each user, because the next one for a mailbox puts it right."""
        told = self.smtp([("next-" + u, [u + "@a.test"], 50) for u in USERS],
                         env=env)
        if set(told.values()) != {250}:
            raise Wrong("no more letters are taken: %s" % told)
        for later in (0, 4000, 8000):
            when = ("-T", str(int(time.time()) + later)) if later else ()
            for f in glob.glob(self.dir + "/spool/hosts/*") if later else ():
                os.unlink(f)  # hosts that failed are forgotten by then
            r = self.queuerun(*when, env=env)
            if r.returncode != 0:
                raise Wrong("queuerun: %d %r" % (r.returncode, r.stdout))
            if not self.waiting():
                return
        raise Wrong("the queue is not empty: %s" % self.waiting())

    def boxes(self):
        """{user: keys} of all mailboxes."""
        return {u: read_mbox("%s/mail/%s" % (self.dir, u)) for u in USERS}

    def strays(self):
        """Nothing may lie about but mailboxes and records."""
        d = self.dir
        left = self.waiting() + glob.glob(d + "/spool/trace/*")
        left += [f for f in glob.glob(d + "/mail/*")
                 if os.path.basename(f) not in USERS]
        left += [f for f in glob.glob(d + "/state/*/*")
                 if not os.path.basename(f).startswith("mbox.")]
        if left:
            raise Wrong("left behind: " + " ".join(left))

    def clean(self):
        """As new, for the next round."""
        d = self.dir
        for f in (glob.glob(d + "/mail/*") + self.waiting() +
                  glob.glob(d + "/spool/bad/*") +
                  glob.glob(d + "/spool/hosts/*")):
            os.unlink(f)
        for f in glob.glob(d + "/state/*") + glob.glob(d + "/spool/q/*"):
            shutil.rmtree(f)
