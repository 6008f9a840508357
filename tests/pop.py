"""pop - a POP3 dialogue: the lines of stdin in one go, all that comes back to stdout.

    pop.py COMMAND...         with a program on one end of a socket, as inetd starts it
    pop.py -t ADDRESS PORT    with a server

LF becomes CRLF, and CRLF becomes LF on the way back.  POP_RAW=1: bytes go as they
are.  What the program says on stderr comes back too, as under inetd.
POP_STAY=SECONDS: the end of stdin is not told for so long.
"""
import os
import socket
import subprocess
import sys
import threading


def main():
    child = None
    data = sys.stdin.buffer.read()
    if "POP_RAW" not in os.environ:
        data = data.replace(b"\n", b"\r\n")
    if sys.argv[1] == "-t":
        s = socket.create_connection((sys.argv[2], int(sys.argv[3])), 60)
    else:
        s, theirs = socket.socketpair()
        s.setblocking(False)
        data = data[s.send(data):]
        child = subprocess.Popen(sys.argv[1:], stdin=theirs, stdout=theirs,
                                 stderr=theirs)
        theirs.close()
    s.settimeout(120)
    over = threading.Event()

    def send():
        try:
            s.sendall(data)
            over.wait(float(os.environ.get("POP_STAY", 0)))
            s.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    threading.Thread(target=send, daemon=True).start()
    try:
        while True:
            got = s.recv(65536)
            if not got:
                break
            sys.stdout.buffer.write(got.replace(b"\r\n", b"\n"))
    except ConnectionResetError:
        pass
    over.set()
    sys.stdout.flush()
    if child:
        sys.exit(child.wait())


main()
