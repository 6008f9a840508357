"""imaphostile - what no client should send, to imapd, each in a session of its own.

    imaphostile.py [WORD...]   only the cases whose names begin so

What must hold: the program ends by itself and with 0, with little work and memory; it
says nothing but IMAP; it answers what it read; and it is still there for the next
command, or has said BYE.  $IMAP_SLOW=1: built with sanitizers.
"""
import itertools
import os
import random
import re
import resource
import select
import socket
import subprocess
import sys
import threading
import time
import zlib

from imap import become, ids_of, work_of

SLOW = "IMAP_SLOW" in os.environ
SECONDS = 120
CPU = 30 if SLOW else 5     # s
MEMORY = 64 << 20
CASES = []  # (name, state, pieces, how)


def case(name, data, state="selected", **how):
    """data: bytes, or text, or a list of those and of (bytes, times)."""
    if not isinstance(data, list):
        data = [data]
    pieces = []
    for d in data:
        d, times = d if isinstance(d, tuple) else (d, 1)
        if isinstance(d, str):
            d = d.encode("latin-1")
        pieces.append((d, times))
    CASES.append((name, state, pieces, how))


def line(name, text, state="selected", **how):
    """One command without its tag."""
    case(name, "x " + text + "\r\n", state, **how)


# --- the cases ---

def lines():
    for i, t in enumerate(["\r\n", "\n", "\r\r\n", " \r\n", "x\r\n", "x \r\n", "x  NOOP\r\n",
                           " x NOOP\r\n", "x NOOP \r\n", "x\tNOOP\r\n", "NOOP\r\n", "* NOOP\r\n",
                           "+ NOOP\r\n", "x UID\r\n", "x UID \r\n", "x UID UID UID\r\n",
                           "x UID LOGOUT\r\n", "\"x\" NOOP\r\n", "{1+}\r\nx NOOP\r\n",
                           "x {4+}\r\nNOOP\r\n", "(x) NOOP\r\n", "x NO\rOP\r\n", "x NOOP\r\r\r\n",
                           "x NOOP\nx NOOP\n", "\\ \\\r\n", "x ()\r\n", "x \"\r\n", "x *\r\n",
                           "x NOOP;LOGOUT\r\n", "x FETCH\0 1 FLAGS\r\n"]):
        case("line-%d" % i, t)
        case("line-%d-stranger" % i, t, "stranger")
    for n in 1000, 8190, 8193, 16383, 16384, 16385, 65536, (1 << 20) - 2, 1 << 20, 3 << 20:
        for state in "stranger", "selected":
            case("long-tag-%d-%s" % (n, state), [(b"x" * 1000, n // 1000 + 1), " NOOP\r\n"], state)
            case("long-name-%d-%s" % (n, state), ["x ", (b"N" * 1000, n // 1000 + 1), "\r\n"], state)
            case("long-blank-%d-%s" % (n, state), ["x NOOP", (b" " * 1000, n // 1000 + 1), "\r\n"], state)
            case("long-noend-%d-%s" % (n, state), ["x SELECT ", (b"N" * 1000, n // 1000 + 1)], state, cut=True)
    case("endless", ["x SELECT ", (b"N" * 65536, 400)], cut=True)
    case("endless-crs", ["x SELECT ", (b"\r" * 65536, 100)], cut=True)
    case("endless-lfs", [(b"\n" * 1000, 1)], quiet=True)
    for b in list(range(0, 33)) + [34, 40, 41, 42, 37, 92, 93, 123, 125, 127, 128, 160, 192, 254, 255]:
        c = chr(b)
        case("byte-%d-tag" % b, c + " NOOP\r\n", quiet=b == 10)
        case("byte-%d-name" % b, "x NO" + c + "OP\r\n")
        case("byte-%d-atom" % b, "x SELECT a" + c + "b\r\n")
        case("byte-%d-quoted" % b, "x SELECT \"a" + c + "b\"\r\n")
        case("byte-%d-literal" % b, "x SELECT {3+}\r\na" + c + "b\r\n")
        case("byte-%d-login" % b, "x LOGIN {3+}\r\na" + c + "b c\r\n", "stranger", wrong=True)


NAMED = ["SELECT %s", "EXAMINE %s", "CREATE %s", "DELETE %s", "RENAME other %s", "RENAME %s other",
         "SUBSCRIBE %s", "UNSUBSCRIBE %s", "STATUS %s (MESSAGES)", "LIST \"\" %s", "LIST %s *",
         "LSUB %s *", "APPEND %s {3+}\r\na:b", "COPY 1 %s", "MOVE 1 %s", "UID COPY 1 %s",
         "GETQUOTA %s", "GETQUOTAROOT %s", "SETQUOTA %s ()", "REPLACE 1 %s {3+}\r\na:b"]


def literals():
    bad = ["{", "{}", "{+}", "{-1}", "{-1+}", "{1", "{1+", "{1}}", "{ 1}", "{1 }", "{1+ }", "{0x1}",
           "{1.0}", "{1++}", "{a}", "{1+}+", "{18446744073709551617}", "{18446744073709551617+}",
           "{9223372036854775808+}", "{99999999999999999999999999}", "~{1", "~{}", "{1}{1}"]
    for i, t in enumerate(bad):
        line("literal-bad-%d" % i, "SELECT " + t)
        line("literal-bad-login-%d" % i, "LOGIN bob " + t, "stranger")
        line("literal-bad-append-%d" % i, "APPEND INBOX " + t)
    for n in 4294967296, 4294967297, 4294967299, 1 << 62, (1 << 63) - 1, 1048577, 1 << 21, 99999999:
        for plus in "", "+":
            for c in "SELECT ", "APPEND INBOX ", "SEARCH TEXT ", "APPEND ":
                case("literal-huge-%d%s-%s" % (n, plus, c.split()[0]),
                     "x " + c + "{%d%s}\r\nabc" % (n, plus), cut=True)
            case("literal-huge-%d%s-login" % (n, plus), "x LOGIN bob {%d%s}\r\nabc" % (n, plus),
                 "stranger", cut=True)
    for i, (t, end) in enumerate([("x SELECT {5+}\r\nab", True), ("x SELECT {5}\r\nab", True),
                                  ("x SELECT {5+}\r\nINBOX", True), ("x SELECT {5+}\r\nINBOXx\r\n", False),
                                  ("x SELECT {4+}\r\nINBOX\r\n", False), ("x SELECT {6+}\r\nINBOX\r\n\r\n", False),
                                  ("x SELECT {0+}\r\n\r\n", False), ("x SELECT ~{5+}\r\nINBOX\r\n", False),
                                  ("x APPEND INBOX {3+}\r\na:b{3+}\r\na:b\r\n", False),
                                  ("x APPEND INBOX {3+}\r\na:b {3+}\r\na:b \r\n", False),
                                  ("x SELECT {12+}\r\n{5+}\r\nINBOX\r\n", False),
                                  ("x NOOP {5+}\r\nINBOX\r\n", False), ("x LOGOU {5+}\r\nINBOX\r\n", False),
                                  ("{5+}\r\nINBOX\r\n", False), ("x {5+}\r\n\0\0\0\0\0\r\n", False),
                                  ("x APPEND INBOX (\\Seen \"{3+}\r\nabc\r\n", False),
                                  ("x APPEND INBOX \"01-Jan-2020 00:00:00 +0000 {3+}\r\nabc\r\n", False),
                                  ("x IDLE {3+}\r\nabc\r\n", False), ("x ID ({1+}\r\na {1+}\r\nb)\r\n", False)]):
        case("literal-lie-%d" % i, t, cut=end)
    case("literal-many", ["x ID (", (b"{1+}\r\na {1+}\r\nb ", 20000), "\r\n"])
    case("literal-many-append", ["x APPEND INBOX", (b" {3+}\r\na:b", 2000), "\r\n"])
    case("literal-many-append-bad", ["x APPEND INBOX", (b" {3+}\r\na:b", 2000), " {\r\n"])
    case("literal-nul", "x SELECT {5+}\r\nIN\0OX\r\n")
    case("literal-8bit", "x SELECT {5+}\r\nIN\xffOX\r\n")
    case("literal-command-of-literals", ["x ", (b"{1+}\r\n ", 5000), "\r\n"])
    for i, c in enumerate(NAMED):
        line("literal-everywhere-%d" % i, c % "{3+}\r\nabc")
        line("literal-zero-%d" % i, c % "{0+}\r\n")


def sets():
    bad = ["0", "1:", ":1", "1:*:2", "**", "*:*:*", "1,,2", ",", "1,", ",1", "-1", "1-2", "1.5", "0x1",
           "1e5", "+1", "1: 2", "4294967295", "4294967296", "4294967297", "8589934593",
           "18446744073709551615", "18446744073709551616", "18446744073709551617", "1:4294967297",
           "4294967297:1", "$,1", "1,$", "$$", "$1", "%", "()", "\"1\"", "{1+}\r\n1", "NIL", "1a", "a1",
           "*1", "1*", "00", "000000000000000000000000000", "9" * 5000, "1\xff"]
    verbs = ["FETCH %s FLAGS", "STORE %s FLAGS ()", "COPY %s other", "MOVE %s other", "SEARCH %s",
             "SEARCH UID %s", "UID FETCH %s FLAGS", "UID STORE %s FLAGS ()", "UID COPY %s other",
             "UID EXPUNGE %s", "UID SEARCH %s", "SORT (DATE) UTF-8 %s", "REPLACE %s INBOX {3+}\r\na:b",
             "SELECT INBOX (QRESYNC (1 1 %s))"]
    for i, t in enumerate(bad):
        for k, v in enumerate(verbs):
            line("set-%d-%d" % (i, k), v % t)
    for n in 20000, 99999, 100001, 200000:
        for k, v in enumerate(verbs[:2] + verbs[4:8]):
            case("set-long-%d-%d" % (n, k), ["x " + v.split("%s")[0], (b"1,", n), "1" + v.split("%s")[1] + "\r\n"])
    for k, v in enumerate(verbs[:2] + verbs[4:8]):
        for i, t in enumerate((b"1:*,", b"*:1,", b"1:2,2:3,", b"3:1,*,")):
            case("set-wide-%d-%d" % (i, k), ["x " + v.split("%s")[0], (t, 20000), "1" + v.split("%s")[1] + "\r\n"])


def nesting():
    for n in 10, 49, 50, 51, 1000, 100000:
        case("nest-search-%d" % n, ["x SEARCH ", (b"(", n), "ALL", (b")", n), "\r\n"])
        case("nest-open-%d" % n, ["x SEARCH ", (b"(", n), "\r\n"])
        case("nest-not-%d" % n, ["x SEARCH ", (b"NOT ", n), "ALL\r\n"])
        case("nest-or-%d" % n, ["x SEARCH ", (b"OR ", n), (b"ALL ", n), "ALL\r\n"])
        case("nest-or-left-%d" % n, ["x SEARCH ", (b"OR ALL ", n), "ALL\r\n"])
        case("nest-all-%d" % n, ["x SEARCH", (b" ALL", n), "\r\n"])
        case("nest-fetch-%d" % n, ["x FETCH 1 ", (b"(", n), "FLAGS", (b")", n), "\r\n"])
        case("nest-items-%d" % n, ["x FETCH 1 (FLAGS", (b" FLAGS", n), ")\r\n"])
        case("nest-part-%d" % n, ["x FETCH 1 BODY[1", (b".1", n), "]\r\n"])
        case("nest-fields-%d" % n, ["x FETCH 1 BODY[HEADER.FIELDS (A", (b" B", n), ")]\r\n"])
        case("nest-flags-%d" % n, ["x STORE 1 FLAGS ", (b"(", n), "\r\n"])
        case("nest-keywords-%d" % n, ["x STORE 1 FLAGS (a", *[" k%d" % k for k in range(min(n, 5000))], ")\r\n"])
        case("nest-same-%d" % n, ["x STORE 1 FLAGS (a", (b" a", n), ")\r\n"])
        case("nest-list-%d" % n, ["x LIST ", (b"(", n), "\r\n"])
        case("nest-patterns-%d" % n, ["x LIST \"\" (a", (b" b", n), ")\r\n"])
        case("nest-stars-%d" % n, ["x LIST \"\" ", (b"%*", n), "x\r\n"])
        case("nest-levels-%d" % n, ["x CREATE a", (b"/a", n), "\r\n"])
        case("nest-id-%d" % n, ["x ID ", (b"(", n), "\r\n"])
        case("nest-sort-%d" % n, ["x SORT (DATE", (b" REVERSE DATE", n), ") UTF-8 ALL\r\n"])
        case("nest-status-%d" % n, ["x STATUS INBOX (MESSAGES", (b" MESSAGES", n), ")\r\n"])
        case("nest-enable-%d" % n, ["x ENABLE A", (b" CONDSTORE", n), "\r\n"], "user")
        case("nest-quota-%d" % n, ["x SETQUOTA INBOX (A 1", (b" A 1", n), ")\r\n"])
        case("nest-modifiers-%d" % n, ["x STORE 1 ", (b"(UNCHANGEDSINCE 1) ", n), "FLAGS ()\r\n"])


def words():
    strings = ["\"", "\"a", "\"a\\", "\"a\\\"", "\"\\x\"", "\"a\"b", "\"a\"\"b\"", "\"\\\\\\\"", "\"a\rb\"",
               "\"\xff\xfe\"", "\"\xc0\x80\"", "\"\xed\xa0\x80\"", "\"\xf8\x88\x80\x80\x80\"", "a\"b", "NIL", "()", "\\",
               "\"" + "a" * 900000 + "\"", "\"" + "\\\"" * 400000 + "\"", "\"" + "a" * 900000]
    names = ["../x", "..", ".", "/", "//", "a//b", "a/", "/a", "~", "~bob", "~bob/x", "a/../b", "./a", "a/./b",
             "&", "&-", "&-&-", "&A", "&AA", "&AAA-", "&AAAA-", "&AGE-", "&2AA-", "&3AA-", "&!!!-", "&AC8-", "&AC4ALg-/x",
             "\"a\tb\"", "\"a\x7fb\"", "\"&AAoACg-\"", "INBOX/x", "inbox/", "#news", "#mh/x", "{h}INBOX", "*", "%", "a*b", "x" * 255,
             "x" * 256, "x" * 1001, "x/" * 400, "\"\xc3\xa4\"", "&AOQ-", "\"&AOQ\"", ".mailboxlist", "x.lock", ".subscriptions",
             "INBOX.lock", "a\xe4b", "|id", "$(id)", "`id`", ";id", "\"a b\"", "\"'\"", "-rf", "--", "%s%n%s", "%p" * 100]
    for i, t in enumerate(strings):
        line("string-%d-select" % i, "SELECT " + t)
        line("string-%d-list" % i, "LIST \"\" " + t)
        line("string-%d-search" % i, "SEARCH TEXT " + t)
        line("string-%d-login" % i, "LOGIN bob " + t, "stranger", wrong=True)
    for i, t in enumerate(names):
        for k, c in enumerate(NAMED):
            line("name-%d-%d" % (i, k), c % t)
    for i, d in enumerate(["01-Jan-2020", "", "01-Jan-2020 00:00:00", "99-Jan-2020 00:00:00 +0000",
                           "01-Foo-2020 00:00:00 +0000", "01-Jan-99999 00:00:00 +0000", "01-Jan-0000 00:00:00 +0000",
                           "01-Jan-9999 23:59:60 -9959", "01-Jan-2020 24:00:00 +0000", "01-Jan-2020 00:00:00 +99999",
                           "01-Jan-2020 00:00:00 0000", "00-Jan-2020 00:00:00 +0000", "31-Feb-1800 00:00:00 +0000",
                           "-1-Jan-2020 00:00:00 +0000", "01-Jan-2020 00:00:00 +0000 ", "%s%n"]):
        line("date-append-%d" % i, "APPEND other \"%s\" {3+}\r\na:b" % d)
        line("date-search-%d" % i, "SEARCH SINCE \"%s\"" % d)
    for i, f in enumerate(["\\", "\\\\Seen", "\\*", "\\Recent", "\\Seen\\Seen", "(\\Seen", "\\Seen)", "( \\Seen)", "(\\Seen )", "(a  b)",
                           "(\"a\")", "({1+}\r\na)", "(a\x01)", "(\xff)", "NIL", "(NIL)", "", "(a]b)", "(" + "k" * 5000 + ")",
                           "(" + "k" * 200000 + ")", "($)", "(*)", "(%)"]):
        line("flag-store-%d" % i, "STORE 1 FLAGS " + f)
        line("flag-append-%d" % i, "APPEND other " + f + " {3+}\r\na:b")
    for i, t in enumerate(["BODY[", "BODY[]]", "BODY[]<", "BODY[]<0>", "BODY[]<0.0>", "BODY[]<4294967296.1>", "BODY[]<1.4294967296>",
                           "BODY[]<18446744073709551616.1>", "BODY[]<-1.1>", "BODY[]<0.1", "BODY[0]", "BODY[1.0]", "BODY[-1]",
                           "BODY[4294967297]", "BODY[1.]", "BODY[.1]", "BODY[1..1]", "BODY[MIME]", "BODY[1.MIME", "BODY[HEADER.FIELDS]",
                           "BODY[HEADER.FIELDS ()]", "BODY[HEADER.FIELDS (\"\")]", "BODY[HEADER.FIELDS (a:b)]", "BODY[TEXT.1]",
                           "BODY[99999999999999999999]", "BINARY[]<0.0>", "BINARY.SIZE[]", "BINARY[HEADER]", "RFC822.", "RFC822.X",
                           "()", "(FLAGS", "FLAGS)", "(FLAGS,UID)", "X", "BODYSTRUCTURE[]", "(ALL)", "(FAST FULL)", "PREVIEW (", "PREVIEW (X)",
                           "FLAGS (CHANGEDSINCE)", "FLAGS (CHANGEDSINCE 99999999999999999999)", "FLAGS (VANISHED)", "FLAGS (X)"]):
        line("fetch-%d" % i, "FETCH 1 " + t)
    for i, t in enumerate(["", "X", "SUBJECT", "OR", "OR ALL", "NOT", "(", "()", ")", "(ALL", "ALL)", "SINCE", "SINCE x", "LARGER -1", "LARGER x",
                           "LARGER 18446744073709551616", "LARGER 9223372036854775808", "UID", "HEADER a", "HEADER \"\" \"\"", "KEYWORD", "KEYWORD \\Seen",
                           "KEYWORD (", "MODSEQ", "MODSEQ -1", "MODSEQ 99999999999999999999", "MODSEQ \"/flags/\\\\x\" all 1", "CHARSET", "CHARSET X ALL",
                           "CHARSET \"\" ALL", "CHARSET UTF-8", "CHARSET UTF-8 TEXT \"\xff\"", "RETURN", "RETURN (", "RETURN (X) ALL",
                           "RETURN () ALL", "RETURN (SAVE) X", "RETURN (ALL", "YOUNGER 0", "YOUNGER -1", "OLDER 99999999999999999999", "TEXT", "TEXT {1}\r\n\r\n", "$ $",
                           "RETURN (PARTIAL 0:0) ALL", "CHARSET UTF-16 TEXT \"a\""]):
        line("search-%d" % i, "SEARCH " + t)
    for i, t in enumerate(["(X)", "(QRESYNC)", "(QRESYNC ())", "(QRESYNC (0 0))", "(QRESYNC (1))", "(QRESYNC (1 1 1 1))", "(CONDSTORE", "()", "(CONDSTORE CONDSTORE)",
                           "(QRESYNC (4294967296 1))", "(QRESYNC (1 1 (1:3 1:3))", "(QRESYNC (1 1 1:* (1)))", "CONDSTORE"]):
        case("select-%d" % i, "e ENABLE QRESYNC\r\nx SELECT INBOX " + t + "\r\n", "user")


LONG = ("a CAPABILITY\r\nb SELECT INBOX\r\nc FETCH 1 (FLAGS BODY.PEEK[HEADER.FIELDS (From)])\r\n"
        "d APPEND other (\\Seen) \"01-Jan-2020 00:00:00 +0000\" {6+}\r\na: b\r\n\r\n"
        "e SEARCH CHARSET UTF-8 OR (SUBJECT {3+}\r\nabc) NOT UID 1:*\r\nf STORE 1:* +FLAGS (\\Seen k)\r\n"
        "g IDLE\r\nDONE\r\nh COPY 1 \"other\"\r\ni ID (\"name\" \"x\")\r\n")


def cuts():
    for n in range(1, len(LONG), 2):
        case("cut-%d" % n, LONG[:n], "user", cut=True)
        case("reset-%d" % n, LONG[:n], "user", reset=True)
    login = "a LOGIN {3+}\r\nbob \"secret\"\r\nb AUTHENTICATE PLAIN\r\nAGJvYgBzZWNyZXQ=\r\nc LOGOUT\r\n"
    for n in range(1, len(login), 3):
        case("cut-login-%d" % n, login[:n], "stranger", cut=True)


def storms():
    rnd = random.Random(1)
    for i in range(30):
        case("random-%d" % i, rnd.randbytes(rnd.choice([10, 1000, 60000])), cut=True)
        case("random-stranger-%d" % i, rnd.randbytes(rnd.choice([10, 1000, 60000])), "stranger", cut=True)
    for i in range(150):
        data = bytearray(LONG.encode())
        for _ in range(rnd.randint(1, 12)):
            at = rnd.randrange(len(data))
            what = rnd.randrange(4)
            if what == 0:
                data[at] = rnd.choice(b"\0\r\n (){}[]\"\\*%+0189:,$~\xff")
            elif what == 1:
                del data[at:at + rnd.randint(1, 20)]
            elif what == 2:
                data[at:at] = data[at:at + rnd.randint(1, 40)] * rnd.randint(1, 4)
            else:
                data[at:at] = rnd.choice([b"{9+}\r\n", b"\r\n", b"((((", b"4294967297", b"\0", b"UID "])
        case("mutant-%d" % i, bytes(data), "user", cut=True)
    case("http", "GET / HTTP/1.1\r\nHost: x\r\nUser-Agent: y\r\n\r\n", "stranger")
    case("tls", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)), "stranger", cut=True)
    case("smtp", "EHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n", "stranger")
    case("many", [(b"x NOOP\r\n", 50000)])
    case("many-bad", [(b"x BAD\r\n", 50000)], cut=True, bye=True)
    case("many-selects", [(b"x SELECT INBOX\r\n", 2000)])
    case("many-fetches", [(b"x FETCH 1:* (FLAGS UID)\r\n", 3000)])
    case("deaf", [(b"x FETCH 1:* (FLAGS BODY.PEEK[])\r\n", 3000)], deaf=True)
    case("deaf-bad", [(b"x CAPABILITY\r\n", 20000)], "user", deaf=True)
    case("idle-garbage", "x IDLE\r\nNOT DONE\r\n")
    case("idle-nul", "x IDLE\r\nDO\0NE\r\n")
    case("idle-long", ["x IDLE\r\n", (b"D" * 1000, 5000), "\r\n"])
    case("idle-endless", ["x IDLE\r\n", (b"D" * 1000, 5000)], cut=True)
    case("idle-literal", "x IDLE\r\n{4+}\r\nDONE\r\n", cut=True)
    for n in 2000, 100000, 5000000:
        case("sasl-long-%d" % n, ["x AUTHENTICATE PLAIN\r\n", (b"AAAA", n // 4), "\r\n"], "stranger")
        case("sasl-initial-%d" % n, ["x AUTHENTICATE PLAIN ", (b"AAAA", n // 4), "\r\n"], "stranger")
        case("sasl-endless-%d" % n, ["x AUTHENTICATE LOGIN\r\n", (b"AAAA", n // 4)], "stranger", cut=True)
    z = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = b"".join(z.compress(b"\0" * (1 << 20)) for _ in range(60)) + z.flush(zlib.Z_SYNC_FLUSH)
    case("bomb", [b"x COMPRESS DEFLATE\r\n", bomb], cut=True)
    z = zlib.compressobj(9, zlib.DEFLATED, -15)
    lit = z.compress(b"y SELECT {1000000+}\r\n" + b"a" * 1000000 + b"\r\n") * 1 + z.flush(zlib.Z_FINISH)
    case("bomb-literal", [b"x COMPRESS DEFLATE\r\n", lit, b"more"], cut=True)
    for i in range(20):
        case("deflate-%d" % i, [b"x COMPRESS DEFLATE\r\n", rnd.randbytes(500)], cut=True)


# --- one session ---

BOX = []


class Wrong(Exception):
    pass


def feed(sock, pieces, over):
    try:
        for data, times in pieces:
            step = max(1, 65536 // max(1, len(data)))
            while times > 0:
                sock.sendall(data * min(step, times))
                times -= step
    except OSError:
        pass
    over.set()


def hear(sock, until, end):
    """What comes until a line begins so, or the end."""
    got = []
    tail = b""
    while True:
        left = end - time.monotonic()
        if left <= 0 or not select.select([sock], [], [], left)[0]:
            raise Wrong("no end; the last was %r" % b"".join(got)[-100:])
        try:
            data = sock.recv(1 << 18)
        except ConnectionResetError:
            data = b""
        if not data:
            return b"".join(got), True
        got.append(data)
        tail = (tail + data)[-4096:]
        if until and (b"\n" + tail).rfind(b"\n" + until) >= 0 and tail.endswith(b"\r\n"):
            return b"".join(got), False


def judge(name, out, ended, how):
    head, _, out = out.partition(b"\r\n")
    if not head.startswith((b"* PREAUTH ", b"* OK [")):
        raise Wrong("greeted with %r" % head)
    if b"Sanitizer" in out or b"runtime error" in out:
        raise Wrong(out.decode("latin-1")[-3000:])
    if how.get("bye") and b"* BYE" not in out:
        raise Wrong("sent away without a word: %r" % out[-200:])
    if how.get("cut") or how.get("reset") or how.get("deaf") or "COMPRESS" in name:
        return
    if ended and b"* BYE" not in out:
        raise Wrong("ended without a word: %r" % out[-200:])
    if not how.get("quiet") and not re.search(rb"(?m)^(\S+ (OK|NO|BAD)|\* (BAD|BYE)) ", out):
        raise Wrong("no answer: %r" % out[-200:])


STRANGER = itertools.count(1)


def session(state, name, pieces, how, user):
    a, b = socket.socketpair()
    env = dict(os.environ)
    if state == "stranger":     # nobody waits for what others did wrong
        n = next(STRANGER)
        env["TCPREMOTEIP"] = "10.0.%d.%d" % (n >> 8, n & 255)
    ids = become(ids_of(user)) if state != "stranger" else {}
    p = subprocess.Popen([env["IMAP_PROG"], "-C", env["IMAP_CONF"]], stdin=b, stdout=b,
                         stderr=b, env=env, **ids)
    b.close()
    end = time.monotonic() + SECONDS
    try:
        if state == "selected":
            pieces = [(b"s SELECT INBOX\r\n", 1)] + pieces
        last = not (how.get("cut") or how.get("reset") or how.get("deaf"))
        if last:
            pieces = pieces + [(b"zz LOGOUT\r\n" if how.get("wrong") else b"zz NOOP\r\n", 1)]
        over = threading.Event()
        t = threading.Thread(target=feed, args=(a, pieces, over), daemon=True)
        t.start()
        if how.get("deaf"):
            time.sleep(0.3)
            check(p, name)
            a.shutdown(socket.SHUT_RDWR)
        elif how.get("reset"):
            over.wait(SECONDS)
            a.close()
        else:
            if last:
                out, ended = hear(a, b"zz ", end)
                check(p, name)
            else:
                # A client that sends much hears what is said meanwhile.
                got = b""
                while not over.wait(0.001):
                    while select.select([a], [], [], 0)[0]:
                        try:
                            data = a.recv(1 << 18)
                        except ConnectionResetError:
                            data = b""
                        if not data:
                            break
                        got += data
                    if time.monotonic() > end:
                        raise Wrong("it does not read")
                check(p, name)
                a.shutdown(socket.SHUT_WR)
                out, ended = hear(a, None, end)
                out = got + out
            a.close()
            judge(name, out, ended, how)
        if p.wait(max(1, end - time.monotonic())) != 0:
            raise Wrong("exit status %d" % p.returncode)
    except subprocess.TimeoutExpired:
        raise Wrong("it does not end") from None
    finally:
        a.close()
        if p.poll() is None:
            p.kill()
            p.wait()


def check(p, name):
    """What it took up to here."""
    try:
        text = open("/proc/%d/status" % p.pid).read()
        took = work_of(p.pid)
    except OSError:
        return
    if took > CPU:
        raise Wrong("%.1f s of work" % took)
    m = None if SLOW else re.search(r"VmHWM:\s*(\d+) kB", text)
    if m:
        peak = int(m[1]) * 1024
        if peak > MEMORY:
            raise Wrong("%d kB of memory" % (peak >> 10))
        PEAK.append((peak, name))


PEAK, TOOK, FAILED = [], [], []


def worker(todo, user):
    while True:
        try:
            name, state, pieces, how = todo.pop()
        except IndexError:
            return
        t = time.monotonic()
        try:
            session(state, name, pieces, how, user)
        except Wrong as e:
            FAILED.append(name)
            print("%s: %s" % (name, e), flush=True)
        except OSError as e:
            FAILED.append(name)
            print("%s: %r" % (name, e), flush=True)
        TOOK.append((time.monotonic() - t, name))


def main():
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for make in lines, literals, sets, nesting, words, cuts, storms:
        make()
    todo = [c for c in CASES if not sys.argv[1:] or c[0].startswith(tuple(sys.argv[1:]))]
    todo.reverse()
    count = len(todo)
    ts = [threading.Thread(target=worker, args=(todo, u)) for u in ("alice", "bob", "kim")]
    for t in ts:
        t.start()
    for t in ts:
        t.join()
    print("%d cases, %d wrong; slowest %s; most memory %s" % (
        count, len(FAILED), ", ".join("%s %.1f s" % (n, s) for s, n in sorted(TOOK)[-3:]),
        ", ".join("%s %d MB" % (n, k >> 20) for k, n in sorted(PEAK)[-3:])))
    sys.exit(bool(FAILED))


main()
