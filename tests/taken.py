#!/usr/bin/python3
# taken - give a process that was taken over (tests/backdoor.c) one order.
#
#	taken.py HOST PORT [LINE...] ORDER	say the lines to a server first
#	taken.py -l HOST PORT ORDER		to the client that comes
#
# Prints the errno of the order, 0 when it was done, or "ended" when the
# process was.
import socket
import sys


def obeyed(conn, order):
    conn.sendall(f"DO {order}\r\n".encode())
    got = b""
    try:
        while b"DID " not in got or not got.endswith(b"\n"):
            more = conn.recv(4096)
            if not more:
                return "ended"
            got += more
    except ConnectionError:
        return "ended"
    return got[got.index(b"DID "):].split()[2].decode()


def main(args):
    if args[0] == "-l":
        s = socket.create_server((args[1], int(args[2])), reuse_port=True)
        s.settimeout(20)
        conn = s.accept()[0]
        conn.settimeout(20)
    else:
        conn = socket.create_connection((args[0], int(args[1])), 20)
        conn.recv(4096)
        for line in args[2:-1]:
            conn.sendall(line.encode() + b"\r\n")
            conn.recv(4096)
    print(obeyed(conn, args[-1]))


main(sys.argv[1:])
