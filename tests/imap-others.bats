# imap-others - several sessions on a mailbox, and others who write to it: what is said
# unasked, what a client that was away gets.

load lib
load imap

# --- the one voice ---

@test "NOOP tells what others did, in order; numbers stay while FETCH, STORE, SEARCH speak of them" {
	box bob 5
	sessions <<-'END'
		a, b = Imap(), Imap()
		a.ok("SELECT INBOX"), b.ok("SELECT INBOX")
		deliver()
		a.ok("NOOP")
		assert a.said == ["* 6 EXISTS", "* 6 RECENT"], a.said
		b.ok("STORE 2,4 +FLAGS.SILENT (\\Deleted $x)")
		a.ok("NOOP")
		assert a.said == ["* FLAGS (\\Seen \\Answered \\Flagged \\Deleted \\Draft $x)",
		    "* OK [PERMANENTFLAGS (\\Seen \\Answered \\Flagged \\Deleted \\Draft $x \\*)] all stay",
		    "* 2 FETCH (FLAGS (\\Deleted \\Recent $x))",
		    "* 4 FETCH (FLAGS (\\Deleted \\Recent $x))"], a.said
		b.ok("EXPUNGE")
		assert [x for x in b.said if "EXP" in x] == ["* 2 EXPUNGE", "* 3 EXPUNGE"]
		a.ok("STORE 3 +FLAGS (\\Seen)")
		assert a.said == ["* 3 FETCH (FLAGS (\\Seen \\Recent))"], a.said
		a.no("STORE 1:3 +FLAGS (\\Seen)", "NO [EXPUNGEISSUED]")
		no_gone(a)
		for c in "FETCH 1,3 FLAGS", "SEARCH ALL", "FETCH 2 FLAGS", "STORE 4 FLAGS \\Seen", \
		    "UID SEARCH NOT 2", "UID SORT (DATE) UTF-8 1:3": # RFC 7162 3.2.10.2
		    a.cmd(c)
		    no_gone(a)
		# Mail may come in between: the number counts what was not told.
		deliver()
		a.ok("STORE 3 +FLAGS (\\Flagged)")
		assert a.said[-2:] == ["* 7 EXISTS", "* 7 RECENT"], a.said
		no_gone(a)
		a.ok("NOOP")
		assert a.said == ["* 2 EXPUNGE", "* 3 EXPUNGE"], a.said
		b.ok("NOOP")
		assert b.said == ["* 1 FETCH (FLAGS (\\Seen))",
		    "* 2 FETCH (FLAGS (\\Seen \\Flagged))", "* 5 EXISTS", "* 0 RECENT"], b.said
		# A command that speaks in UIDs may tell.
		a.ok("STORE 1 +FLAGS.SILENT (\\Deleted)")
		a.ok("EXPUNGE")
		b.ok("UID STORE 3 -FLAGS (\\Flagged)")
		assert "* 1 EXPUNGE" in b.said, b.said
		a.end(), b.end()
	END
}

@test "IDLE: woken by deliver, by another session, by a program that writes the file anew" {
	box bob 4
	sessions <<-'END'
		a, b = Imap(), Imap()
		a.ok("SELECT INBOX"), b.ok("SELECT INBOX")
		assert a.idle() == []
		def told(*want):
		    for w in want:
		        got = a.line()
		        assert got == w, (got, w)
		deliver()
		told("* 5 EXISTS", "* 5 RECENT")
		b.ok("STORE 3 +FLAGS (\\Flagged)")
		told("* 3 FETCH (FLAGS (\\Flagged \\Recent))")
		b.ok("STORE 1 +FLAGS.SILENT (\\Deleted)")
		told("* 1 FETCH (FLAGS (\\Deleted \\Recent))")
		b.ok("EXPUNGE")
		told("* 1 EXPUNGE")
		b.ok("CHECK")
		rewrite(without(2))
		told("* 2 EXPUNGE")
		rewrite(lambda d: d.replace(b"Subject: letter 4\n",
					    b"Subject: letter 4\nX-Status: A\n", 1)
			if b"X-Status" not in d.split(b"letter 4")[1].split(b"From ")[0]
			else d.replace(b"zzz", b""))
		a.done()
		b.end()
		# A mailbox that is renamed over, as some do, is watched as well.
		assert a.idle() == [] or True
		data = open(BOX, "rb").read()
		with open(BOX + ".new", "wb") as f:
		    f.write(data)
		if os.getuid() == 0:
		    u, g = map(int, ids_of("bob").split(":"))
		    os.chown(BOX + ".new", u, g)
		os.rename(BOX + ".new", BOX)
		deliver()
		line = a.line()
		while not line.endswith(" EXISTS"):
		    line = a.line()
		assert a.done().startswith("OK")
		a.end()
	END
}

@test "IDLE with nothing selected; DONE in one piece with it; what is not DONE" {
	box bob 1
	imap_says bob <<-'END'
		C: a IDLE
		S: + ...
		C: done
		S: a OK
		C: b SELECT INBOX
		S: ...
		S: b OK [READ-WRITE]
		C: c IDLE
		S: + ...
		C: c NOOP
		S: c BAD
		C: d IDLE x
		S: d BAD
		C: e IDLE
		C: DONE
		C: f NOOP
		S: + ...
		S: e OK
		S: f OK
	END
}

@test "flags come into the file with CHECK, IDLE, CLOSE, another SELECT, LOGOUT, a lost line" {
	box bob 6
	sessions <<-'END'
		def marks():
		    parts = re.split(rb"(?m)(?=^From )", open(BOX, "rb").read())[1:]
		    return "".join("F" if re.search(rb"(?m)^X-Status: .*F", p) else "-"
				   for p in parts)
		a = Imap()
		a.ok("SELECT INBOX")
		a.ok("STORE 1 +FLAGS (\\Flagged)")
		a.ok("CHECK")
		assert marks() == "F-----", marks()
		a.ok("STORE 2 +FLAGS (\\Flagged)")
		a.idle()
		assert marks() == "FF----", marks()
		a.done()
		a.ok("STORE 3 +FLAGS (\\Flagged)")
		a.ok("SELECT INBOX")
		assert marks() == "FFF---", marks()
		a.ok("STORE 4 +FLAGS (\\Flagged)")
		a.ok("CLOSE")
		assert marks() == "FFFF--", marks()
		a.ok("SELECT INBOX")
		a.ok("STORE 5 +FLAGS (\\Flagged)")
		a.end()
		assert marks() == "FFFFF-", marks()
		a = Imap()
		a.ok("SELECT INBOX")
		a.ok("STORE 6 +FLAGS (\\Flagged)")
		a.cut()
		assert marks() == "FFFFFF", marks()
		# Flags that mutt wrote are seen by a session that was there before.
		a = Imap()
		a.ok("SELECT INBOX")
		rewrite(lambda d: re.sub(rb"(?m)^X-Status: F *$", b"X-Status: A", d, count=1))
		a.ok("NOOP")
		assert a.said == ["* 1 FETCH (FLAGS (\\Answered))"], a.said
		a.end()
	END
}

@test "words of X-Keywords that are no flags are not told; a file that is no mailbox says so" {
	box bob 1
	sed -i 's/^Subject/X-Keywords: a {5} (b) c* \\Seen "d\n&/' "$D/mail/bob"
	imap_says bob <<-'END'
		C: 1 SELECT INBOX
		S: * 1 EXISTS
		S: * 1 RECENT
		S: * FLAGS (\Seen \Answered \Flagged \Deleted \Draft a)
		S: ...
		S: 1 OK
		C: 2 FETCH 1 FLAGS
		S: * 1 FETCH (FLAGS (\Recent a))
		S: 2 OK
		C: 3 LOGOUT
		S: * BYE ...
		S: 3 OK
	END
	mkdir -p "$D/home/bob/mail"
	echo no mailbox > "$D/home/bob/mail/notes"
	own "$D/home/bob/mail" bob
	own "$D/home/bob/mail/notes" bob
	imap bob <<< '1 SELECT notes' | grep '^1 NO \[CORRUPTION\] .* not in mbox form'
}

@test "where there can be no index, a flag that is said to be set is in the mailbox" {
	box bob 2
	rm -rf "$D/state"
	: > "$D/state"
	sessions <<-'END'
		s = Imap()
		s.ok("SELECT INBOX")
		if s.cmd("STORE 1 +FLAGS (\\Flagged)").startswith("OK"):
		    assert b"X-Status: F" in open(BOX, "rb").read()
	END
	printf 'mailbox %s/maildir/%%u/\n' "$D" >> "$C"
	mkdir -p "$D/maildir/bob/"{cur,new,tmp}
	echo x > "$D/maildir/bob/cur/1.a"
	own "$D/maildir/bob" bob
	own "$D/maildir/bob/cur" bob
	own "$D/maildir/bob/cur/1.a" bob
	own "$D/maildir/bob/new" bob
	own "$D/maildir/bob/tmp" bob
	sessions <<-'END'
		s = Imap()
		s.ok("SELECT INBOX")
		s.ok("STORE 1 +FLAGS (\\Flagged)")
		assert os.listdir(BOX.replace("mail/", "maildir/") + "/cur") == ["1.a:2,F"]
	END
}

@test "EXAMINE changes nothing: bytes, time, flags; and says NO" {
	box bob 3
	touch -d '2026-11-20 10:00' "$D/mail/bob"
	cp -p "$D/mail/bob" "$T/before"
	imap_says bob <<-'END'
		C: a EXAMINE INBOX
		S: * 3 EXISTS
		S: * 3 RECENT
		S: ...
		S: a OK [READ-ONLY]
		C: b STORE 1 +FLAGS (\Seen)
		S: b NO
		C: c EXPUNGE
		S: c NO
		C: d CHECK
		S: d OK
		C: e IDLE
		S: + ...
		C: DONE
		S: e OK
		C: f CLOSE
		S: f OK
		C: g EXAMINE INBOX
		S: * 3 EXISTS
		S: * 3 RECENT
		S: ...
		S: g OK [READ-ONLY]
		C: h FETCH 1 BODY[]
		S: ...
		S: h OK
		C: i FETCH 1 FLAGS
		S: * 1 FETCH (FLAGS (\Recent))
		S: i OK
	END
	cmp "$D/mail/bob" "$T/before"
	[ "$(stat -c %y "$D/mail/bob")" = "$(stat -c %y "$T/before")" ]
}

# readonly_box: two letters in INBOX, which bob may read.
readonly_box()
{
	imap_says bob <<-'END'
		C: a SELECT INBOX
		S: * 2 EXISTS
		S: ...
		S: a OK [READ-ONLY]
		C: b FETCH 2 BODY.PEEK[HEADER.FIELDS (SUBJECT)]
		S: * 2 FETCH (BODY[HEADER.FIELDS (SUBJECT)] ...letter 2...
		S: b OK
		C: c STORE 1 +FLAGS (\Deleted)
		S: c NO
		C: d EXPUNGE
		S: d NO
		C: e APPEND INBOX {1+}
		C: x
		S: e NO
		C: f EXAMINE INBOX
		S: ...
		S: f OK [READ-ONLY]
		C: g STATUS INBOX (MESSAGES)
		S: * STATUS "INBOX" (MESSAGES 2)
		S: g OK
	END
}

@test "a mailbox that may only be read is [READ-ONLY], and is read" {
	box bob 2
	chmod 400 "$D/mail/bob"
	cp -p "$D/mail/bob" "$T/before"
	readonly_box
	cmp "$D/mail/bob" "$T/before"
	rm "$D/mail/bob"
	sed -i "s|^mailbox .*|mailbox $D/mail/%u/|" "$C"
	for i in 1 2; do
		printf 'Subject: letter %d\n\nx\n' "$i" | deliver bob
	done
	chmod 500 "$D/mail/bob/"{new,cur}
	readonly_box
	chmod 700 "$D/mail/bob/"{new,cur}
}

@test "a message is recent in one session, and never again" {
	box bob 2
	sessions <<-'END'
		a, b = Imap(), Imap()
		def recent(s):
		    return [x for x in s.said if x.endswith("RECENT")]
		a.ok("SELECT INBOX"); assert recent(a) == ["* 2 RECENT"]
		b.ok("SELECT INBOX"); assert recent(b) == ["* 0 RECENT"]
		deliver()
		b.ok("NOOP"); assert recent(b) == ["* 1 RECENT"], b.said
		a.ok("NOOP"); assert recent(a) == ["* 2 RECENT"], a.said
		b.end()
		b = Imap()
		b.ok("SELECT INBOX"); assert recent(b) == ["* 0 RECENT"]
		deliver()
		b.ok("STATUS INBOX (RECENT MESSAGES)")
		a.end(), b.end()
	END
}

@test "whatever others do to the file, numbers and UIDs stay together" {
	box bob 9
	sessions <<-'END'
		import random
		random.seed(int(os.environ.get("SEED", 1)))
		parts = lambda d: re.split(rb"(?m)(?=^From )", d)[1:]
		old = []

		class Client:
		    """What one knows who believes all that is said."""
		    def __init__(self, quick):
		        self.s = Imap()
		        if quick:
		            self.s.ok("ENABLE QRESYNC")
		        self.s.ok("SELECT INBOX")
		        self.uids = [None] * int(self.s.said[0].split()[1])
		        self.look()
		    def hear(self):
		        for x in self.s.said:
		            w = x.split()
		            if w[2:] == ["EXPUNGE"]:
		                del self.uids[int(w[1]) - 1]
		            elif w[2:] == ["EXISTS"]:
		                assert int(w[1]) >= len(self.uids), (x, self.uids)
		                self.uids += [None] * (int(w[1]) - len(self.uids))
		            elif w[1] == "VANISHED":
		                gone = set()
		                for r in w[2].split(","):
		                    lo, _, hi = r.partition(":")
		                    gone |= set(range(int(lo), int(hi or lo) + 1))
		                assert gone <= set(self.uids)
		                self.uids = [u for u in self.uids if u not in gone]
		            elif w[2:3] == ["FETCH"] and "UID" in x:
		                n, u = int(w[1]) - 1, int(re.search(r"UID (\d+)", x)[1])
		                assert n < len(self.uids), (x, self.s.said, self.uids)
		                assert self.uids[n] in (None, u), (x, self.uids)
		                self.uids[n] = u
		    def look(self):
		        if not self.uids:
		            return
		        self.s.cmd("FETCH 1:* (UID)")
		        self.hear()
		        known = [u for u in self.uids if u]
		        assert known == sorted(set(known)), self.uids
		    def step(self):
		        if self.s.cmd(random.choice(["NOOP", "CHECK", "UID SEARCH ALL"])) is None:
		            assert self.s.said[-1].startswith("* BYE"), self.s.said
		            self.s.cut()
		            self.__init__(random.random() < .5)
		            return
		        self.hear()
		        self.look()

		def shuffle(d):
		    p = parts(d)
		    random.shuffle(p)
		    return b"".join(p)
		def drop(d):
		    p = parts(d)
		    return b"".join(x for x in p if random.random() < .7)
		def restore(d):
		    old.append(d)
		    return random.choice(old)
		def again(d):
		    p = parts(d)
		    return b"".join(p + p[:2])
		cs = [Client(False), Client(True)]
		byes = 0
		for n in range(60):
		    do = random.choice(["deliver", "drop", "restore", "shuffle", "again", "flag", "index"])
		    if do == "deliver":
		        deliver("new %d" % n)
		    elif do == "flag":
		        cs[0].s.cmd("STORE %s +FLAGS.SILENT (\\Deleted)" % random.choice(["1", "*", "1:3"]))
		        cs[0].hear()
		        cs[0].s.cmd("EXPUNGE")
		        cs[0].hear()
		    elif do == "index":
		        for d, _, names in os.walk(STATE):
		            for f in names:
		                os.unlink(os.path.join(d, f))
		    else:
		        rewrite({"drop": drop, "restore": restore, "shuffle": shuffle, "again": again}[do])
		    for c in random.sample(cs, random.choice([1, 2])):
		        c.step()
		for c in cs:
		    c.step()
		    c.s.end()
	END
}

# --- RFC 7162 ---

@test "CONDSTORE: UNCHANGEDSINCE, MODIFIED, MODSEQ" {
	box bob 5
	sessions <<-'END'
		a, b = Imap(), Imap()
		a.ok("SELECT INBOX (CONDSTORE)")
		m = modseq(a)
		b.ok("SELECT INBOX")
		a.ok("STORE 2 (UNCHANGEDSINCE %d) +FLAGS (\\Seen)" % m)
		assert len(a.said) == 1, a.said
		g = re.fullmatch(r"\* 2 FETCH \(UID 2 MODSEQ \((\d+)\) FLAGS \(\\Seen \\Recent\)\)", a.said[0])
		m2 = int(g[1])
		assert m2 > m
		# Silent means: only the MODSEQ is told; FLAGS do no harm.
		a.ok("STORE 3 (UNCHANGEDSINCE %d) +FLAGS.SILENT (\\Seen)" % m2)
		assert len(a.said) == 1 and "MODSEQ (" in a.said[0], a.said
		# The other one did not ask for MODSEQ and is not told.
		b.ok("NOOP")
		assert b.said == ["* 2 FETCH (FLAGS (\\Seen))", "* 3 FETCH (FLAGS (\\Seen))"], b.said
		b.ok("STORE 4 +FLAGS (\\Flagged)")
		got = a.ok("STORE 1:5 (UNCHANGEDSINCE %d) +FLAGS.SILENT (\\Deleted)" % m)
		assert got.startswith("[MODIFIED 2:4] "), got
		told = [x for x in a.said if " FETCH " in x]
		assert [x.split()[1] for x in told] == ["1", "2", "3", "4", "5"], told
		assert ["\\Deleted" in x for x in told] == [True, False, False, False, True], told
		got = a.ok("UID STORE 2,4 (UNCHANGEDSINCE 1) +FLAGS (\\Deleted)")
		assert got.startswith("[MODIFIED 2,4] "), got
		got = a.ok("STORE 2 (UNCHANGEDSINCE 0) +FLAGS (\\Deleted)")
		assert got.startswith("[MODIFIED 2] "), got
		a.bad("STORE 2 (UNCHANGEDSINCE) +FLAGS (\\Deleted)")
		a.bad("STORE 2 (UNCHANGEDSINCE 99999999999999999999) +FLAGS (\\Deleted)")
		a.bad("STORE 2 (OTHERWISE 1) +FLAGS (\\Deleted)")
		# STORE that changes nothing leaves the modseq as it is.
		a.ok("STORE 2 +FLAGS (\\Seen)")
		assert "MODSEQ (%d)" % m2 in a.said[0], a.said
		# UNCHANGEDSINCE alone turns it on, and the first that does is told where
		# the mailbox is (RFC 7162 3.1).
		b.ok("STORE 1 (UNCHANGEDSINCE 9999999999999999) -FLAGS (\\Deleted)")
		assert "MODSEQ (" in b.said[-1], b.said
		n = modseq(b)
		assert n < int(re.search(r"MODSEQ \((\d+)", b.said[-1])[1]), b.said
		for x in "FETCH 1 MODSEQ", "FETCH 1 UID (CHANGEDSINCE 1)", "SEARCH MODSEQ 1", "STATUS INBOX (HIGHESTMODSEQ)":
		    c = Imap()
		    c.ok("SELECT INBOX")
		    assert modseq(c) > n
		    c.ok(x)
		    assert c.said[0].startswith("* OK [HIGHESTMODSEQ "), (x, c.said)
		    c.ok(x)
		    assert not any("* OK [HIGH" in x for x in c.said), (x, c.said)
		    c.end()
		a.end(), b.end()
	END
}

@test "QRESYNC: who was away gets the difference, and nothing else" {
	box bob 8
	sessions <<-'END'
		a = Imap()
		a.ok("ENABLE QRESYNC")
		a.ok("SELECT INBOX")
		second = time.time()
		m, v = modseq(a), int(re.search(r"UIDVALIDITY (\d+)", "\n".join(a.said))[1])
		a.end()
		def back(words="", since=None, validity=None):
		    s = Imap()
		    s.ok("ENABLE QRESYNC")
		    s.ok("SELECT INBOX (QRESYNC (%d %d%s))" % (validity or v, since or m, words))
		    said, s.news = s.said, modseq(s)
		    s.cut()
		    return [re.sub(r"MODSEQ \(\d+\)", "MODSEQ (N)", x) for x in said
			    if "FETCH" in x or "VANISHED" in x]
		assert back() == []
		b = Imap()
		b.ok("SELECT INBOX")
		b.ok("STORE 2,4,5 +FLAGS (\\Deleted)")
		b.ok("EXPUNGE")
		b.ok("STORE 3 +FLAGS (\\Seen)") # UID 6
		b.ok("STORE 1 +FLAGS ($k)")
		assert "[HIGHESTMODSEQ" not in b.ok("CLOSE")
		b.end()
		deliver()
		want = ["* VANISHED (EARLIER) 2,4:5",
			"* 1 FETCH (UID 1 MODSEQ (N) FLAGS ($k))",
			"* 3 FETCH (UID 6 MODSEQ (N) FLAGS (\\Seen))"]
		got = back()
		assert got[:3] == want and re.match(r"\* 6 FETCH \(UID 9 ", got[3]) and len(got) == 4, got
		# Known UIDs limit what is told; the match data are a hint.
		got = back(" 3:5,8")
		assert got == ["* VANISHED (EARLIER) 4:5"], got
		got = back(" 6:1")
		assert got == want, got
		got = back(" 1:9 (1:3 1:3)")
		assert len(got) == 4
		got = back(" (1:3 1:3)")
		assert len(got) == 4
		# Another UIDVALIDITY: as if nothing had been asked.
		assert back(validity=v + 1) == []
		# The index is lost: the answer has more, and is still right.
		# (The clock makes the numbers of a new one greater.)
		soon(lambda: time.time() >= second + 1)
		for d, _, names in os.walk(STATE):
		    for n in names:
		        os.unlink(os.path.join(d, n))
		got = back()
		gone = [x for x in got if "VANISHED" in x]
		assert gone in ([], ["* VANISHED (EARLIER) 2,4:5"]), got
		assert gone, got
		told = [int(re.search(r"UID (\d+)", x)[1]) for x in got if "FETCH" in x]
		assert set(told) >= {1, 6, 9} and set(told) <= {1, 3, 6, 7, 8, 9}, told
	END
}

@test "QRESYNC: VANISHED in place of EXPUNGE, HIGHESTMODSEQ behind EXPUNGE, errors" {
	box bob 8
	sessions <<-'END'
		a, b = Imap(), Imap()
		a.bad("SELECT INBOX (QRESYNC (1 1))")
		a.ok("ENABLE QRESYNC")
		for x in "(1)", "(0 1)", "(1 1 1:)", "(1 1 x)", "1 1", "(1 1 1:3 (1 2)", "(1 99999999999999999999)":
		    a.bad("SELECT INBOX (QRESYNC %s)" % x)
		a.ok("SELECT INBOX")
		m = modseq(a)
		b.ok("SELECT INBOX")
		b.ok("STORE 2:4,6 +FLAGS.SILENT (\\Deleted)")
		b.ok("EXPUNGE")
		a.ok("NOOP")
		assert a.said == ["* VANISHED 2:4,6"], a.said
		a.ok("STORE 1,2 +FLAGS (\\Deleted)")
		assert re.match(r"\* 1 FETCH \(UID 1 MODSEQ \(\d+\) FLAGS \(\\Deleted \\Recent\)\)", a.said[0])
		got = a.ok("UID EXPUNGE 1")
		g = re.match(r"\[HIGHESTMODSEQ (\d+)\]", got)
		assert int(g[1]) > m and a.said == ["* VANISHED 1"], (got, a.said)
		got = a.ok("EXPUNGE")
		assert got.startswith("[HIGHESTMODSEQ ") and a.said == ["* VANISHED 5"], a.said
		# So do MOVE and REPLACE (RFC 6851 4.4, 8508 4.5).
		a.ok("CREATE other")
		m = int(re.match(r"\[HIGHESTMODSEQ (\d+)\]", got)[1])
		got = a.ok("MOVE 1 other")
		g = re.match(r"\[HIGHESTMODSEQ (\d+)\]", got)
		assert g and int(g[1]) > m and a.said[-1] == "* VANISHED 7", (got, a.said)
		got = a.ok("REPLACE 1 INBOX {6+}\r\na: 1\r\n")
		g = re.match(r"\[HIGHESTMODSEQ (\d+)\]", got)
		assert g and int(g[1]) > m and "* VANISHED 8" in a.said, (got, a.said)
		for x in "1 2", "1 3":
		    a.append("INBOX", "Subject: %s\n\nx\n" % x)
		a.idle()
		b.ok("NOOP")
		b.ok("STORE 2 +FLAGS.SILENT (\\Deleted)")
		b.ok("EXPUNGE")
		line = a.line()
		while "VANISHED" not in line:
		    line = a.line()
		a.done()
		# Not here: what CLOSE removed was not told (RFC 7162 3.2.8).
		assert "HIGHESTMODSEQ" not in a.ok("CLOSE")
		a.end(), b.end()
	END
}

# --- cut short, compressed ---

@test "APPEND cut short at any byte stores nothing" {
	box bob 1
	cp "$D/mail/bob" "$T/before"
	sessions <<-'END'
		text = "A: b\r\n\r\n" + "text of a letter\r\n" * 200
		all = ("a APPEND INBOX (\\Seen) {%d+}\r\n%s" % (len(text), text)) * 1
		many = all + " {6+}\r\na: b\r\n" # the end of the command is missing
		big = "a APPEND INBOX {300000+}\r\n" + "x" * 299999
		for data in [all[:n] for n in range(1, 60, 7)] + [all[:n] for n in range(60, len(all) + 1, 397)] + \
			[all, many, big]:
		    s = Imap()
		    s.put(data)
		    s.sock.shutdown(socket.SHUT_WR)
		    assert s.line() is None or True
		    assert s.cut() == 0
		    assert open(BOX).read().count("\nA: b") == 0, data
		s = Imap()
		s.put(many + "\r\n")
		assert "OK [APPENDUID" in s.line()
		s.end()
	END
	[ "$(grep -c '^From ' "$D/mail/bob")" -eq 3 ]
	[ -z "$(find "$D/state" "$D/mail" -name '*stage*' -o -name '*.lock')" ]
}

@test "RFC 4978: COMPRESS" {
	box bob 200
	sessions <<-'END'
		a = Imap()
		a.ok("CAPABILITY")
		assert "COMPRESS=DEFLATE" in a.said[0]
		a.no("COMPRESS LZ4")
		a.bad("COMPRESS")
		a.ok("COMPRESS DEFLATE")
		a.compress()
		a.no("COMPRESS DEFLATE", "NO [COMPRESSIONACTIVE]")
		a.ok("CAPABILITY")
		assert "COMPRESS" not in a.said[0]
		a.ok("SELECT INBOX")
		a.ok("STORE 1:* +FLAGS (\\Seen)")
		assert len(a.said) == 200
		a.append("INBOX", "A: b\n\n" + "".join("%d\n" % n for n in range(30000)), "(\\Seen)")
		# Many commands in one piece, and one in many.
		tags = []
		data = b""
		for n in range(3000):
		    data += b"p%d NOOP\r\n" % n
		a.put(data)
		for n in range(3000):
		    assert a.line() == "p%d OK here I am" % n
		for c in "q NOOP\r\n":
		    a.put(c)
		assert a.line() == "q OK here I am"
		a.idle()
		deliver()
		assert a.line().endswith("EXISTS")
		a.line()
		a.done()
		a.end()
		# Behind the command and in one piece with it.
		a = Imap()
		z = zlib.compressobj(9, zlib.DEFLATED, -15)
		a.put(b"x COMPRESS DEFLATE\r\n" + z.compress(b"y NOOP\r\n") + z.flush(zlib.Z_SYNC_FLUSH))
		assert a.line().startswith("x OK")
		a.compress()
		a.buf = a.inflate.decompress(a.buf)
		assert a.line() == "y OK here I am"
		# What is no deflate ends it.
		a.sock.sendall(b"\xff" * 100)
		assert a.line() is None
		assert a.cut() == 0
	END
}

# --- the same over a Maildir ---

@test "Maildir: two sessions, deliver, others who rename and remove files, IDLE, QRESYNC" {
	sed -i "s|^mailbox .*|mailbox $D/mail/%u/|" "$C"
	for i in 1 2 3 4; do
		printf 'Subject: letter %d\n\nx\n' "$i" | deliver bob
	done
	sessions <<-'END'
		def files():
		    return sorted(BOX + "/" + d + "/" + n for d in ("new", "cur") for n in os.listdir(BOX + "/" + d))
		a, b = Imap(), Imap()
		a.ok("ENABLE QRESYNC")
		second = time.time()
		a.ok("SELECT INBOX")
		assert a.said[:2] == ["* 4 EXISTS", "* 4 RECENT"], a.said
		m, v = modseq(a), int(re.search(r"UIDVALIDITY (\d+)", "\n".join(a.said))[1])
		b.ok("SELECT INBOX")
		assert b.said[:2] == ["* 4 EXISTS", "* 0 RECENT"], b.said
		b.ok("STORE 2 +FLAGS (\\Flagged $k)")
		assert b.said[-1] == "* 2 FETCH (FLAGS (\\Flagged $k))", b.said
		a.ok("NOOP")
		assert re.fullmatch(r"\* 2 FETCH \(UID 2 MODSEQ \(\d+\) FLAGS \(\\Flagged \\Recent \$k\)\)", a.said[-1]), a.said
		a.ok("CHECK"), b.ok("CHECK")
		assert sum(":2," in f and "F" in f.split(":2,")[1] for f in files()) == 1, files()
		# Another program reads one, and removes one.
		got = b.idle()
		cur = [f for f in files() if "/cur/" in f and f.endswith(":2,")]
		fresh = [f for f in files() if "/cur/" not in f]
		one = (cur + fresh)[0]
		os.rename(one, BOX + "/cur/" + os.path.basename(one).split(":")[0] + ":2,S")
		line = b.line()
		assert re.fullmatch(r"\* \d FETCH \(FLAGS \(\\Seen\)\)", line), line
		os.unlink([f for f in files() if f.endswith(":2,S")][0])
		line = b.line()
		assert line.endswith(" EXPUNGE"), line
		deliver()
		assert b.line() == "* 4 EXISTS"
		b.line()
		b.done()
		a.ok("NOOP")
		assert any("VANISHED" in x for x in a.said) and "* 4 EXISTS" in a.said, a.said
		b.append("INBOX", "Subject: appended\n\ny\n", "(\\Draft)", "01-Jan-2020 00:00:00 +0000")
		b.ok("STORE 1 +FLAGS.SILENT (\\Deleted)")
		b.ok("STORE 2 (UNCHANGEDSINCE %d) +FLAGS (\\Answered)" % ((1 << 63) - 1))
		b.ok("EXPUNGE")
		assert b.said[0] == "* 1 EXPUNGE", b.said
		b.ok("COPY 1:2 INBOX")
		b.ok("MOVE 1 INBOX")
		count = int([x for x in b.said if "EXISTS" in x][0].split()[1])
		assert count + 1 >= len(files()) >= count - 1
		b.end()
		a.end()
		s = Imap()
		s.ok("ENABLE QRESYNC")
		s.ok("SELECT INBOX (QRESYNC (%d %d))" % (v, m))
		gone = [x for x in s.said if "VANISHED" in x]
		assert len(gone) == 1 and gone[0].startswith("* VANISHED (EARLIER) 1"), s.said
		s.end()
	END
	[ -z "$(ls "$D/mail/bob/tmp")" ]
}

@test "Maildir: a folder that another session deletes is told to be empty" {
	sed -i "s|^mailbox .*|mailbox $D/mail/%u/|" "$C"
	sessions <<-'END'
		a, b = Imap(), Imap()
		a.ok("CREATE x")
		for i in range(4):
		    a.append("x", "Subject: %d\n\ny\n" % i)
		a.ok("SELECT x")
		b.ok("DELETE x")
		# Twice: by what was seen while it went, and by what is left.
		a.ok("NOOP")
		gone = len(a.said)
		a.ok("NOOP")
		assert gone + len(a.said) == 4, a.said
		a.bad("FETCH 1 FLAGS")
		a.ok("CLOSE")
		# The messages are those that they were when it is back.
		a.append("INBOX", "Subject: z\n\ny\n")
		a.ok("SELECT INBOX")
		os.rename(BOX, BOX + "-")
		a.ok("NOOP")
		assert a.said == ["* 1 EXPUNGE"], a.said
		os.rename(BOX + "-", BOX)
		a.ok("NOOP")
		assert a.said[0] == "* 1 EXISTS", a.said
		a.ok("FETCH 1 UID")
		assert a.said == ["* 1 FETCH (UID 1)"], a.said
		a.end()
		b.end()
	END
}

@test "Maildir: a folder in the place of the one that is selected is another mailbox" {
	sed -i "s|^mailbox .*|mailbox $D/mail/%u/|" "$C"
	sessions <<-'END'
		a = Imap()
		a.ok("CREATE x")
		def anew(*commands, looks=False):
		    """Somebody has x selected meanwhile, and is told."""
		    a.append("x", "Subject: old\n\ny\n")
		    b = Imap()
		    b.ok("SELECT x")
		    for c in commands:
		        a.ok(c)
		        if looks and "CREATE" not in c:
		            b.ok("NOOP")
		            assert b.said[0].endswith(" EXPUNGE"), b.said
		    a.append("x", "Subject: new\n\ny\n")
		    assert b.cmd("NOOP") is None, b.said
		    assert b.said[-1].startswith("* BYE [UNAVAILABLE] this is another"), b.said
		    b.cut()
		anew("DELETE x", "CREATE x")
		anew("DELETE x", "CREATE x", looks=True)
		anew("RENAME x y", "CREATE x")
		anew("RENAME x z", "CREATE x", looks=True)
		# Moved away and back it may have messages that are not those.
		anew("RENAME x v", "RENAME v x")
		b = Imap()
		b.ok("SELECT x")
		b.ok("FETCH 1:* UID")
		assert b.said == ["* %d FETCH (UID %d)" % (i, i) for i in (1, 2, 3)], b.said
		a.end()
		b.end()
	END
}

@test "what was watched in IDLE is no longer behind it" {
	need strace
	box bob 1
	: > "$T/trace"
	chmod 666 "$T/trace"
	imap bob "exec strace -e trace=inotify_add_watch -o $T/trace \"\$@\"" \
	    > "$T/got" <<< $'1 SELECT INBOX\n2 IDLE\nDONE\n3 NOOP\n4 NOOP\n5 LOGOUT'
	grep '^4 OK' "$T/got"
	grep 'mail/bob' "$T/trace"
	[ "$(grep -c EBADF "$T/trace")" -eq 0 ]
}
