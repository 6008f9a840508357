"""talk - send the lines of stdin to a TCP server, waiting for the reply to each.

    talk.py ADDRESS PORT

The greeting is read first.  LF becomes CRLF.  A reply ends with a line whose
fourth character is no hyphen.  Between the 354 of DATA and the lone dot no
replies are waited for.  Everything received is printed, CR taken away.
"""
import socket
import sys


def main():
    s = socket.create_connection((sys.argv[1], int(sys.argv[2])), 20)
    s.settimeout(60)
    f = s.makefile("rb")

    def reply():
        last = b""
        while True:
            line = f.readline()
            sys.stdout.buffer.write(line.replace(b"\r", b""))
            sys.stdout.flush()
            if not line:
                sys.exit(0)
            last = line
            if line[3:4] != b"-":
                return last

    reply()
    data = False
    for line in sys.stdin.buffer:
        line = line.rstrip(b"\n")
        s.sendall(line + b"\r\n")
        if data and line != b".":
            continue
        data = reply().startswith(b"354")
    s.shutdown(socket.SHUT_WR)
    while reply():
        pass


main()
