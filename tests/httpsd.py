"""httpsd - a web server by TLS that does what it is told.

    httpsd.py ADDRESS PORT DIR

For each connection it reads DIR/cert.pem (chain and key) and DIR/action:

    ok TYPE		200, of that type, with DIR/policy
    status N		that status, with DIR/policy; 3xx to /policy, which is there
    big N		N kB of text
    heads N		N kB of header fields
    short		the connection ends in the middle of the policy
    drip		a byte each tenth of a second, without end
    hang		nothing at all, after the handshake
    mute		not even a handshake
    plain		no TLS

and adds a line for each request to DIR/requests.  DIR/ready appears when it listens.
"""
import socket
import ssl
import sys
import threading
import time


def read(name):
    with open("%s/%s" % (sys.argv[3], name), "rb") as f:
        return f.read()


def head(status, kind, n):
    more = "Location: /policy\r\n" if 300 <= status < 400 else ""
    return ("HTTP/1.1 %d x\r\nContent-Type: %s\r\nContent-Length: %d\r\n"
            "%sConnection: close\r\n\r\n" % (status, kind, n, more)).encode()


def answer(s, action, rest):
    policy = read("policy")
    if action == "ok":
        s.sendall(head(200, rest, len(policy)) + policy)
    elif action == "status":
        s.sendall(head(int(rest), "text/plain", len(policy)) + policy)
    elif action == "big":
        n = int(rest) * 1024
        s.sendall(head(200, "text/plain", n) + b"x: y\n" * (n // 5) +
                  b"\n" * (n % 5))
    elif action == "heads":
        s.sendall(b"HTTP/1.1 200 x\r\n" + b"X-Y: z1\r\n" *
                  (int(rest) * 1024 // 9) + b"\r\n")
    elif action == "short":
        s.sendall(head(200, "text/plain", len(policy) + 10) + policy)
    elif action == "drip":
        s.sendall(head(200, "text/plain", 60000))
        while True:
            s.sendall(b"\n")
            time.sleep(0.1)


def serve(raw):
    try:
        action, _, rest = read("action").decode().strip().partition(" ")
        if action == "mute":
            time.sleep(60)
        if action == "plain":
            return answer(raw, "status", "200")
        ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        ctx.load_cert_chain(sys.argv[3] + "/cert.pem")
        s = ctx.wrap_socket(raw, server_side=True)
        request = b""
        while b"\r\n\r\n" not in request:
            got = s.recv(4096)
            if not got:
                return
            request += got
        line = request.split(b"\r\n")[0].decode()
        with open(sys.argv[3] + "/requests", "a") as f:
            f.write(line + "\n")
        if action == "hang":
            time.sleep(60)
        if "GET /policy " in line:
            action, rest = "ok", "text/plain"
        answer(s, action, rest)
        s.close()
    except OSError:
        pass
    finally:
        raw.close()


def main():
    s = socket.socket(socket.AF_INET6 if ":" in sys.argv[1]
                      else socket.AF_INET)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((sys.argv[1], int(sys.argv[2])))
    s.listen(50)
    open(sys.argv[3] + "/ready", "w").close()
    while True:
        c, _ = s.accept()
        threading.Thread(target=serve, args=(c,), daemon=True).start()


main()
