"""batch - send bytes to an SMTP server in pieces.

    batch.py ADDRESS PORT < PIECES

The pieces of stdin are parted by ~.  The greeting is waited for before the
first, and before each next one replies until the server falls silent.
Everything received is printed, CR taken away.
"""
import select
import socket
import sys

s = socket.create_connection((sys.argv[1], int(sys.argv[2])), 20)


def hear(patience):
    """Print what comes; a pause of patience seconds ends it."""
    try:
        b = s.recv(65536)
        while b:
            sys.stdout.write(b.decode("latin-1").replace("\r", ""))
            if not select.select([s], [], [], patience)[0]:
                return
            b = s.recv(65536)
    except ConnectionResetError:
        pass


hear(0)
pieces = sys.stdin.buffer.read().split(b"~")
for p in pieces:
    s.sendall(p)
    hear(20 if p is pieces[-1] else 0.2)
