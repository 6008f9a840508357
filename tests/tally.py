"""tally - letters that can be counted, and told from torn ones.

    tally.py letter NAME [BYTES]	print the letter NAME
    tally.py keep DIR			put the letter of stdin into a file of DIR
    tally.py count BOX...		how many letters are there in all
    tally.py once NAMES BOX...		are exactly these letters in all the boxes,
					each once and whole?

NAMES are words in one argument.  A box is an mbox or a directory with one
letter in each file.  Other tests import letter(), check() and split().
"""
import hashlib
import os
import random
import re
import sys
import tempfile

# Lines that somebody might take for something else.
TRAPS = [b".", b"..dots", b"", b"From the beginning", b">From there",
         b"From jo@x.test Sat Nov 21 19:54:01 2026", b"Status: RO",
         b"\xc3\xa9t\xc3\xa9 \xe9", b"Content-Length: 3"]
FROM = re.compile(rb"From \S+ +\w\w\w \w\w\w [ \d]\d \d\d:\d\d(:\d\d)? ")


class Torn(Exception):
    """Not a whole letter."""


def digest(body):
    """What a body's text is, however it was quoted."""
    body = re.sub(rb"(?m)^>+From ", b"From ", body)
    return hashlib.sha256(body.rstrip(b"\n")).hexdigest()


def letter(name, size=600):
    """The letter of that name, always the same, with LF at line ends."""
    rng = random.Random(name)
    lines = []
    while sum(map(len, lines)) < size:
        if rng.random() < 0.1:
            lines += [b"", rng.choice(TRAPS)]
        lines.append(b"%s %d " % (name.encode(), len(lines)) +
                     b"une ligne de texte " * rng.randrange(4))
    body = b"\n".join(lines) + b"\nend of %s\n" % name.encode()
    return (b"From: Jo <jo@x.test>\nTo: bob@a.test\nSubject: letter %s\n"
            b"Message-ID: <%s@x.test>\nX-Tally: %s %s\n"
            b"Date: Sat, 21 Nov 2026 19:54:01 +0000\n\n"
            % ((name.encode(),) * 3 + (digest(body).encode(),))) + body


def check(text):
    """The name of a letter that is whole."""
    text = text.replace(b"\r\n", b"\n")
    head, _, body = text.partition(b"\n\n")
    m = re.search(rb"(?m)^X-Tally: (\S+) (\S+)$", head)
    if not m:
        raise Torn("no letter: %r" % text[:200])
    name = m.group(1)
    for line in (b"Subject: letter " + name, b"From: Jo <jo@x.test>",
                 b"Message-ID: <" + name + b"@x.test>"):
        if head.split(b"\n").count(line) != 1:
            raise Torn("%r is not once in the header %r" % (line, head))
    if digest(body).encode() != m.group(2):
        raise Torn("%s has another body: %r ... %r" % (
            name.decode(), text[:1500], text[-200:]))
    return name.decode()


def split(path):
    """The letters of an mbox, without their From_ lines."""
    with open(path, "rb") as f:
        lines = f.read().split(b"\n")
    found, blank = [], True
    for n, line in enumerate(lines):
        if blank and FROM.match(line):
            found.append([])
        elif found:
            found[-1].append(line)
        elif line:
            raise Torn("%s begins with %r" % (path, line))
        blank = not line
    return [b"\n".join(x) for x in found]


def read(box):
    """The letters of a box.  alpine and others keep a message of their own in an
    mbox."""
    if not os.path.isdir(box):
        found = split(box) if os.path.exists(box) else []
        return [x for x in found if b"\nX-Tally: " in x or
                not re.search(rb"(?m)^X-IMAP(base)?: ", x)]
    found = []
    for where, _, names in os.walk(box):
        for name in names:
            with open(os.path.join(where, name), "rb") as f:
                found.append(f.read())
    return found


def once(names, boxes):
    """Print what is wrong; was all well?"""
    seen, bad = {}, []
    for box in boxes:
        for text in read(box):
            try:
                seen.setdefault(check(text), []).append(box)
            except Torn as e:
                bad.append("%s: %s" % (box, e))
    for name in names:
        if name not in seen:
            bad.append("lost: " + name)
    for name, where in seen.items():
        if name not in names:
            bad.append("not expected: %s in %s" % (name, where))
        elif len(where) > 1:
            bad.append("more than once: %s in %s" % (name, where))
    print("\n".join(bad))
    return not bad


def main():
    """One of the commands."""
    what, args = sys.argv[1], sys.argv[2:]
    if what == "letter":
        size = int(args[1]) if len(args) > 1 else 600
        sys.stdout.buffer.write(letter(args[0], size))
    elif what == "keep":
        fd, _ = tempfile.mkstemp(dir=args[0])
        with os.fdopen(fd, "wb") as f:
            f.write(sys.stdin.buffer.read())
    elif what == "count":
        print(sum(len(read(box)) for box in args))
    elif what == "once":
        sys.exit(0 if once(set(args[0].split()), args[1:]) else 1)
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
