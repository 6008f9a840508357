"""imapall - what python's imaplib can say, as bob, with letters d1 d2 d3 in INBOX.

    imapall.py HOST PORT PASSWORD
"""
import imaplib
import sys
import time

HOST, PORT, SECRET = sys.argv[1], int(sys.argv[2]), sys.argv[3]
LETTER = b"Subject: letter n%d\r\n\r\nGr\xc3\xbc\xc3\x9fe\r\n"


def ok(answer):
    """The data of an answer that must be OK."""
    assert answer[0] == "OK", answer
    return answer[1]


def no(answer):
    assert answer[0] == "NO", answer


def fails(f, *args):
    """The server says BAD."""
    try:
        f(*args)
    except imaplib.IMAP4.error:
        return
    assert False, args


def mailboxes(m):
    ok(m.create("work"))
    no(m.create("work"))
    ok(m.create('"B&APw-cher tok"'))
    ok(m.subscribe("work"))
    assert ok(m.lsub())[0].endswith(b'"work"')
    ok(m.unsubscribe("work"))
    assert ok(m.lsub()) == [None]
    assert len(ok(m.list())) == 3
    ok(m.rename("work", "done/work"))
    assert b'"done/work"' in ok(m.list('""', "*/work"))[0]
    ok(m.rename("done/work", "work"))
    ok(m.delete('"B&APw-cher tok"'))
    assert ok(m.namespace()) == [b'(("" "/")) NIL NIL']
    assert b"MESSAGES 0" in ok(m.status("work", "(MESSAGES UIDNEXT)"))[0]
    ok(m.getquotaroot("INBOX"))
    no(m.getquota("nothing"))
    no(m.setquota("INBOX", "(STORAGE 1)"))
    fails(m.getacl, "INBOX")


def reads(m):
    assert ok(m.select()) == [b"3"]
    assert m.response("UIDVALIDITY")[1][0].isdigit()
    assert m.recent()[0] == "OK"
    assert ok(m.search(None, "ALL")) == [b"1 2 3"]
    assert ok(m.search("UTF-8", "SUBJECT", "d2")) == [b"2"]
    m.literal = "grüße".encode()
    assert ok(m.search("UTF-8", "TEXT")) == [b""]
    assert ok(m.sort("(REVERSE SUBJECT)", "UTF-8", "ALL")) == [b"3 2 1"]
    assert ok(m.thread("REFERENCES", "UTF-8", "ALL")) == [b"(1)(2)(3)"]
    assert ok(m.uid("SORT", "(SIZE)", "UTF-8", "ALL")) == [b"1 2 3"]
    head, rest = ok(m.fetch("2", "(UID RFC822.SIZE BODY.PEEK[])"))
    size = int(head[0].split(b"RFC822.SIZE ")[1].split()[0])
    assert size == len(head[1]) and rest == b")"
    assert b"\\Seen" not in ok(m.fetch("2", "(FLAGS)"))[0]
    ok(m.fetch("2", "(RFC822)"))
    assert b"\\Seen" in ok(m.fetch("2", "(FLAGS)"))[0]
    ok(m.noop())
    ok(m.check())


def writes(m):
    assert ok(m.append("work", None, None, LETTER % 1))
    assert ok(m.append("work", r"(\Seen \Flagged)",
                       imaplib.Time2Internaldate(time.time()), LETTER % 2))
    no(m.append("nowhere", None, None, LETTER % 3))
    ok(m.store("2", "FLAGS", r"(\Flagged)"))
    ok(m.store("1", "+FLAGS.SILENT", r"(\Deleted $Junk)"))
    ok(m.copy("3", "work"))
    no(m.copy("3", "nowhere"))
    assert ok(m.uid("SEARCH", "KEYWORD", "$Junk")) == [b"1"]
    assert ok(m.expunge()) == [b"1"]
    ok(m.select("work", readonly=True))
    no(m.store("1", "+FLAGS", r"(\Seen)"))
    ok(m.unselect())
    assert ok(m.select("work")) == [b"3"]
    assert ok(m.search(None, "SEEN", "FLAGGED")) == [b"2"]
    ok(m.store("1:*", "+FLAGS", r"(\Deleted)"))
    ok(m.close())
    assert b"MESSAGES 0" in ok(m.status("work", "(MESSAGES)"))[0]


def says_more(m):
    ok(m.enable("UTF8=ACCEPT"))
    ok(m.append("work", None, None, LETTER % 4))
    ok(m.xatom("ID", '("name" "imaplib")'))
    fails(m.xatom, "NONSENSE")
    fails(m.proxyauth, "kim")
    ok(m.select("INBOX"))
    assert ok(m.fetch("*", "(UID)"))[0] == b"2 (UID 3)"
    fails(m.fetch, "4294967297", "(UID)")
    assert m.logout()[0] == "BYE"


def main():
    m = imaplib.IMAP4(HOST, PORT, timeout=120)
    assert "IMAP4REV1" in m.capabilities
    fails(m.login, "bob", "wrong")
    ok(m.login("bob", SECRET))
    ok(m.capability())
    mailboxes(m)
    reads(m)
    writes(m)
    says_more(m)
    with imaplib.IMAP4(HOST, PORT, timeout=120) as m:
        ok(m.authenticate("PLAIN", lambda _: b"\0bob\0" + SECRET.encode()))


if __name__ == "__main__":
    main()
