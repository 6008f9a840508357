"""batch - send bytes to an SMTP server in pieces.

    batch.py ADDRESS PORT < PIECES

The pieces of stdin are parted by ~.  The greeting is waited for before the
first, and before each next one a reply to each line of the last; a piece behind a 354
has one.  Everything received is printed, CR taken away.
"""
import socket
import sys

s = socket.create_connection((sys.argv[1], int(sys.argv[2])), 60)
f = s.makefile("rb")


def hear(n):
    """Print so many replies, or all; the code of the last."""
    line = b""
    while n > 0:
        line = f.readline()
        if not line:
            break
        sys.stdout.write(line.decode("latin-1").replace("\r", ""))
        n -= line[3:4] == b" "
    return line[:3]


code = hear(1)
pieces = sys.stdin.buffer.read().split(b"~")
try:
    for p in pieces[:-1]:
        s.sendall(p)
        code = hear(1 if code == b"354" else p.count(b"\n"))
    s.sendall(pieces[-1])
    hear(float("inf"))
except ConnectionResetError:
    pass
