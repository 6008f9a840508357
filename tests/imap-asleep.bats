# imap-asleep - a mailbox that did not change is selected without looking at its messages.
# They are those that were told of when somebody asks for them, whatever others did
# meanwhile.

load lib
load imap

# mbox COUNT, maildir COUNT: alice's INBOX with letters, and "other" with three.
mbox()
{
	mkdir -p "$D/home/alice/mail"
	make "$1" "$D/mail/alice" "$D/home/alice/mail/other"
	own "$D/home/alice/mail" alice
}
maildir()
{
	mkdir -p "$D/maildir/alice/"{,.other/}{cur,new,tmp}
	make "$1" "$D/maildir/alice/cur" "$D/maildir/alice/.other/cur"
	[ "$EUID" -ne 0 ] || chown -R "$(id_of alice)" "$D/maildir/alice"
	printf 'mailbox %s/maildir/%%u/\n' "$D" >> "$C"
}

# make COUNT INBOX OTHER: the letters, in a file or a directory.
make()
{
	python3 - "$@" <<-'END'
		import os, sys
		def fill(path, n):
		    for i in range(1, n + 1):
		        text = "Subject: letter %d\n\none of %d\n" % (i, n)
		        if os.path.isdir(path):
		            with open("%s/%d.x:2," % (path, i), "w") as f:
		                f.write(text)
		        else:
		            with open(path, "a") as f:
		                f.write("From jo@x.test Sat Nov 21 10:%02d:00 2026\n%s\n" % (i % 60, text))
		                os.chmod(path, 0o600)
		fill(sys.argv[2], int(sys.argv[1]))
		fill(sys.argv[3], 3)
	END
	own "$2" alice
	own "$3" alice
}

# try: python of stdin, with a session a that has INBOX selected, as it said in was, and
# b that has not.
try()
{
	D=$D imap_py <<-END
		import glob, struct
		D = os.environ["D"]
		def chars(s):
		    """Bytes that the session has read."""
		    with open("/proc/%d/io" % s.child.pid) as f:
		        return int(re.search(r"rchar: (\d+)", f.read())[1])
		def told(s, command):
		    s.ok(command)
		    return s.said
		def selected(s, box="INBOX"):
		    """All but the id."""
		    return [x for x in told(s, "SELECT " + box) if "MAILBOXID" not in x]
		def look():
		    """A session of another: what it was told of INBOX, when it is not too young to
		    be known by its time."""
		    w = Imap("alice")
		    w.ok("SELECT other")
		    said = selected(w)
		    w.end()
		    for path in glob.glob(D + "/state/alice/index.*"):
		        with open(path, "rb") as f:
		            if -1 in struct.unpack("9q", f.read(72))[4:]:
		                return None
		    return said
		def settle():
		    return soon(look)
		before = settle()
		a, b = Imap("alice"), Imap("alice")
		first = chars(a)
		was = selected(a)
		$(cat)
	END
}

# both: the same for an mbox and a Maildir.
both()
{
	cat > "$T/script"
	mbox 5
	try < "$T/script"
	maildir 5
	try < "$T/script"
}

@test "what did not change is told from the head of the index, and not read" {
	cat > "$T/script" <<-'END'
		assert "* 1000 EXISTS" in was and "* 0 RECENT" in was, was
		assert "* OK [UNSEEN 1] first unseen" in was, was
		assert was[2:] == before[3:], (was, before)
		assert told(a, "NOOP") == []
		assert a.idle() == []
		a.done()
		b.ok("STATUS INBOX (MESSAGES RECENT UNSEEN UIDNEXT HIGHESTMODSEQ)")
		assert b.said[0].startswith("* STATUS \"INBOX\" (MESSAGES 1000 RECENT 0 UIDNEXT 1001 UNSEEN 1000 "), b.said
		b.ok("EXAMINE INBOX")
		b.ok("UNSELECT")
		assert chars(a) - first < 40000, chars(a) - first
		assert chars(b) < first + 40000, chars(b) - first
		assert len(told(a, "FETCH 1:* (UID)")) == 1000
		assert chars(a) - first > 112000
	END
	mbox 1000
	try < "$T/script"
	maildir 1000
	try < "$T/script"
}

@test "the first that was not seen, how many, and what is recent: the head counts" {
	both <<-'END'
		def unseen():
		    said = selected(b)
		    n = [x for x in said if "UNSEEN" in x]
		    c = Imap("alice")
		    status = told(c, "STATUS INBOX (UNSEEN RECENT)")[0].split("(")[1]
		    c.end()
		    return status, n and int(n[0].split()[3][:-1])
		assert unseen() == ("RECENT 0 UNSEEN 5)", 1)
		for command, want in [
		    ("2:4 +FLAGS (\\Seen)", ("RECENT 0 UNSEEN 2)", 1)),
		    ("1 +FLAGS (\\Seen)", ("RECENT 0 UNSEEN 1)", 5)),
		    ("3 -FLAGS (\\Seen)", ("RECENT 0 UNSEEN 2)", 3)),
		    ("5 +FLAGS (\\Flagged)", ("RECENT 0 UNSEEN 2)", 3)),
		    ("3,5 +FLAGS (\\Seen)", ("RECENT 0 UNSEEN 0)", [])),
		    ("1 +FLAGS (\\Deleted)", ("RECENT 0 UNSEEN 0)", [])),
		    ("4 -FLAGS (\\Seen)", ("RECENT 0 UNSEEN 1)", 4))]:
		    a.ok("STORE " + command)
		    assert unseen() == want, (command, unseen(), want)
		a.ok("EXPUNGE")
		assert unseen() == ("RECENT 0 UNSEEN 1)", 3)
		# One comes in: it is recent to who selects the mailbox first.
		b.ok("UNSELECT")
		a.end()
		b.append("INBOX", "Subject: new\n\nx\n")
		c = Imap("alice")
		assert "RECENT 1" in told(c, "STATUS INBOX (RECENT)")[0]
		assert "* 1 RECENT" in told(c, "EXAMINE INBOX")
		assert "* 1 RECENT" in told(c, "SELECT INBOX")
		assert "* 0 RECENT" in told(b, "SELECT INBOX")
	END
}

@test "others remove, change and add before the first question" {
	both <<-'END'
		def others():
		    b.ok("SELECT INBOX")
		    b.ok("STORE 2,4 +FLAGS (\\Deleted)")
		    b.ok("STORE 5 +FLAGS (\\Flagged)")
		    b.ok("EXPUNGE")
		    b.append("INBOX", "Subject: new\n\nx\n")
		def back():
		    """As before, but with other UIDs."""
		    b.ok("STORE 3 -FLAGS (\\Flagged)")
		    b.append("INBOX", "Subject: new\n\nx\n")
		    b.ok("UNSELECT")
		    settle()
		others()
		assert told(a, "NOOP") == ["* 2 EXPUNGE", "* 3 EXPUNGE", "* 3 FETCH (FLAGS (\\Flagged))",
		    "* 4 EXISTS", "* 0 RECENT"], a.said
		assert told(a, "FETCH 1:* (UID)") == ["* %d FETCH (UID %d)" % x for x in
		    [(1, 1), (2, 3), (3, 5), (4, 6)]], a.said
		back()
		selected(a)
		others()
		got = a.cmd("FETCH 1:5 (UID FLAGS)")
		assert got and got.startswith("OK [EXPUNGEISSUED]"), (got, a.said)
		assert a.said == ["* 1 FETCH (FLAGS () UID 1)", "* 3 FETCH (FLAGS () UID 5)",
		    "* 5 FETCH (FLAGS (\\Flagged) UID 7)", "* 6 EXISTS", "* 0 RECENT"], a.said
		assert told(a, "NOOP") == ["* 2 EXPUNGE", "* 3 EXPUNGE"], a.said
		back()
		selected(a)
		a.idle()
		others()
		got = [a.line()]
		while "EXISTS" not in got[-1]:
		    got.append(a.line())
		assert [x for x in got if "EXPUNGE" in x] == ["* 2 EXPUNGE", "* 3 EXPUNGE"], got
		a.done()
		a.ok("SELECT INBOX")
		b.ok("STORE 1 +FLAGS (\\Deleted)")
		b.ok("UNSELECT")
		b.ok("SELECT INBOX")
		# Those that do not ask for messages leave it asleep.
		assert told(a, "UNSELECT") == []
		a.ok("SELECT INBOX")
		assert told(b, "EXPUNGE") == ["* 1 EXPUNGE"]
		assert told(a, "CLOSE") == []
	END
}

@test "another mailbox is at its place, or none" {
	both <<-'END'
		# c is awake.
		c = Imap("alice")
		for change in "RENAME other elsewhere", "DELETE elsewhere":
		    for s in a, c:
		        s.ok("SELECT " + change.split()[1])
		    was = told(c, "FETCH 1:* (UID FLAGS)")
		    assert len(was) == 3
		    b.ok(change)
		    said = told(c, "NOOP")
		    assert told(a, "NOOP") == said, (a.said, said)
		    assert told(a, "FETCH 1:* (UID FLAGS)") == told(c, "FETCH 1:* (UID FLAGS)"), (a.said, c.said)
	END
}

@test "an index that is damaged meanwhile; what went is not known any more" {
	both <<-'END'
		def broken(at):
		    """Its sum is wrong."""
		    for path in glob.glob(D + "/state/alice/index.*"):
		        with open(path, "r+b") as f:
		            f.seek(at)
		            x = f.read(1)
		            f.seek(at)
		            f.write(bytes([x[0] ^ 1]))
		def left(s):
		    """All are there with their numbers and UIDs, or it is over."""
		    got = s.cmd("FETCH 1:* (UID)")
		    if got is None:
		        assert s.said[-1].startswith("* BYE [UNAVAILABLE]"), s.said
		        return s.cut()
		    assert s.said[:5] == ["* %d FETCH (UID %d)" % x for x in enumerate(uids, 1)], s.said
		    s.end()
		uids = range(1, 6)
		broken(4096 + 2 * 112 + 8)
		left(a)
		a = Imap("alice")
		for at in 4096 + 40, 24:
		    b.ok("SELECT INBOX")
		    uids = [int(x.split()[-1][:-1]) for x in told(b, "FETCH 1:* (UID)")]
		    assert len(uids) == 5, b.said
		    b.ok("UNSELECT")
		    s = Imap("alice")
		    s.ok("SELECT INBOX")
		    broken(at)
		    left(s)
		a.ok("SELECT INBOX")
		b.ok("SELECT INBOX")
		b.ok("STORE 2 +FLAGS (\\Deleted)")
		b.ok("EXPUNGE")
		for path in glob.glob(D + "/state/alice/gone.*"):
		    os.unlink(path)
		assert a.cmd("FETCH 1:* (UID)") is None
		assert a.said == ["* BYE [UNAVAILABLE] what went meanwhile is not known, select it again"], a.said
		a.cut()
	END
}

@test "without the names in the index no message gets a keyword that nobody gave it" {
	both <<-'END'
		a.ok("STORE 1 +FLAGS (w1 \\Answered)")
		a.child.kill()
		a.cut()
		for path in glob.glob(D + "/state/alice/index.*"):
		    with open(path, "r+b") as f:
		        f.seek(24)
		        f.write(b"none")
		b.ok("SELECT INBOX")
		b.ok("STORE 2 +FLAGS (w9)")
		flags = told(b, "FETCH 1:2 (FLAGS)")
		assert flags[1] == "* 2 FETCH (FLAGS (w9))", flags
		assert "w9" not in flags[0], flags
	END
}
