"""dnsd - a name server that does what it is told.

    dnsd.py ADDRESS PORT READY NAME=ACTION...

ACTION for a question below NAME (b.test answers for b.test only):

    servfail refused	that code
    hang		no answer
    garbage short	bytes that are no answer; one that ends too early
    other		an answer to another question
    cname:TARGET	an alias
    chain:N		N aliases, NAME to 1.NAME to 2.NAME ...
    mx:PREF:HOST,...	MX records; HOST . is the root
    a:ADDRESS,...	addresses (and aaaa:)
    tlsa:HEX,...	TLSA records
    many:N		N MX records
    tcp:ACTION		by UDP that it needs TCP, there ACTION; also close, drip
			(slowly, without end), question (to another one),
			cut (still too long), echo (the question itself), nx
    txt:A|B~C|...	TXT records, the second one of two strings

An action behind "ad:" is answered as validated, where the question has AD.
TYPE@NAME=ACTION, as a@b.test=servfail, is for questions of that type alone.
A name that is not here is NXDOMAIN; one with an action for another type has no
such record.  The file READY appears when it listens.  Where there is a file
READY.zone, NAME=ACTION in lines, it counts from the next question on.
"""
import os
import socket
import struct
import sys
import threading
import time

TYPES = {"a": 1, "cname": 5, "mx": 15, "txt": 16, "aaaa": 28, "tlsa": 52}


def wire(name):
    labels = [part for part in name.split(".") if part]
    return b"".join(bytes([len(p)]) + p.encode() for p in labels) + b"\0"


def record(name, kind, data):
    return wire(name) + struct.pack(">HHIH", kind, 1, 1, len(data)) + data


def records(name, qtype, action):
    """What is to be said of name, asked for qtype."""
    kind, _, rest = action.partition(":")
    if kind == "cname":
        return [record(name, 5, wire(rest))]
    if kind == "chain":
        n = int(rest)
        names = [name] + ["%d.%s" % (i, name) for i in range(1, n + 1)]
        out = [record(a, 5, wire(b)) for a, b in zip(names, names[1:])]
        if qtype == 15:
            out.append(record(names[-1], 15, b"\0\1" + wire("mx." + name)))
        return out
    if kind == "many" and qtype == 15:
        return [record(name, 15, struct.pack(">H", 1000 - i) +
                       wire("mx%d.test" % i)) for i in range(int(rest))]
    if TYPES.get(kind) != qtype:
        return []
    if kind == "mx":
        pairs = [item.split(":") for item in rest.split(",")]
        return [record(name, 15, struct.pack(">H", int(p)) + wire(h))
                for p, h in pairs]
    if kind == "tlsa":
        return [record(name, 52, bytes.fromhex(h)) for h in rest.split(",")]
    if kind == "txt":
        return [record(name, 16, b"".join(
            bytes([len(part)]) + part.encode() for part in text.split("~")))
                for text in rest.split("|")]
    return [record(name, qtype, socket.inet_pton(
        socket.AF_INET6 if ":" in a else socket.AF_INET, a))
            for a in rest.replace("_", ":").split(",")]


def answer(q, zone, tcp=False):
    i, labels = 12, []
    while q[i]:
        labels.append(q[i + 1:i + 1 + q[i]].decode().lower())
        i += q[i] + 1
    name = ".".join(labels)
    qtype = struct.unpack(">H", q[i + 1:i + 3])[0]
    question = q[12:i + 5]
    kind = {v: k for k, v in TYPES.items()}.get(qtype)
    action = zone.get("%s@%s" % (kind, name), zone.get(name))
    code, rrs = 0, []
    ad = 0
    if (action or "").startswith("tcp:"):
        if not tcp:
            return q[:2] + b"\x83\x80\0\1\0\0\0\0\0\0" + question
        action = action[4:]
    if (action or "").startswith("ad:"):
        action, ad = action[3:], q[3] & 0x20
    if action in (None, "nx"):
        code = 3
    elif action in ("servfail", "refused"):
        code = 2 if action == "servfail" else 5
    elif action in ("hang", "close", "drip"):
        return None if action == "hang" else action
    elif action == "cut":
        return q[:2] + b"\x83\x80\0\1\0\0\0\0\0\0" + question
    elif action == "echo":
        return q
    elif action == "question":
        question = wire("elsewhere.test") + question[-4:]
    elif action == "garbage":
        return q[:2] + b"\x81\x80" + b"\xff" * 300
    elif action == "other":
        rrs = [record("elsewhere.test", 15, b"\0\1" + wire("evil.test"))]
    elif action == "short":
        rrs = [record(name, 15, b"\0\1" + wire("mx.test"))[:-4]]
    else:
        rrs = records(name, qtype, action)
    head = struct.pack(">HHHHH", 0x8180 | code | ad, 1, len(rrs), 0, 0)
    return q[:2] + head + question + b"".join(rrs)


def stream(c, zone):
    q = c.recv(4096)
    a = answer(q[2:], zone, True)
    while a == "drip":
        c.send(b"\x7f")
        time.sleep(0.2)
    if a != "close":
        if a:
            c.sendall(struct.pack(">H", len(a)) + a)
        c.recv(1)
    c.close()


def streams(s, zone):
    while True:
        threading.Thread(target=stream, args=(s.accept()[0], zone),
                         daemon=True).start()


def renew(zone, path):
    if os.path.exists(path):
        with open(path, encoding="utf-8") as f:
            lines = f.read().splitlines()
        os.unlink(path)
        zone.clear()
        zone.update(a.split("=", 1) for a in lines)


def main():
    zone = dict(a.split("=", 1) for a in sys.argv[4:])
    family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
    where = (sys.argv[1], int(sys.argv[2]))
    s = socket.socket(family, socket.SOCK_DGRAM)
    s.bind(where)
    t = socket.create_server(where, family=family)
    threading.Thread(target=streams, args=(t, zone), daemon=True).start()
    open(sys.argv[3], "w").close()
    while True:
        q, peer = s.recvfrom(4096)
        renew(zone, sys.argv[3] + ".zone")
        a = answer(q, zone)
        if a is not None:
            s.sendto(a, peer)


main()
