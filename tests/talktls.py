"""talktls - as talk.py, over TLS: begun by STARTTLS where the port greets in the clear.

    talktls.py ADDRESS PORT CA

What is said before TLS is not printed, nor is the first line's greeting where that
was in the clear.
"""
import select
import socket
import ssl
import sys


def main():
    host, port, ca = sys.argv[1:]
    s = socket.create_connection((host, int(port)), 20)
    s.settimeout(60)
    context = ssl.create_default_context(cafile=ca)
    greets = bool(select.select([s], [], [], 0 if port in ("2465", "2466") else 20)[0])

    def reply(f, out):
        while True:
            line = f.readline()
            out.write(line.replace(b"\r", b""))
            out.flush()
            if not line:
                sys.exit(0)
            if line[3:4] != b"-":
                return line

    out = sys.stdout.buffer
    if greets:
        quiet = open("/dev/null", "wb")
        f = s.makefile("rb", 0)
        reply(f, out)
        for line in b"EHLO me\r\n", b"STARTTLS\r\n":
            s.sendall(line)
            assert reply(f, quiet)[:2] in (b"25", b"22")
    s = context.wrap_socket(s, server_hostname=host)
    f = s.makefile("rb")
    if not greets:
        reply(f, out)
    data = False
    for line in sys.stdin.buffer:
        line = line.rstrip(b"\n")
        s.sendall(line + b"\r\n")
        if data and line != b".":
            continue
        data = reply(f, out).startswith(b"354")
    s.sendall(b"QUIT\r\n")
    f.read()


main()
