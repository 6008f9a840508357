# imapd - dialogues: the examples of the RFCs, what comes into the mailbox.  (Commands
# and states: imap-states; several sessions: imap-others; FETCH, SEARCH, LIST:
# theirs.)

load lib
load imap

SYSTEM='\Seen \Answered \Flagged \Deleted \Draft'

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
		S: * LIST (\Noinferiors \HasNoChildren) "/" "INBOX"
		S: b OK [READ-WRITE]
		C: c STORE 1 +FLAGS (\Flagged)
		S: * 1 FETCH (UID 1 FLAGS (\Flagged))
		S: c OK
		C: d APPEND INBOX {6+}
		C: a: b
		C: 
		S: * 3 EXISTS
		S: d OK [APPENDUID ... 3]
		C: e FETCH 1 (UID FLAGS)
		S: * 1 FETCH (UID 1 FLAGS (\Flagged))
		S: e OK
	END
	# 7.5.2: what is told unasked names the UID.
	sessions <<-'END'
		a, b = Imap(), Imap()
		a.ok("ENABLE IMAP4rev2"), a.ok("SELECT INBOX"), b.ok("SELECT INBOX")
		b.ok("STORE 2 +FLAGS (\\Seen)")
		a.ok("NOOP")
		assert a.said == ["* 2 FETCH (UID 2 FLAGS (\\Seen))"], a.said
		a.end(), b.end()
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
		C: a2 ENABLE QRESYNC UTF8=ACCEPT (
		S: a2 BAD
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
	export TZ=UTC
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

@test "a draft that takes the place of one of its length leaves another size" {
	local sizes=()
	for _ in 1 2 3; do
		imap bob <<-END > /dev/null
			1 SELECT INBOX
			2 STORE 1:* +FLAGS.SILENT (\Deleted)
			3 EXPUNGE
			4 APPEND INBOX (\Draft) {6+}
			a: b

		END
		sizes+=("$(stat -c %s "$D/mail/bob")")
	done
	[ "$(printf '%s\n' "${sizes[@]}" | sort -u | wc -l)" -eq 3 ]
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

@test "a keyword is made when a message gets it, not before" {
	box bob 1
	imap bob <<-'END' > "$T/got"
		1 SELECT INBOX
		2 STORE 1 +FLAGS.SILENT (\Seen)
		3 STORE 1 (UNCHANGEDSINCE 1) +FLAGS (late)
		4 STORE 1 -FLAGS (never)
		5 STORE 1 +FLAGS (here)
		6 STORE 1 (UNCHANGEDSINCE 1) -FLAGS (here)
		7 STORE 1 -FLAGS (HERE)
		8 SELECT INBOX
	END
	[ "$(grep -c '^[36] OK \[MODIFIED 1\]' "$T/got")" -eq 2 ]
	grep -q 'FETCH .*FLAGS (\\Seen .*here)' "$T/got"
	sed -n '/^7 OK/,$s/^\* FLAGS (\(.*\))$/\1/p' "$T/got" > "$T/names"
	[ "$(grep -ow 'late\|never\|here' "$T/names")" = here ]
}

@test "when there is room for no other keyword, PERMANENTFLAGS has no \\*: RFC 9051 7.1" {
	box bob 1
	imap_py <<-'END'
		a, b = Imap(), Imap()
		a.ok("SELECT INBOX"), b.ok("SELECT INBOX")
		def room(s):
		    said = [x for x in s.said if "[PERMANENTFLAGS (" in x]
		    return ["\\*" in x for x in said]
		a.ok("STORE 1 +FLAGS.SILENT (%s)" % " ".join("k%d" % i for i in range(63)))
		b.ok("NOOP")
		assert room(a) in ([], [True]) and room(b) == [True], (a.said, b.said)
		a.ok("STORE 1 +FLAGS.SILENT (last)")
		assert room(a) == [False], a.said
		b.ok("NOOP")
		assert room(b) == [False], b.said
		a.no("STORE 1 +FLAGS (more)", "NO [LIMIT]")
		assert room(a) == []
		a.ok("SELECT INBOX")
		assert room(a) == [False], a.said
		a.end(), b.end()
	END
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
	# REPLACE takes up what it needs more (RFC 8508 3.4).
	imap_py <<-'END'
		s = Imap()
		def letter(n):
		    return "a: b\n\n" + (99 * "x" + "\n") * (n // 100)
		s.append("INBOX", letter(90000)), s.ok("SELECT INBOX"), s.ok("CREATE other")
		def replace(box, n):
		    text = letter(n).replace("\n", "\r\n")
		    return s.cmd("REPLACE * %s {%d+}\r\n%s" % (box, len(text), text))
		for n in 91000, 90000, 99000:
		    got = replace("INBOX", n)
		    assert got.startswith("OK"), got
		for n in 104000, 190000:
		    got = replace("INBOX", n)
		    assert got.startswith("NO [OVERQUOTA]"), got
		s.no("APPEND INBOX {9000}", "NO [OVERQUOTA]")
		assert replace("other", 104000).startswith("NO [OVERQUOTA]")
		s.end()
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

@test "a new keyword's name comes into the first message as well" {
	box bob 3
	printf '%s\n' '1 SELECT INBOX' '2 STORE 2 +FLAGS (old)' | imap bob
	grep -x 'X-IMAPbase: [0-9]* 0*3 old' "$D/mail/bob"
	printf '%s\n' '1 SELECT INBOX' '2 STORE 2 +FLAGS (new)' | imap bob
	grep -x 'X-IMAPbase: [0-9]* 0*3 old new' "$D/mail/bob"
	[ "$(grep -c '^X-IMAPbase' "$D/mail/bob")" -eq 1 ]
	# No UIDs are given by that, and nothing else happens to the first one.
	printf '%s\n' '1 SELECT INBOX' '2 UID FETCH 1:* FLAGS' | imap bob > "$T/got"
	grep '^\* 1 FETCH (UID 1 FLAGS ())' "$T/got"
	grep '^\* 2 FETCH (UID 2 FLAGS (old new))' "$T/got"
	grep '^\* 3 FETCH (UID 3 FLAGS ())' "$T/got"
}

@test "or into folder data, where there is some" {
	local before rest
	rest=$'From jo@x.test Sat Nov 21 10:00:01 2026\nX-UID: 1\nStatus: O\nSubject: 1\n\nx\n'
	for room in '' '                    ' ' jo'; do
		rm -rf "$D/state/bob"
		printf '%s\n' 'From MAILER-DAEMON Sat Nov 21 10:00:00 2026' \
		    "X-IMAP: 1111111111 0000000001$room" 'Status: RO' \
		    "Subject: DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA" '' \
		    'data' '' "$rest" > "$D/mail/bob"
		own "$D/mail/bob" bob
		chmod 600 "$D/mail/bob"
		printf '%s\n' '1 SELECT INBOX' '2 STORE 1 +FLAGS (red)' | imap bob
		grep -x 'X-IMAP: 1111111111 0000000001 red *' "$D/mail/bob"
		before=$(stat -c %s "$D/mail/bob")
		printf '%s\n' '1 SELECT INBOX' '2 STORE 1 +FLAGS (blue)' | imap bob
		grep -x 'X-IMAP: 1111111111 0000000001 red blue *' "$D/mail/bob"
		[ "$(stat -c %s "$D/mail/bob")" -eq "$before" ]
		grep -x 'X-Keywords: red blue *' "$D/mail/bob"
		before=$(md5sum < "$D/mail/bob")
		printf '%s\n' '1 SELECT INBOX' '2 UID FETCH 1:* FLAGS' '3 CHECK' |
		    imap bob > "$T/got"
		grep '^\* 1 FETCH (UID 1 FLAGS (red blue))' "$T/got"
		[ "$(md5sum < "$D/mail/bob")" = "$before" ]
	done
}

@test "UIDs go on where programs that sign their numbers end" {
	printf '%s\n' 'From jo@x.test Sat Nov 21 10:00:00 2026' \
	    'X-IMAPbase: 7 2147483646' 'X-UID: 2147483646' 'Subject: 1' '' x '' \
	    > "$D/mail/bob"
	own "$D/mail/bob" bob
	chmod 600 "$D/mail/bob"
	printf '%s\n' '1 SELECT INBOX' '2 COPY 1 INBOX' '3 COPY 1 INBOX' |
	    imap bob > "$T/got"
	grep '^2 OK \[COPYUID 7 2147483646 2147483647\]' "$T/got"
	grep '^3 OK \[COPYUID 7 2147483646 2147483648\]' "$T/got"
	# Without index, what the file has is too high to be believed.
	rm -r "$D/state/bob"
	imap bob <<< '1 STATUS INBOX (MESSAGES UIDNEXT UIDVALIDITY)' > "$T/got"
	grep 'MESSAGES 3 UIDNEXT 4 UIDVALIDITY [0-9]\{10\}' "$T/got"
}
