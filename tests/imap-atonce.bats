# imap-atonce - what several sessions, or another program, do to mailboxes at the same
# moment: it is done once, and nothing is lost.

load lib
load imap

@test "MOVE of the same messages by several sessions: each comes over once" {
	for box in "$D/mail/%u" "$D/mail/%u/"; do
		sed -i "s|^mailbox .*|mailbox $box|" "$C"
		rm -rf "$D/mail/bob" "$D/home/bob/Maildir"
		sessions <<-'END'
			all = [Imap() for _ in range(4)]
			a = all[0]
			a.ok("CREATE there")
			for _ in range(60):
			    a.append("INBOX", "Subject: x\n\ny\n")
			for s in all:
			    s.ok("SELECT INBOX")
			for i in range(1, 61, 3):
			    for s in all:
			        s.put("m UID MOVE %d:%d there\r\n" % (i, i + 2))
			    for s in all:
			        while True:
			            line = s.line()
			            if line.startswith("m "):
			                break
			        assert line.startswith("m OK"), line
			a.ok("STATUS there (MESSAGES)")
			assert a.said == ['* STATUS "there" (MESSAGES 60)'], a.said
			for s in all:
			    s.end()
		END
	done
}

# Sessions that do something at the same moment.
at_once='
def at_once(*what):
    """[(session, command)...]: the tagged answers."""
    for s, command in what:
        s.put("z " + command + "\r\n")
    got = []
    for s, _ in what:
        line = s.line()
        while not line.startswith("z "):
            line = s.line()
        got.append(line[2:])
    return got

def well(got):
    return [x.startswith("OK") for x in got]

def there(box):
    """Subjects in it, or none without it."""
    s = Imap()
    if not s.cmd("EXAMINE " + box).startswith("OK") or \
       "* 0 EXISTS" in s.said:
        return []
    s.ok("FETCH 1:* BODY.PEEK[HEADER.FIELDS (SUBJECT)]")
    s.cut()
    return re.findall("Subject: ([^ \r\n]+)", "\n".join(s.said))

def literal(name):
    text = "Subject: %s\r\n\r\nx\r\n" % name
    return " {%d+}\r\n%s" % (len(text), text)
'

# both: a program for several sessions, over an mbox and over a Maildir.
both()
{
	local box text
	text=$(cat)
	for box in "$D/mail/%u" "$D/mail/%u/"; do
		sed -i "s|^mailbox .*|mailbox $box|" "$C"
		rm -rf "$D/mail/bob" "$D"/home/bob/{mail,.mailboxlist}
		sessions <<< "$at_once$text"
	done
}

@test "CREATE, RENAME, DELETE of the same names by several sessions: one did it, nothing is lost" {
	both <<-'END'
		a, b, c, d = all = [Imap() for _ in range(4)]
		a.ok('LIST "" ""')
		sep = a.said[0].split('"')[1]
		for i in range(6):
		    n = str(i)
		    got = at_once(*[(s, "CREATE one" + n) for s in all])
		    assert sum(well(got)) == 1, got
		    got = at_once(*[(s, sep.join(["CREATE top" + n, "x", str(k)]))
		                    for k, s in enumerate(all)])
		    assert all == [s for s, ok in zip(all, well(got)) if ok], got
		    a.append("one" + n, "Subject: first\n\n")
		    a.ok("CREATE two" + n)
		    a.append("two" + n, "Subject: second\n\n")
		    got = at_once((a, "RENAME one%s to%s" % (n, n)),
		                  (b, "RENAME two%s to%s" % (n, n)))
		    assert sum(well(got)) == 1, got
		    all_of_them = there("one" + n) + there("two" + n) + there("to" + n)
		    assert sorted(all_of_them) == ["first", "second"], all_of_them
		    got = at_once((a, "RENAME to%s new%s" % (n, n)),
		                  (b, "DELETE to" + n))
		    assert sum(well(got)) == 1, got
		    assert len(there("new" + n)) == well(got)[0], got
	END
}

@test "RENAME INBOX, MOVE and REPLACE of the same messages by several sessions: one had them" {
	both <<-'END'
		a, b, c, d = [Imap() for _ in range(4)]
		a.ok("CREATE there")
		for i in range(6):
		    want = ["m%d.%d" % (i, k) for k in range(3)]
		    a.ok("APPEND INBOX" + "".join(map(literal, want)))
		    c.ok("SELECT INBOX")
		    got = at_once((a, "RENAME INBOX a%d" % i),
		                  (b, "RENAME INBOX b%d" % i),
		                  (c, "UID MOVE 1:* there"))
		    names = ["INBOX", "a%d" % i, "b%d" % i, "there"]
		    came = sum(map(there, names), [])
		    came = [x for x in came if x.startswith("m%d." % i)]
		    assert sorted(came) == want, (came, got)
		    uid = a.append("INBOX", "Subject: old\n\n").split()[2][:-1]
		    for s in b, c, d:
		        s.ok("SELECT INBOX")
		    got = at_once(
		        (b, "UID REPLACE %s INBOX%s" % (uid, literal("r%d.b" % i))),
		        (c, "UID REPLACE %s INBOX%s" % (uid, literal("r%d.c" % i))),
		        (d, "UID MOVE %s there" % uid))
		    left = there("INBOX") + [x for x in there("there") if x == "old"]
		    assert len(left) == 1, (left, got)
		    for s in b, c, d:
		        s.ok("UNSELECT")
		    a.ok("RENAME INBOX left%d" % i)
		    a.ok("DELETE there")
		    a.ok("CREATE there")
	END
}

@test "APPEND to a mailbox that is removed while the message comes" {
	both <<-'END'
		a, b = Imap(), Imap()
		a.ok("CREATE x")
		b.put("t APPEND x {14}\r\n")
		assert b.line().startswith("+ ")
		a.ok("DELETE x")
		b.put("Subject: y\r\n\r\n\r\n")
		line = b.line()
		assert line.startswith("t NO [TRYCREATE]"), line
		a.no("STATUS x (MESSAGES)", "NO [NONEXISTENT]")
	END
}

# traced: a program for several sessions, of which traced() makes one that holds still
# where a mailbox is locked: held(command, FILE) sends it, free(FILE) lets it go on.
traced()
{
	local text
	need strace
	: > "$T/trace"
	chmod 666 "$T/trace"
	printf '%s\n' '#!/bin/sh' \
	    "exec strace -f -o $T/trace $(prog imapd) \"\$@\"" > "$T/traced"
	chmod 755 "$T/traced"
	text=$(cat)
	sessions <<< '
def traced():
    prog, os.environ["IMAP_PROG"] = os.environ["IMAP_PROG"], \
        os.environ["T"] + "/traced"
    s = Imap()
    os.environ["IMAP_PROG"] = prog
    return s

def held(s, command, file):
    with open(file + ".lock", "x") as f:
        f.write(str(os.getpid()))
    s.tag = s.tell(command)
    lock = os.path.basename(file) + ".lock.*EEXIST"
    soon(lambda: re.search(lock, open(os.environ["T"] + "/trace").read()))

def free(s, file):
    os.unlink(file + ".lock")
    return s.answer(s.tag)
'"$text"
}

@test "a message that another session no longer wants deleted survives EXPUNGE" {
	box bob 3
	traced <<-'END'
		a, b = traced(), Imap()
		a.ok("SELECT INBOX")
		a.ok("STORE 1:2 +FLAGS (\\Deleted)")
		b.ok("SELECT INBOX")
		b.ok("FETCH 1:* (FLAGS BODY.PEEK[])")
		held(a, "EXPUNGE", BOX)
		b.ok("STORE 1 -FLAGS (\\Deleted)")
		assert b.said == ["* 1 FETCH (FLAGS ())"], b.said
		assert free(a, BOX).startswith("OK")
		b.ok("NOOP")
		assert b.said == ["* 2 EXPUNGE"], b.said
	END
}

@test "a mailbox that goes while it is opened is not an empty one" {
	traced <<-'END'
		a, b = traced(), Imap()
		b.ok("CREATE x")
		b.append("x", "Subject: y\n\n")
		x = os.environ["D"] + "/home/bob/mail/x"
		os.utime(x)
		held(a, "STATUS x (MESSAGES)", x)
		os.unlink(x)
		got = free(a, x)
		assert got.startswith("NO [NONEXISTENT]"), (got, a.said)
	END
}

@test "MOVE out of a mailbox that another program keeps locked: it is where it was" {
	box bob 3
	sessions <<-'END'
		a = Imap()
		a.ok("CREATE there")
		a.ok("SELECT INBOX")
		a.ok("FETCH 1:* BODY.PEEK[]")
		with open(BOX + ".lock", "x") as f:
		    f.write(str(os.getpid()))
		a.no("MOVE 2:3 there", "NO [INUSE]")
		assert not any("COPYUID" in x for x in a.said), a.said
		a.ok("STATUS there (MESSAGES)")
		assert a.said == ['* STATUS "there" (MESSAGES 0)'], a.said
		os.unlink(BOX + ".lock")
		a.ok("MOVE 2:3 there")
		a.ok("STATUS there (MESSAGES UIDNEXT)")
		assert a.said == ['* STATUS "there" (MESSAGES 2 UIDNEXT 5)'], a.said
		a.end()
	END
}
