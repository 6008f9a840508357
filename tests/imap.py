"""imap - an IMAP client that a test can look over the shoulder of.

As a program: a dialogue, the lines of stdin in one go, all that comes back to
stdout.  LF becomes CRLF, and CRLF becomes LF on the way back.

    imap.py COMMAND...        with a program on a pipe
    imap.py -s COMMAND...     with a program on one end of a socket pair, as inetd and
                              sshd start it
    imap.py -t ADDRESS PORT   with a server

IMAP_RAW=1: bytes go as they are.  IMAP_AS=UID:GID: the program runs as that user.
What the program says on stderr comes back too, as under inetd.

As a module: Imap(user), several at a time, of the instance whose configuration is
$IMAP_CONF, by the program $IMAP_PROG; see tests/imap.bash.
"""
import os
import re
import select
import socket
import subprocess
import sys
import threading
import time
import zlib

PATIENCE = float(os.environ.get("PATIENCE", 60))


def become(ids):
    """Popen's words for a process of that UID:GID."""
    if not ids or os.getuid() != 0:
        return {}
    uid, gid = map(int, ids.split(":"))
    return {"user": uid, "group": gid, "extra_groups": []}


def ids_of(user):
    """A user of the instance as UID:GID."""
    conf = open(os.environ["IMAP_CONF"]).read()
    for line in open(re.search(r"(?m)^users (.*)", conf)[1]):
        f = line.split(":")
        if f[0] == user:
            return f[2] + ":" + f[3]
    raise KeyError(user)


class Imap:
    """One session, PREAUTH unless it is with a server (addr).  What is said ahead is
    there before the program starts."""

    def __init__(self, user="bob", addr=None, ahead=b""):
        self.child = None
        if addr:
            self.sock = socket.create_connection(addr, PATIENCE)
        else:
            self.sock, theirs = socket.socketpair()
            self.sock.sendall(ahead)
            argv = [os.environ["IMAP_PROG"], "-C", os.environ["IMAP_CONF"]]
            self.child = subprocess.Popen(
                argv, stdin=theirs, stdout=theirs, stderr=theirs,
                env=dict(os.environ, LOGNAME=user),
                **become(ids_of(user)))
            theirs.close()
        self.buf = b""
        self.n = 0
        self.inflate = self.deflate = None
        self.said = []  # untagged lines of the last command
        self.greeting = self.line()

    def compress(self):
        """From here on both ways are deflated (RFC 4978)."""
        self.deflate = zlib.compressobj(6, zlib.DEFLATED, -15)
        self.inflate = zlib.decompressobj(-15)

    def more(self, patience=PATIENCE):
        """Read what is there: False at the end, TimeoutError."""
        if not select.select([self.sock], [], [], patience)[0]:
            raise TimeoutError("nothing came, but " + repr(self.buf))
        try:
            got = self.sock.recv(65536)
        except ConnectionResetError:
            got = b""
        self.buf += self.inflate.decompress(got) if self.inflate else got
        return got != b""

    def line(self, patience=PATIENCE):
        """One line with its literals, without CRLF; None at the end."""
        end = time.monotonic() + patience
        at = 0
        while True:
            k = self.buf.find(b"\r\n", at)
            if k < 0:
                if not self.more(max(0, end - time.monotonic())):
                    return None
                continue
            m = re.search(rb"\{(\d+)\}$", self.buf[at:k])
            if not m:
                break
            at = k + 2 + int(m[1])
            while len(self.buf) < at:
                if not self.more(max(0, end - time.monotonic())):
                    return None
        got, self.buf = self.buf[:k], self.buf[k + 2:]
        return got.decode("utf-8", "surrogateescape")

    def put(self, data):
        """Send as it is."""
        if isinstance(data, str):
            data = data.encode("utf-8", "surrogateescape")
        if self.deflate:
            data = self.deflate.compress(data) + \
                self.deflate.flush(zlib.Z_SYNC_FLUSH)
        self.sock.sendall(data)

    def tell(self, command):
        """Send a command with a tag, which is returned."""
        self.n += 1
        tag = "t%d" % self.n
        self.put(tag + " " + command + "\r\n")
        return tag

    def answer(self, tag, patience=PATIENCE):
        """The tagged answer without its tag; what came before is in said."""
        self.said = []
        while True:
            line = self.line(patience)
            if line is None:
                return None
            if line.startswith(tag + " "):
                return line[len(tag) + 1:]
            self.said.append(line)

    def cmd(self, command):
        return self.answer(self.tell(command))

    def ok(self, command):
        """The answer's text behind OK."""
        got = self.cmd(command)
        assert got and got.startswith("OK "), (command, got, self.said)
        return got[3:]

    def no(self, command, what="NO "):
        got = self.cmd(command)
        assert got and got.startswith(what), (command, got, self.said)
        return got

    def bad(self, command):
        return self.no(command, "BAD ")

    def idle(self):
        """Begin; the lines that come before the invitation."""
        self.idling = self.tell("IDLE")
        got = []
        while not (got and got[-1].startswith("+")):
            got.append(self.line())
        return got[:-1]

    def done(self):
        self.put("DONE\r\n")
        return self.answer(self.idling)

    def append(self, box, text, flags="", date=""):
        text = text.encode().replace(b"\n", b"\r\n")
        return self.ok("APPEND %s %s%s{%d+}\r\n%s" % (
            box, flags and flags + " ", date and '"%s" ' % date, len(text),
            text.decode()))

    def cut(self):
        """Gone, without a word."""
        self.sock.close()
        if self.child:
            return self.child.wait()

    def end(self):
        """LOGOUT: what came with it."""
        self.ok("LOGOUT")
        said = self.said
        assert self.line() is None
        assert self.cut() in (None, 0)
        return said


def work_of(pid):
    """Seconds that the process has computed."""
    with open("/proc/%d/stat" % pid) as f:
        words = f.read().rpartition(")")[2].split()
    return sum(map(int, words[11:13])) / os.sysconf("SC_CLK_TCK")


def soon(what, patience=PATIENCE):
    """Wait until what() is true: what it is."""
    end = time.monotonic() + patience
    while not (got := what()):
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)
    return got


def like(line, want):
    """Is it what an "S: " line wants?  ... stands for anything; of an answer the
    text does not matter."""
    if line is None:
        return False
    end = "( .*)?" if re.match(r"\S+ (OK|NO|BAD)\b", want) else ""
    want = ".*".join(re.escape(w) for w in want.split("..."))
    return re.fullmatch(want + end, line, re.S) is not None


def dialogue(script, user="bob", session=None):
    """A dialogue as RFCs have them: "C: " and what is sent, "S: " and the line that
    comes; a line "S: ..." stands for any number of them."""
    s = session or Imap(user)
    skip = False
    for at in script.splitlines():
        kind, text = at[:3], at[3:]
        if kind == "C: ":
            assert not skip, "S: ... must not be the last"
            s.put(text + "\r\n")
        elif kind != "S: ":
            assert not at.strip(), at
        elif text == "...":
            skip = True
        else:
            line = s.line()
            while skip and line is not None and not like(line, text):
                line = s.line()
            skip = False
            assert like(line, text), "not %r but %r" % (text, line)
    if not session:
        try:
            s.put("end LOGOUT\r\n")
            line = s.line()
        except BrokenPipeError:
            line = None
        assert line is None or line.startswith("* BYE"), line
        s.cut()


# --- as a program ---

def converse(data, argv):
    ids = become(os.environ.get("IMAP_AS"))
    if argv[0] == "-t":
        s = socket.create_connection((argv[1], int(argv[2])), PATIENCE)
        child = None
    elif argv[0] == "-s":
        s, theirs = socket.socketpair()
        child = subprocess.Popen(argv[1:], stdin=theirs, stdout=theirs,
                                 stderr=theirs, **ids)
        theirs.close()
    else:
        child = subprocess.Popen(argv, stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT, **ids)
        out = child.communicate(data)[0]
        return out, child.returncode
    s.settimeout(120)

    def send():
        try:
            s.sendall(data)
            s.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    threading.Thread(target=send, daemon=True).start()
    out = b""
    try:
        while True:
            got = s.recv(65536)
            if not got:
                break
            out += got
    except ConnectionResetError:
        pass
    return out, child.wait() if child else 0


def main():
    data = sys.stdin.buffer.read()
    if "IMAP_RAW" not in os.environ:
        data = data.replace(b"\n", b"\r\n")
    out, status = converse(data, sys.argv[1:])
    sys.stdout.buffer.write(out.replace(b"\r\n", b"\n"))
    sys.stdout.flush()
    sys.exit(status)


if __name__ == "__main__":
    main()
