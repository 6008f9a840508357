"""imapparts - make messages of nested parts, ask imapd for every part of them, and
compare with what they were made of.

	imapparts.py COUNT SEED > mbox               (make)
	imapparts.py -c COUNT SEED COMMAND...        (ask, compare)

The same numbers make the same messages."""
import base64
import quopri
import random
import re
import subprocess
import sys


class Part:
    def __init__(self, head, body, parts=(), data=None, kind="leaf"):
        self.head, self.body, self.parts = head, body, list(parts)
        self.data, self.kind = data, kind

    def bytes(self):
        return self.head + b"\r\n" + self.body


def words(r):
    text = []
    for _ in range(r.randint(0, 6)):
        text.append(r.choice([b"From here", b">From there", b"plain", b"",
                              b"--", b"--no boundary", b"caf\xc3\xa9", b".",
                              b"x" * r.randint(1, 2000), b" blank ", b"=41"]))
    return b"\r\n".join(text)


def leaf(r, free):
    """free: its last line need not end, as a boundary follows."""
    how = r.choice(["", "8bit", "base64", "BASE64", "quoted-printable"])
    if how.lower() == "base64":
        data = r.randbytes(r.randint(0, 3000))
        body = base64.encodebytes(data or b"a").replace(b"\n", b"\r\n")
        data = data or b"a"
    elif how == "quoted-printable":
        data = words(r) + (b"" if free else b"\r\n")
        body = quopri.encodestring(data.replace(b"\r\n", b"\n"))
        body = body.replace(b"\n", b"\r\n")
    else:
        data = body = words(r) + (b"" if free else b"\r\n")
    kind = r.choice([b"text/plain", b"text/html; charset=utf-8",
                     b"application/octet-stream; name=\"a b\"", b""])
    head = b""
    if kind:
        head += b"Content-Type: " + kind + b"\r\n"
    if how:
        head += b"Content-Transfer-Encoding:\r\n " + how.encode() + b"\r\n"
    if r.random() < 0.3:
        head += b"Content-Description: part\r\n\tof all\r\n"
    return Part(head, body, data=data)


def part(r, depth, free=False):
    n = r.random()
    if depth > 3 or n < 0.6:
        return leaf(r, free)
    if n < 0.75:
        m = message(r, depth + 1, free)
        return Part(b"Content-Type: message/rfc822\r\n", m.bytes(), [m],
                    kind="message")
    return multipart(r, depth + 1)


def multipart(r, depth):
    mark = b"b%d" % r.randint(0, 10 ** 9)
    parts = [part(r, depth, True) for _ in range(r.randint(1, 4))]
    body = r.choice([b"", b"preamble\r\n", b"\r\n"])
    for p in parts:
        body += b"--" + mark + r.choice([b"", b"  "]) + b"\r\n" + p.bytes()
        body += b"\r\n"
    body += b"--" + mark + b"--\r\n" + r.choice([b"", b"epilogue\r\n"])
    head = b"Content-Type: multipart/mixed;\r\n boundary=\"" + mark + b"\"\r\n"
    return Part(head, body, parts, kind="multipart")


def message(r, depth, free=False):
    p = part(r, depth, free)
    extra = b"".join(r.choice([b"Subject: a\r\n b\r\n", b"X-Own: c\r\n",
                               b"Received: d\r\n\te\r\n", b"To: f\r\n"])
                     for _ in range(r.randint(1, 5)))
    return Part(b"From: g\r\n" + extra + b"MIME-Version: 1.0\r\n" + p.head,
                p.body, p.parts, p.data, p.kind)


def messages(count, seed):
    r = random.Random(seed)
    for _ in range(count):
        yield message(r, 0)


def make(count, seed):
    out = sys.stdout.buffer
    for m in messages(count, seed):
        out.write(b"From jo@x.test Sat Nov 21 10:00:00 2026\n")
        text = m.bytes().replace(b"\r\n", b"\n")
        text = re.sub(rb"(?m)^(>*From )", rb">\1", text)
        out.write(text + b"\n")


def walk(p, number, top):
    """All sections below: (section, bytes or None)."""
    dot = number + "." if number else ""
    if p.kind == "multipart":
        kids = [(k, dot + str(i + 1)) for i, k in enumerate(p.parts)]
    elif top:
        kids = [(p, dot + "1")]
    else:
        kids = []
    if p.kind == "message" and not top:
        m = p.parts[0]
        yield number + ".HEADER", m.head + b"\r\n"
        yield number + ".TEXT", m.body
        yield number + ".HEADER.FIELDS (SUBJECT X-OWN)", fields(m.head)
        yield from walk(m, number, True)
    for k, n in kids:
        yield n, k.body
        yield n + ".MIME", k.head + b"\r\n"
        if k.data is not None:
            yield "B" + n, k.data
        if k is p and k.kind == "message":
            yield from walk(k, n, False)
        elif k is not p:
            yield from walk(k, n, False)


def fields(head):
    all_of_them = re.findall(rb"(?:.+\r\n(?:[ \t].*\r\n)*)", head)
    keep = [f for f in all_of_them
            if f.split(b":")[0].lower() in (b"subject", b"x-own")]
    return b"".join(keep) + b"\r\n"


class Imap:
    def __init__(self, command):
        self.p = subprocess.Popen(command, stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE)
        self.p.stdout.readline()

    def ask(self, line):
        """Literals of the answer, and its text without them."""
        self.p.stdin.write(b"t " + line.encode() + b"\r\n")
        self.p.stdin.flush()
        found, text = [], b""
        while True:
            got = self.p.stdout.readline()
            assert got, (line, text)
            m = re.search(rb"\{(\d+)\}\r\n$", got)
            text += got
            if m:
                found.append(self.p.stdout.read(int(m[1])))
            elif got.startswith(b"t "):
                assert got.startswith(b"t OK"), got
                return found, text


def same(want, got, where):
    if want != got:
        print(where, "is", got, "not", want, sep="\n")
        sys.exit(1)


def check(count, seed, command):
    imap = Imap(command)
    imap.ask("SELECT INBOX")
    r = random.Random(seed + 1)
    asked = 0
    for i, m in enumerate(messages(count, seed), 1):
        whole = m.bytes()
        same([whole], imap.ask(f"FETCH {i} BODY.PEEK[]")[0], i)
        same([m.head + b"\r\n"], imap.ask(f"FETCH {i} RFC822.HEADER")[0], i)
        same([whole[len(m.head) + 2:]],
             imap.ask(f"FETCH {i} BODY.PEEK[TEXT]")[0], i)
        same([fields(m.head)], imap.ask(
            f"FETCH {i} BODY.PEEK[HEADER.FIELDS (SUBJECT X-OWN)]")[0], i)
        every = list(walk(m, "", True))
        r.shuffle(every)
        for name, want in every:
            asked += 1
            where = f"message {i}, {name}"
            if name[0] == "B":
                check_binary(imap, i, name[1:], want, where)
                continue
            same([want], imap.ask(f"FETCH {i} BODY.PEEK[{name}]")[0], where)
            off, n = r.randint(0, len(want) + 3), r.randint(1, len(want) + 3)
            same([want[off:off + n]],
                 imap.ask(f"FETCH {i} BODY.PEEK[{name}]<{off}.{n}>")[0],
                 where)
    print(asked)


def check_binary(imap, i, name, want, where):
    got = imap.ask(f"FETCH {i} BINARY.PEEK[{name}]")
    same([want], got[0], where)
    same(b"\0" in want, b" ~{" in got[1], where)
    size = imap.ask(f"FETCH {i} BINARY.SIZE[{name}]")[1]
    same(len(want), int(re.search(rb"\] (\d+)\)", size)[1]), where)


if __name__ == "__main__":
    if sys.argv[1] == "-c":
        check(int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:])
    else:
        make(int(sys.argv[1]), int(sys.argv[2]))
