#!/usr/bin/python3
# taken - give processes that were taken over (tests/backdoor.c) the orders of stdin.
#
#	taken.py HOST PORT [LINE...]	say the lines to a server first
#	taken.py -l HOST PORT		to the clients that come
#	taken.py -r RELAY CONF		to a relay, from its session
#
# Each is a line "no ORDER": it must not be done, and the process may be ended for it;
# "yes ORDER": it is done; or "ends ORDER": it ends the process.  Prints the errno of
# each, 0 when it was done, or "ended".  Who has done one, or was ended, gets no
# other: the next process does.
import os
import socket
import sys

PATIENCE = 60


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
    # Loading these takes longer than an order.
    import ssl
    import subprocess
    import threading

    ends = [socket.socketpair() for _ in range(2)]
    (net, client), (plain, session) = ends

    def become():
        os.dup2(net.fileno(), 0)
        os.dup2(net.fileno(), 1)
        os.dup2(plain.fileno(), 3)

    subprocess.Popen([program, "-C", conf], preexec_fn=become, close_fds=False)
    net.close()
    plain.close()
    session.settimeout(PATIENCE)
    client.settimeout(PATIENCE)
    c = ssl.create_default_context()
    c.check_hostname, c.verify_mode = False, ssl.CERT_NONE
    # The client stays: its end would be the relay's.
    shaking = threading.Thread(target=lambda: held.append(c.wrap_socket(client)),
                               daemon=True)
    shaking.start()
    got = b""
    while got.count(b"\n") < 2:
        got += session.recv(1)
    shaking.join()
    return session


held = []


def server(host, port, *lines):
    conn = socket.create_connection((host, int(port)), PATIENCE)
    conn.recv(4096)
    for line in lines:
        conn.sendall(line.encode() + b"\r\n")
        conn.recv(4096)
    return conn


def main(args):
    if args[0] == "-l":
        s = socket.create_server((args[1], int(args[2])), reuse_port=True)
        s.settimeout(PATIENCE)

    def meet():
        if args[0] == "-r":
            return relay(*args[1:])
        if args[0] != "-l":
            return server(*args)
        conn = s.accept()[0]
        conn.settimeout(PATIENCE)
        return conn

    conn, wrong = None, False
    for line in sys.stdin:
        want, order = line.rstrip("\n").split(" ", 1)
        conn = conn or meet()
        got = obeyed(conn, order)
        print(f"{want} {order}: {got}", flush=True)
        wrong |= {"no": got == "0", "yes": got != "0", "ends": got != "ended"}[want]
        if got in ("0", "ended"):
            conn.close()
            conn = None
    sys.exit(wrong)


main(sys.argv[1:])
