#!/usr/bin/python3
# taken - give a process that was taken over (tests/backdoor.c) one order.
#
#	taken.py HOST PORT [LINE...] ORDER	say the lines to a server first
#	taken.py -l HOST PORT ORDER		to the client that comes
#	taken.py -r RELAY CONF ORDER		to a relay, from its session
#
# Prints the errno of the order, 0 when it was done, or "ended" when the
# process was.
import os
import socket
import ssl
import subprocess
import sys
import threading


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


def relay(program, conf):
    """The session's end of a relay, whose client has shaken hands."""
    ends = [socket.socketpair() for _ in range(2)]
    (net, client), (plain, session) = ends

    def become():
        os.dup2(net.fileno(), 0)
        os.dup2(net.fileno(), 1)
        os.dup2(plain.fileno(), 3)

    subprocess.Popen([program, "-C", conf], preexec_fn=become, close_fds=False)
    net.close()
    plain.close()
    session.settimeout(20)
    client.settimeout(20)
    c = ssl.create_default_context()
    c.check_hostname, c.verify_mode = False, ssl.CERT_NONE
    # The client stays: its end would be the relay's.
    held.append(threading.Thread(target=lambda: held.append(
        c.wrap_socket(client)), daemon=True))
    held[0].start()
    got = b""
    while got.count(b"\n") < 2:
        got += session.recv(1)
    held[0].join()
    return session


held = []


def main(args):
    if args[0] == "-r":
        conn = relay(args[1], args[2])
    elif args[0] == "-l":
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
