# imapd - dialogues: the examples of the RFCs, what is said unasked, what comes into
# the mailbox.  (Commands and states: imap-states; FETCH, SEARCH, LIST: theirs.)

load lib
load imap

setup()
{
	test_begin
	instance a a.test
	imap_ready
}

teardown() { test_end; }

SYSTEM='\Seen \Answered \Flagged \Deleted \Draft'

# deliver USER: the letter of stdin.
deliver() { "$(prog deliver)" -C "$C" -f jo@x.test "$@"; }

# The subjects of an mbox, one a line.
subjects() { sed -n 's/^Subject: letter //p' "$1" | xargs; }

# --- RFC 9051 and RFC 3501: examples ---

@test "the greeting of one's own: PREAUTH with the capabilities" {
	box bob 1
	run imap_raw bob < /dev/null
	[ "$status" -eq 0 ]
	[ "${#lines[@]}" -eq 1 ]
	[[ ${lines[0]} == '* PREAUTH [CAPABILITY IMAP4rev1 IMAP4rev2 '*'] bob, this is a.test' ]]
	[[ ${lines[0]} != *AUTH=* ]]
	grep -q 'Logout user=bob host=local \[local\] end=lost' "$D/log"
}

@test "6.1: CAPABILITY, NOOP, LOGOUT, ID" {
	imap_says bob <<-'END'
		C: abcd CAPABILITY
		S: * CAPABILITY IMAP4rev1 IMAP4rev2 LITERAL+ ID ENABLE IDLE ...
		S: abcd OK
		C: a002 NOOP
		S: a002 OK
		C: a003 ID ("name" "sodr" "version" "19.34" "vendor" "Pink Floyd Music Limited")
		S: * ID ("name" "facteur" "version" "...")
		S: a003 OK
		C: a004 ID NIL
		S: * ID (...)
		S: a004 OK
		C: a005 id ("os" NIL "name" "x")
		S: * ID (...)
		S: a005 OK
		C: A023 LOGOUT
		S: * BYE ...
		S: A023 OK
	END
	grep -q 'ID client="sodr 19.34" host=local' "$D/log"
}

@test "6.3: SELECT, EXAMINE, SELECT again" {
	box bob 3
	imap bob <<-'END' > "$T/got"
		A142 SELECT INBOX
		A143 SELECT none
		A144 FETCH 1 FLAGS
		A932 EXAMINE inbox
		A933 EXAMINE Inbox
	END
	id=$(sed -n 's/.*UIDVALIDITY \([0-9]*\)\].*/\1/p' "$T/got" | sort -u)
	[[ $id =~ ^[0-9]+$ ]]
	want() { printf '%s\n' "* 3 EXISTS" "* $1 RECENT" "* FLAGS ($SYSTEM)" "$2" \
	    '* OK [UNSEEN 1]' "* OK [UIDVALIDITY $id]" '* OK [UIDNEXT 4]' \
	    '* OK [HIGHESTMODSEQ N]' '* OK [MAILBOXID (F)]' "$3"; }
	{
		want 3 "* OK [PERMANENTFLAGS ($SYSTEM \\*)]" 'A142 OK [READ-WRITE]'
		printf '%s\n' '* OK [CLOSED]' 'A143 NO [NONEXISTENT]' 'A144 BAD'
		want 0 '* OK [PERMANENTFLAGS ()]' 'A932 OK [READ-ONLY]'
		echo '* OK [CLOSED]'
		want 0 '* OK [PERMANENTFLAGS ()]' 'A933 OK [READ-ONLY]'
	} > "$T/want"
	sed 's/\(OK \[.*\]\).*/\1/; s/\(NO \[.*\]\).*/\1/; s/BAD.*/BAD/
	    s/HIGHESTMODSEQ [0-9]*/HIGHESTMODSEQ N/; s/(F[0-9a-f]\{16\})/(F)/' \
	    "$T/got" | diff - "$T/want"
}

@test "IMAP4rev2: no RECENT and UNSEEN, but LIST; names in UTF-8" {
	box bob 2
	imap_says bob <<-'END'
		C: a ENABLE IMAP4rev2
		S: * ENABLED IMAP4rev2
		S: a OK
		C: b SELECT INBOX
		S: * 2 EXISTS
		S: * FLAGS (...)
		S: * OK [PERMANENTFLAGS (...\*)] ...
		S: * OK [UIDVALIDITY ...] ...
		S: * OK [UIDNEXT 3] ...
		S: * OK [HIGHESTMODSEQ ...] ...
		S: * OK [MAILBOXID (...)] ...
		S: * LIST () "/" "INBOX"
		S: b OK [READ-WRITE]
		C: c STORE 1 +FLAGS (\Flagged)
		S: * 1 FETCH (FLAGS (\Flagged))
		S: c OK
		C: d APPEND INBOX {6+}
		C: a: b
		C: 
		S: * 3 EXISTS
		S: d OK [APPENDUID ... 3]
	END
}

@test "RFC 5161: ENABLE" {
	box bob 1
	imap_says bob <<-'END'
		C: a1 ENABLE CONDSTORE X-GOOD-IDEA
		S: * ENABLED CONDSTORE
		S: a1 OK
		C: a2 ENABLE X-GOOD-IDEA
		S: * ENABLED
		S: a2 OK
		C: a3 enable qresync condstore utf8=accept
		S: * ENABLED QRESYNC UTF8=ACCEPT
		S: a3 OK
		C: a4 SELECT INBOX
		S: ...
		S: a4 OK [READ-WRITE]
		C: a5 ENABLE CONDSTORE
		S: a5 BAD
		C: a6 CLOSE
		S: a6 OK
		C: a7 ENABLE QRESYNC
		S: * ENABLED
		S: a7 OK
	END
}

@test "6.3.12: APPEND with flags, keywords and date" {
	imap_says bob <<-'END'
		C: A003 APPEND INBOX (\Seen $MDNSent) "07-Feb-1994 21:52:25 -0800" {324+}
		C: Date: Mon, 7 Feb 1994 21:52:25 -0800 (PST)
		C: From: Fred Foobar <foobar@Blurdybloop.example>
		C: Subject: afternoon meeting
		C: To: mooch@owatagu.siam.edu.example
		C: Message-Id: <B27397-0100000@Blurdybloop.example>
		C: MIME-Version: 1.0
		C: Content-Type: TEXT/PLAIN; CHARSET=US-ASCII
		C: 
		C: Hello Joe, do you think we can meet at 3:30 tomorrow?
		S: A003 OK [APPENDUID ... 1]
		C: A004 APPEND INBOX {6}
		S: + ...
		C: a: b
		C: 
		S: A004 OK [APPENDUID ... 2]
		C: A005 APPEND INBOX () " 8-Feb-1994 21:52:25 +0000" {6}
		S: + ...
		C: a: b
		C: 
		S: A005 OK [APPENDUID ... 3]
		C: A006 APPEND none {6}
		S: A006 NO [TRYCREATE]
		C: A007 APPEND none {6+}
		C: a: b
		C: 
		S: A007 NO [TRYCREATE]
		C: A008 SELECT INBOX
		S: * 3 EXISTS
		S: * 3 RECENT
		S: * FLAGS (\Seen \Answered \Flagged \Deleted \Draft $MDNSent)
		S: * OK [PERMANENTFLAGS (\Seen \Answered \Flagged \Deleted \Draft $MDNSent \*)] ...
		S: * OK [UNSEEN 2] ...
		S: ...
		S: A008 OK [READ-WRITE]
	END
	grep -x 'From .* Tue Feb  8 05:52:25 1994' "$D/mail/bob"
	grep -x 'From .* Tue Feb  8 21:52:25 1994' "$D/mail/bob"
	grep -x 'Status: R.*' "$D/mail/bob"
	grep -x 'X-Keywords: \$MDNSent *' "$D/mail/bob"
	grep -x 'Hello Joe, do you think we can meet at 3:30 tomorrow?' "$D/mail/bob"
}

@test "6.4: CHECK, CLOSE, UNSELECT, EXPUNGE" {
	box bob 11
	imap_says bob <<-'END'
		C: A1 SELECT INBOX
		S: ...
		S: A1 OK [READ-WRITE]
		C: A2 STORE 3,4,7,11 +FLAGS.SILENT (\Deleted)
		S: A2 OK
		C: FXXZ CHECK
		S: FXXZ OK
		C: A202 EXPUNGE
		S: * 3 EXPUNGE
		S: * 3 EXPUNGE
		S: * 5 EXPUNGE
		S: * 8 EXPUNGE
		S: A202 OK
		C: A203 STORE 1 +FLAGS (\Deleted)
		S: * 1 FETCH (FLAGS (\Deleted \Recent))
		S: A203 OK
		C: A341 CLOSE
		S: A341 OK
		C: A342 CLOSE
		S: A342 BAD
		C: A343 SELECT INBOX
		S: * 6 EXISTS
		S: ...
		S: A343 OK [READ-WRITE]
		C: A344 STORE 1 +FLAGS (\Deleted)
		S: * 1 FETCH (FLAGS (\Deleted))
		S: A344 OK
		C: A345 UNSELECT
		S: A345 OK
		C: A346 EXAMINE INBOX
		S: * 6 EXISTS
		S: ...
		S: A346 OK [READ-ONLY]
		C: A347 CLOSE
		S: A347 OK
	END
	[ "$(subjects "$D/mail/bob")" = '2 5 6 8 9 10' ]
	[ "$(grep -c '^X-Status: D' "$D/mail/bob")" -eq 1 ]
}

@test "6.4.6: STORE adds, takes away, replaces" {
	box bob 4
	imap_says bob <<-'END'
		C: s SELECT INBOX
		S: ...
		S: s OK [READ-WRITE]
		C: A003 STORE 2:4 +FLAGS (\Deleted)
		S: * 2 FETCH (FLAGS (\Deleted \Recent))
		S: * 3 FETCH (FLAGS (\Deleted \Recent))
		S: * 4 FETCH (FLAGS (\Deleted \Recent))
		S: A003 OK
		C: a4 store 4:3,4 -flags \DELETED
		S: * 3 FETCH (FLAGS (\Recent))
		S: * 4 FETCH (FLAGS (\Recent))
		S: a4 OK
		C: a5 STORE * FLAGS (\Seen One two $Three)
		S: * FLAGS (\Seen \Answered \Flagged \Deleted \Draft One two $Three)
		S: * OK [PERMANENTFLAGS (\Seen \Answered \Flagged \Deleted \Draft One two $Three \*)] ...
		S: * 4 FETCH (FLAGS (\Seen \Recent One two $Three))
		S: a5 OK
		C: a6 STORE 4 -FLAGS (ONE \Seen)
		S: * 4 FETCH (FLAGS (\Recent two $Three))
		S: a6 OK
		C: a7 STORE 4 FLAGS ()
		S: * 4 FETCH (FLAGS (\Recent))
		S: a7 OK
		C: a8 STORE 1 FLAGS.SILENT \Answered
		S: a8 OK
		C: a9 UID STORE 1,4,99 +FLAGS \Flagged \Draft
		S: * 1 FETCH (UID 1 FLAGS (\Answered \Flagged \Draft \Recent))
		S: * 4 FETCH (UID 4 FLAGS (\Flagged \Draft \Recent))
		S: a9 OK
		C: b1 UID STORE 99 +FLAGS \Flagged
		S: b1 OK
		C: b2 STORE 5 +FLAGS \Flagged
		S: b2 BAD
		C: b3 STORE 1 +FLAGS \Recent
		S: * 1 FETCH (FLAGS (\Answered \Flagged \Draft \Recent))
		S: b3 OK
		C: b4 STORE 1 +FLAGS \Nonsense
		S: b4 BAD
	END
}

@test "6.4.7: COPY, and a mailbox that is none" {
	box bob 4
	mkdir "$D/home/bob/mail"
	own "$D/home/bob/mail" bob
	box bob 0 "$D/home/bob/mail/MEETING"
	imap_says bob <<-'END'
		C: s SELECT INBOX
		S: ...
		S: s OK [READ-WRITE]
		C: s2 STORE 3 +FLAGS.SILENT (\Seen $Work)
		S: ...
		S: s2 OK
		C: A003 COPY 2:4 MEETING
		S: A003 OK [COPYUID ... 2:4 1:3]
		C: A004 COPY 2:4 NOWHERE
		S: A004 NO [TRYCREATE]
		C: A005 UID COPY 999 MEETING
		S: A005 OK
		C: A006 COPY 5 MEETING
		S: A006 BAD
		C: A007 UID COPY 1,999 meeting
		S: A007 NO [TRYCREATE]
		C: A008 UID COPY 1,999 "MEETING"
		S: A008 OK [COPYUID ... 1 4]
		C: A009 SELECT MEETING
		S: * OK [CLOSED] ...
		S: * 4 EXISTS
		S: * 4 RECENT
		S: * FLAGS (\Seen \Answered \Flagged \Deleted \Draft $Work)
		S: ...
		S: A009 OK [READ-WRITE]
		C: A010 STORE 2 +FLAGS (\Draft)
		S: * 2 FETCH (FLAGS (\Seen \Draft \Recent $Work))
		S: A010 OK
	END
	[ "$(subjects "$D/home/bob/mail/MEETING")" = '2 3 4 1' ]
	diff <(grep '^From ' "$D/mail/bob" | sed 's/From [^ ]* *//' | sort) \
	    <(grep '^From ' "$D/home/bob/mail/MEETING" | sed 's/From [^ ]* *//' | sort)
}

@test "RFC 6851: MOVE" {
	box bob 5
	mkdir "$D/home/bob/mail"
	own "$D/home/bob/mail" bob
	box bob 0 "$D/home/bob/mail/foo"
	imap_says bob <<-'END'
		C: s SELECT INBOX
		S: ...
		S: s OK [READ-WRITE]
		C: a UID MOVE 2:3,9 foo
		S: * OK [COPYUID ... 2:3 1:2] ...
		S: * 2 EXPUNGE
		S: * 2 EXPUNGE
		S: a OK
		C: b MOVE 3 foo
		S: * OK [COPYUID ... 5 3] ...
		S: * 3 EXPUNGE
		S: b OK
		C: c MOVE 1 none
		S: c NO [TRYCREATE]
		C: d UID MOVE 99 foo
		S: d OK
		C: e EXAMINE INBOX
		S: * OK [CLOSED] ...
		S: * 2 EXISTS
		S: ...
		S: e OK [READ-ONLY]
		C: f MOVE 1 foo
		S: f NO
	END
	[ "$(subjects "$D/mail/bob")" = '1 4' ]
	[ "$(subjects "$D/home/bob/mail/foo")" = '2 3 5' ]
}

@test "RFC 4315: UID EXPUNGE, APPENDUID, COPYUID" {
	box bob 6
	imap_says bob <<-'END'
		C: s SELECT INBOX
		S: ...
		S: s OK [READ-WRITE]
		C: s2 STORE 1,2,4,6 +FLAGS.SILENT (\Deleted)
		S: s2 OK
		C: A101 UID EXPUNGE 3000:3002
		S: A101 OK
		C: A102 UID EXPUNGE 2:5
		S: * 2 EXPUNGE
		S: * 3 EXPUNGE
		S: A102 OK
		C: A103 UID EXPUNGE *
		S: * 4 EXPUNGE
		S: A103 OK
		C: A104 UID EXPUNGE
		S: A104 BAD
		C: A105 EXPUNGE 1
		S: A105 BAD
		C: A106 COPY 1:3 INBOX
		S: * 6 EXISTS
		S: * ... RECENT
		S: A106 OK [COPYUID ... 1,3,5 7:9]
	END
	[ "$(subjects "$D/mail/bob")" = '1 3 5 1 3 5' ]
}

@test "RFC 3502: MULTIAPPEND, all or none" {
	imap_says bob <<-'END'
		C: A003 APPEND INBOX (\Seen) {6+}
		C: a: 1
		C:  (\Flagged) " 7-Feb-1994 22:43:04 -0800" {6}
		S: + ...
		C: a: 2
		C:  {6+}
		C: a: 3
		C: 
		S: A003 OK [APPENDUID ... 1:3]
		C: A004 APPEND INBOX {6+}
		C: a: 4
		C:  (\Seen) "bad date" {6+}
		C: a: 5
		C: 
		S: A004 BAD
		C: A005 APPEND INBOX {6+}
		C: a: 6
		C:  {0+}
		C: 
		S: A005 NO
		C: A006 APPEND INBOX {6+}
		C: a: 7
		C:  
		S: A006 BAD
		C: A007 STATUS INBOX (MESSAGES)
		S: * STATUS "INBOX" (MESSAGES 3)
		S: A007 OK
	END
	[ "$(grep -c '^From ' "$D/mail/bob")" -eq 3 ]
}

@test "RFC 8508: REPLACE" {
	box bob 3
	imap_says bob <<-'END'
		C: s SELECT INBOX
		S: ...
		S: s OK [READ-WRITE]
		C: A003 REPLACE 2 INBOX (\Seen \Draft) {6}
		S: + ...
		C: a: 1
		C: 
		S: * OK [APPENDUID ... 4] ...
		S: * 2 EXPUNGE
		S: * 3 EXISTS
		S: * 3 RECENT
		S: A003 OK
		C: A004 UID REPLACE 4 INBOX (\Seen) " 7-Feb-1994 22:43:04 -0800" {6+}
		C: a: 2
		C: 
		S: * OK [APPENDUID ... 5] ...
		S: * 3 EXPUNGE
		S: * 3 EXISTS
		S: * 3 RECENT
		S: A004 OK
		C: A005 REPLACE 9 INBOX {6+}
		C: a: 3
		C: 
		S: A005 BAD
		C: A006 UID REPLACE 99 INBOX {6+}
		C: a: 4
		C: 
		S: A006 NO
		C: A007 REPLACE 1 none {6+}
		C: a: 5
		C: 
		S: A007 NO [TRYCREATE]
		C: A008 REPLACE 1 INBOX {6+}
		C: a: 6
		C:  {6+}
		C: a: 7
		C: 
		S: A008 BAD
		C: A009 EXAMINE INBOX
		S: ...
		S: A009 OK [READ-ONLY]
		C: A010 REPLACE 1 INBOX {6+}
		C: a: 8
		C: 
		S: A010 NO
	END
	[ "$(grep -c '^From ' "$D/mail/bob")" -eq 3 ]
	[ "$(grep -x 'a: .' "$D/mail/bob")" = 'a: 2' ]
}

@test "RFC 9208: quotas" {
	box bob 3
	imap_says bob <<-'END'
		C: A1 GETQUOTAROOT INBOX
		S: * QUOTAROOT "INBOX"
		S: A1 OK
		C: A2 GETQUOTA INBOX
		S: A2 NO
	END
	echo 'mailbox_limit 102400' >> "$C"
	imap_says bob <<-'END'
		C: A1 GETQUOTAROOT INBOX
		S: * QUOTAROOT "INBOX" "INBOX"
		S: * QUOTA "INBOX" (STORAGE 1 100)
		S: A1 OK
		C: A2 GETQUOTA INBOX
		S: * QUOTA "INBOX" (STORAGE 1 100)
		S: A2 OK
		C: A3 GETQUOTA none
		S: A3 NO
		C: A4 SETQUOTA "INBOX" (STORAGE 512)
		S: A4 NO
		C: A5 SETQUOTA "INBOX" (STORAGE)
		S: A5 BAD
		C: A6 APPEND INBOX {102401}
		S: A6 NO [OVERQUOTA]
		C: A7 APPEND INBOX {6+}
		C: a: 1
		C: 
		S: A7 OK
	END
}

@test "a message that is too large: refused before it is read, or read and thrown away" {
	echo 'message_limit 1000' >> "$C"
	{
		printf 'a APPEND INBOX {1001}\r\nb NOOP\r\n'
		printf 'c APPEND INBOX {1001+}\r\n%01001d\r\nd NOOP\r\n' 1
		printf 'e APPEND INBOX {1000+}\r\n%01000d\r\nf NOOP\r\n' 1
		printf 'g APPEND INBOX {3+}\r\na:b {1001+}\r\n%01001d\r\nh NOOP\r\n' 1
		printf 'i APPEND INBOX {99999999999999}\r\n'
		printf 'j APPEND INBOX {9223372036854775808}\r\n'
	} > "$T/in"
	imap_raw bob < "$T/in" > "$T/got"
	cut -c 1-10 "$T/got" | sed 1d | diff - <(printf '%s\n' 'a NO [TOOB' 'b OK here ' 'c NO [TOOB' \
	    'd OK here ' 'e OK [APPE' 'f OK here ' 'g NO [TOOB' 'h OK here ' 'i NO [TOOB' 'j BAD a li')
	[ "$(grep -c '^From ' "$D/mail/bob")" -eq 1 ]
}

# --- what others do: the one voice ---

# What the programs below share.
helpers='
import fcntl, os, subprocess
BOX = os.environ["BOX"]
STATE = re.search("(?m)^state (.*)", open(os.environ["IMAP_CONF"]).read())[1] + "/bob"

def deliver(text="x"):
    subprocess.run([os.environ["DELIVER"], "-C", os.environ["IMAP_CONF"],
                    "-f", "jo@x.test", "bob"], check=True,
                   input=b"Subject: %s\n\nnew\n" % text.encode())

def rewrite(change):
    """What mutt does: the mbox is written anew in place, under both locks."""
    dot = BOX + ".lock"
    os.close(os.open(dot, os.O_CREAT | os.O_EXCL))
    with open(BOX, "r+b") as f:
        fcntl.lockf(f, fcntl.LOCK_EX)
        data = change(f.read())
        f.seek(0)
        f.write(data)
        f.truncate()
    os.unlink(dot)

def without(n):
    """Take the n-th message out, from 1."""
    def change(data):
        parts = re.split(rb"(?m)(?=^From )", data)[1:]
        del parts[n - 1]
        return b"".join(parts)
    return change

def no_gone(s):
    assert not any(re.search("EXPUNGE|VANISHED", x) for x in s.said), s.said

def modseq(s):
    return int(re.search(r"HIGHESTMODSEQ (\d+)", "\n".join(s.said))[1])
'

# A program of one or more sessions, on stdin.
sessions()
{
	{ echo "$helpers"; cat; } |
	    DELIVER=$(prog deliver) BOX=$D/mail/bob imap_py "$@"
}

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
		for c in "FETCH 1,3 FLAGS", "SEARCH ALL", "FETCH 2 FLAGS", "STORE 4 FLAGS \\Seen":
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
		    start = time.monotonic()
		    for w in want:
		        got = a.line(5)
		        assert got == w, (got, w)
		    took = time.monotonic() - start
		    assert took < 1, took
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
		line = a.line(5)
		while not line.endswith(" EXISTS"):
		    line = a.line(5)
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
		# UNCHANGEDSINCE alone turns it on.
		b.ok("STORE 1 (UNCHANGEDSINCE 9999999999999999) -FLAGS (\\Deleted)")
		assert "MODSEQ (" in b.said[-1], b.said
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

# --- RFC 5182 ---

@test "SEARCHRES: \$ is what was found last, for all commands that take a set" {
	box bob 6
	mkdir -p "$D/home/bob/mail"
	own "$D/home/bob/mail" bob
	box bob 0 "$D/home/bob/mail/other"
	imap_says bob <<-'END'
		C: a SELECT INBOX
		S: ...
		S: a OK [READ-WRITE]
		C: a1 COPY $ other
		S: a1 OK
		C: b SEARCH RETURN (SAVE) OR SUBJECT "letter 2" OR SUBJECT "letter 4" SUBJECT "letter 6"
		S: b OK
		C: c STORE $ +FLAGS (\Flagged)
		S: * 2 FETCH (FLAGS (\Flagged \Recent))
		S: * 4 FETCH (FLAGS (\Flagged \Recent))
		S: * 6 FETCH (FLAGS (\Flagged \Recent))
		S: c OK
		C: d UID FETCH $ (UID)
		S: * 2 FETCH (UID 2)
		S: * 4 FETCH (UID 4)
		S: * 6 FETCH (UID 6)
		S: d OK
		C: e UID STORE 3,4 +FLAGS.SILENT (\Deleted)
		S: e OK
		C: f EXPUNGE
		S: * 3 EXPUNGE
		S: * 3 EXPUNGE
		S: f OK
		C: g SEARCH $
		S: * SEARCH 2 4
		S: g OK
		C: h UID SEARCH UID $ SMALLER 4096
		S: * SEARCH 2 6
		S: h OK
		C: i COPY $ other
		S: i OK [COPYUID ... 2,6 1:2]
		C: j SEARCH CHARSET KLINGON (OR $ 1) TEXT x
		S: j NO [BADCHARSET ...
		C: k SEARCH RETURN (SAVE) SUBJECT "no such"
		S: k OK
		C: l COPY $ "other"
		S: l OK
		C: l2 UID COPY $ "other"
		S: l2 OK
		C: m SEARCH RETURN (SAVE) ALL
		S: m OK
		C: n SELECT INBOX
		S: ...
		S: n OK [READ-WRITE]
		C: o FETCH $ FLAGS
		S: o OK
		C: p SEARCH RETURN (SAVE) SUBJECT "letter 1"
		S: p OK
		C: q MOVE $ other
		S: * OK [COPYUID ... 1 3] ...
		S: * 1 EXPUNGE
		S: q OK
		C: r UID EXPUNGE $
		S: r OK
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
		line = b.line(5)
		assert re.fullmatch(r"\* \d FETCH \(FLAGS \(\\Seen\)\)", line), line
		os.unlink([f for f in files() if f.endswith(":2,S")][0])
		line = b.line(5)
		assert line.endswith(" EXPUNGE"), line
		deliver()
		assert b.line(5) == "* 4 EXISTS"
		b.line(5)
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
