# imap-fetch - FETCH: every data item, parts of messages, what is remembered of them.

load lib
load imap

# rfc822 < TEXT: one message into bob's mailbox, with the lines of stdin.
rfc822()
{
	{
		echo 'From jo@x.test Sat Nov 21 10:00:00 2026'
		cat
		echo
	} >> "$D/mail/bob"
	own "$D/mail/bob" bob
}

# The message of RFC 3501 8, with another content type here and there.
example()
{
	rfc822 <<-'END'
		Date: Wed, 17 Jul 1996 02:23:25 -0700 (PDT)
		From: Terry Gray <gray@cac.washington.edu>
		Subject: IMAP4rev1 WG mtg summary and minutes
		To: imap@cac.washington.edu
		cc: minutes@CNRI.Reston.VA.US, John Klensin <KLENSIN@MIT.EDU>
		Message-Id: <B27397-0100000@cac.washington.edu>
		MIME-Version: 1.0
		Content-Type: TEXT/PLAIN; CHARSET=US-ASCII

		the minutes
	END
}

# A text, a blob, a message with two parts, and a text whose encoding is not known.
nested()
{
	rfc822 <<-'END'
		Subject: nested
		From: jo@x.test
		Content-Type: multipart/mixed; boundary=out

		preamble
		--out
		Content-Type: text/plain

		hello
		--out
		Content-Type: application/x-blob
		Content-Transfer-Encoding: base64

		AAECAwQ=
		--out
		Content-Type: message/rfc822

		Subject: inner
		To: kim@a.test
		Content-Type: multipart/alternative; boundary=in

		--in

		plain =
		--in
		Content-Type: text/html
		Content-Transfer-Encoding: quoted-printable

		caf=C3=A9 =
		<b>au lait</b> 
		--in--
		--out
		Content-Transfer-Encoding: x-uuencode

		begin
		--out--
	END
}

# fetch ITEMS: of bob's message 1, what stands behind "* 1 FETCH (" up to the end, and
# the answer.
fetch()
{
	imap bob <<-END | sed -n '/^a OK/,$p' | sed '1d; s/^\* 1 FETCH (//; /^\* BYE/,$d'
		a EXAMINE INBOX
		b FETCH 1 $1
		c LOGOUT
	END
}

# is WANT GOT: as lines, shown when they differ.
is()
{
	[ "$1" = "$2" ] || { diff <(echo "$1") <(echo "$2"); return 1; }
}

@test "RFC 9051 8: ENVELOPE and header" {
	example
	is 'ENVELOPE ("Wed, 17 Jul 1996 02:23:25 -0700 (PDT)" "IMAP4rev1 WG mtg summary and minutes" (("Terry Gray" NIL "gray" "cac.washington.edu")) (("Terry Gray" NIL "gray" "cac.washington.edu")) (("Terry Gray" NIL "gray" "cac.washington.edu")) ((NIL NIL "imap" "cac.washington.edu")) ((NIL NIL "minutes" "CNRI.Reston.VA.US")("John Klensin" NIL "KLENSIN" "MIT.EDU")) NIL NIL "<B27397-0100000@cac.washington.edu>") BODY ("text" "plain" ("CHARSET" "US-ASCII") NIL NIL "7bit" 13 1))
b OK that is all' "$(fetch '(ENVELOPE BODY)' | sed 's/"TEXT" "PLAIN"/"text" "plain"/')"
	is 'BODY[HEADER] {369}
Date: Wed, 17 Jul 1996 02:23:25 -0700 (PDT)
From: Terry Gray <gray@cac.washington.edu>
Subject: IMAP4rev1 WG mtg summary and minutes
To: imap@cac.washington.edu
cc: minutes@CNRI.Reston.VA.US, John Klensin <KLENSIN@MIT.EDU>
Message-Id: <B27397-0100000@cac.washington.edu>
MIME-Version: 1.0
Content-Type: TEXT/PLAIN; CHARSET=US-ASCII

)
b OK that is all' "$(fetch 'body.peek[header]' | sed 's/{[0-9]*}/{369}/')"
}

@test "macros, and items by themselves" {
	export TZ=UTC
	box bob 1
	fast='FLAGS (\Recent) INTERNALDATE "21-Nov-2026 10:01:00 +0000" RFC822.SIZE 161'
	size=$(fetch RFC822.SIZE | sed -n 's/.*SIZE \([0-9]*\).*/\1/p')
	fast=${fast%161}$size
	is "$fast)" "$(fetch fast | sed 1q)"
	[[ $(fetch All | sed 1q) == "$fast ENVELOPE ("*'"<1@x.test>"))' ]]
	[[ $(fetch FULL | sed 1q) == "$fast ENVELOPE ("*') BODY ("text" "plain" '*'))' ]]
	is 'UID 1)' "$(fetch uid | sed 1q)"
	is 'THREADID NIL)' "$(fetch threadid | sed 1q)"
	is 'UID 1 FLAGS (\Recent))' "$(fetch '(flags uid)' | sed 1q |
	    sed 's/FLAGS (\(.*\)) UID 1/UID 1 FLAGS (\1)/')"
	for bad in '' all,fast '(all)' '()' '(uid' 'uid flags' body.peek body[ \
	    'body[1' 'body[.1]' 'body[1.]' 'body[0]' 'body[mime]' 'body[header.fields]' \
	    'body[header.fields ()]' 'body[1]<1>' 'body[1]<1.0>' 'body[4294967296]' \
	    'binary[text]' 'binary.size[1]<0.1>' 'preview (now)' 'body.peek[]<-1.2>' \
	    'rfc822.peek' 'uid (vanished)' 'uid (changedsince)' 'uid (changedsince x)' \
	    'uid (changedsince 1 vanished)'; do
		echo "b FETCH 1 $bad"
	done > "$T/bad"
	echo 'error_limit 100' >> "$C"
	{ echo 'a EXAMINE INBOX'; cat "$T/bad"; } | imap bob > "$T/got"
	[ "$(grep -c '^b BAD' "$T/got")" -eq "$(wc -l < "$T/bad")" ]
	[ "$(grep -c '^b ' "$T/got")" -eq "$(wc -l < "$T/bad")" ]
}

@test "sections of a message in a message" {
	nested
	is 'BODY[1] {5}
hello BODY[2.MIME] {71}
Content-Type: application/x-blob
Content-Transfer-Encoding: base64

 BODY[3.HEADER] {84}
Subject: inner
To: kim@a.test
Content-Type: multipart/alternative; boundary=in

 BODY[3.HEADER.FIELDS (to X-None)] {18}
To: kim@a.test

 BODY[3.HEADER.FIELDS.NOT (to)] {68}
Subject: inner
Content-Type: multipart/alternative; boundary=in

 BODY[3.1] {7}
plain = BODY[3.1.MIME] {2}

 BODY[3.2]<3> {4}
=C3= BODY[3.2]<99> {0}
 BODY[3.3] NIL BODY[1.TEXT] NIL BODY[4.1] NIL BODY[9.HEADER] NIL)
b OK that is all' "$(fetch "(body.peek[1] body.peek[2.mime] body.peek[3.header] $(
	)body.peek[3.header.fields (to X-None)] body.peek[3.header.fields.not (to)] $(
	)body.peek[3.1] body.peek[3.1.mime] body.peek[3.2]<3.4> body.peek[3.2]<99.4> $(
	)body.peek[3.3] body.peek[1.text] body.peek[4.1] body.peek[9.header])")"
}

@test "BINARY takes the encoding off" {
	nested
	# shellcheck disable=SC2312
	got=$(imap_raw bob <<< $'a EXAMINE INBOX\r
b FETCH 1 (BINARY.PEEK[2] BINARY.SIZE[2] BINARY.PEEK[3.2] BINARY.SIZE[3.2] BINARY[3.2]<0.4> BINARY.PEEK[7])\r
c FETCH 1 (UID BINARY.PEEK[4])\r
d FETCH 1 BINARY.SIZE[4]\r
e LOGOUT\r' | tr '\0-\4' '01234' | tr -d '\r')
	[[ $got == *'BINARY[2] ~{5}
01234 BINARY.SIZE[2] 5 BINARY[3.2] {20}
café <b>au lait</b> BINARY.SIZE[3.2] 20 BINARY[3.2]<0> {4}
caf'*' BINARY[7] NIL)
b OK '* ]]
	[[ $got == *'* 1 FETCH (UID 1)
c NO [UNKNOWN-CTE]'*'d NO [UNKNOWN-CTE]'* ]]
}

@test "no NUL leaves in a literal, and no octet is missing for it" {
	printf 'From jo@x.test Sat Nov 21 10:00:00 2026\nSubject: a\0b\n\nc\0d\n\n' > "$D/mail/bob"
	own "$D/mail/bob" bob
	items=(BODY.PEEK[] BODY.PEEK[TEXT] BODY.PEEK[HEADER] BODY.PEEK[1] BINARY.PEEK[1] ENVELOPE
	    'BODY.PEEK[HEADER.FIELDS (SUBJECT)]' 'BODY.PEEK[HEADER.FIELDS (SUBJECT)]<2.20>'
	    'BODY.PEEK[HEADER.FIELDS.NOT (X)]' BODYSTRUCTURE PREVIEW)
	{
		printf 'a EXAMINE INBOX\r\n'
		printf 'b FETCH 1 %s\r\n' "${items[@]}"
	} | imap_raw bob > "$T/out"
	[ "$(tr -dc '\0' < "$T/out" | wc -c)" -eq 1 ]
	grep -aq 'BINARY\[1\] ~{5}' "$T/out"
	[ "$(tr -dc '\200' < "$T/out" | wc -c)" -eq 8 ]
	[ "$(grep -ac '^b OK' "$T/out")" -eq "${#items[@]}" ]
}

@test "every part of many messages is what it was made of" {
	python3 "$REPO/tests/imapparts.py" 40 7 > "$D/mail/bob"
	own "$D/mail/bob" bob
	id=$(id_of bob) how=()
	[ "$EUID" -ne 0 ] || how=(setpriv "--reuid=${id%:*}" "--regid=${id#*:}" --clear-groups)
	LOGNAME=bob python3 "$REPO/tests/imapparts.py" -c 40 7 "${how[@]}" "$(prog imapd)" -C "$C"
}

@test "what is read is seen, unless one only peeks or the mailbox is read-only" {
	box bob 6
	run imap bob <<-'END'
		a SELECT INBOX
		b FETCH 1 BODY[]<0.1>
		c FETCH 2 RFC822.TEXT
		d FETCH 3 (UID RFC822.HEADER BODY.PEEK[] BINARY.PEEK[1] BINARY.SIZE[1])
		e UID FETCH 4 BINARY[1]<0.1>
		f FETCH 5 RFC822
		g FETCH 1:6 FLAGS
		h EXAMINE INBOX
		i FETCH 6 BODY[]
		j FETCH 6 FLAGS
		k LOGOUT
	END
	echo "$output"
	for want in '^\* 1 FETCH (FLAGS (\\Seen \\Recent) BODY\[\]<0> {1}$' \
	    '^\* 2 FETCH (FLAGS (\\Seen \\Recent) RFC822.TEXT {' \
	    '^\* 3 FETCH (UID 3 RFC822.HEADER' \
	    '^\* 4 FETCH (UID 4 FLAGS (\\Seen \\Recent) BINARY\[1\]<0> {1}' \
	    '^\* 5 FETCH (FLAGS (\\Seen \\Recent) RFC822 {' \
	    '^\* 3 FETCH (FLAGS (\\Recent))$' \
	    '^\* 4 FETCH (FLAGS (\\Seen \\Recent))$' \
	    '^\* 6 FETCH (BODY\[\] {' '^\* 6 FETCH (FLAGS ('; do
		grep -q "$want" <<< "$output" || { echo "no $want"; return 1; }
	done
	[ "$(grep -c '^\* 1 FETCH' <<< "$output")" -eq 2 ]
	[ "$(grep -c '^\* 6 FETCH.*Seen' <<< "$output")" -eq 0 ]
}

@test "CONDSTORE: MODSEQ, CHANGEDSINCE; QRESYNC: VANISHED (EARLIER)" {
	box bob 5
	imap_py <<-'END'
		import re
		s = Imap(); s.ok("ENABLE QRESYNC"); s.ok("SELECT INBOX")
		s.ok("FETCH 1:* MODSEQ")
		assert len(s.said) == 5 and all("MODSEQ (" in x for x in s.said), s.said
		old = max(int(re.search(r"MODSEQ \((\d+)\)", x)[1]) for x in s.said)
		s.ok("UID FETCH 1:* (FLAGS) (CHANGEDSINCE %d VANISHED)" % old)
		assert s.said == [], s.said
		s.ok("STORE 2,4 +FLAGS.SILENT (\\Deleted)")
		s.ok("STORE 3 +FLAGS.SILENT (\\Flagged)")
		s.ok("UID EXPUNGE 2,4")
		s.ok("UID FETCH 1:* (FLAGS) (CHANGEDSINCE %d VANISHED)" % old)
		assert s.said[0] == "* VANISHED (EARLIER) 2,4", s.said
		assert len(s.said) == 2 and "UID 3 " in s.said[1] and "MODSEQ" in s.said[1], s.said
		s.ok("UID FETCH 1:3 FLAGS (VANISHED CHANGEDSINCE %d)" % old)
		assert s.said[0] == "* VANISHED (EARLIER) 2", s.said
		s.bad("FETCH 1:3 FLAGS (CHANGEDSINCE 1 VANISHED)")
		# What goes last is told to who asks for it, or for *.
		s.ok("STORE 3 +FLAGS.SILENT (\\Deleted)"); s.ok("EXPUNGE")
		for known, gone in ("6:9", 0), ("9", 0), ("5:9", 1), ("9:*", 1), ("*:9", 1):
		    s.ok("UID FETCH %s UID (CHANGEDSINCE %d VANISHED)" % (known, old))
		    assert ("* VANISHED (EARLIER) 5" in s.said) == bool(gone), (known, s.said)
		s.end()
		t = Imap(); t.ok("SELECT INBOX")
		t.bad("UID FETCH 1:* FLAGS (CHANGEDSINCE 1 VANISHED)")
		t.ok("FETCH 1 FLAGS"); assert "MODSEQ" not in t.said[0]
		t.ok("FETCH 1:* UID (CHANGEDSINCE %d)" % old)
		assert len(t.said) == 2 and "(UID 3 MODSEQ" in t.said[1], t.said
		t.ok("FETCH 1 BODY[TEXT]")
		assert "MODSEQ" in t.said[0] and "\\Seen" in t.said[0], t.said
		t.end()
	END
}

@test "messages that are gone are left out" {
	box bob 4
	imap_py <<-'END'
		s, t = Imap(), Imap()
		s.ok("SELECT INBOX"); t.ok("SELECT INBOX")
		t.ok("STORE 2 +FLAGS (\\Deleted)"); t.ok("EXPUNGE")
		s.ok("FETCH 1 FLAGS")
		for items in "UID", "FLAGS", "ENVELOPE", "BODY.PEEK[]", "BODY[1]", "PREVIEW":
		    assert s.ok("FETCH 1:3 (UID %s)" % items).startswith("[EXPUNGEISSUED]"), items
		    assert [x for x in s.said if " FETCH (" in x and "UID 2" in x] == []
		    assert any(x.startswith("* 3 FETCH") for x in s.said), s.said
		s.ok("NOOP")
		assert "* 2 EXPUNGE" in s.said, s.said
		assert s.ok("FETCH 2 UID") == "that is all"
		assert s.said == ["* 2 FETCH (UID 3)"], s.said
		s.ok("UID FETCH 2,99,3 FLAGS"); assert len(s.said) == 1
		s.end(); t.end()
	END
}

@test "a long message that is gone is left out, too, and not begun" {
	cat > "$T/script" <<-'END'
		text = "Subject: long\n\n" + "a line of a long letter\n" * 60000
		s, t = Imap(), Imap()
		s.ok("SELECT INBOX"); t.ok("SELECT INBOX")
		for first in None, "BODYSTRUCTURE", "BODY.PEEK[]<1000000.10>":
		    for items in "BODY.PEEK[]", "BODY.PEEK[HEADER] BODY.PEEK[TEXT]", "BODY.PEEK[]<9.100>", \
		            "BODY.PEEK[1]", "BINARY.PEEK[1]":
		        t.append("INBOX", text); s.ok("NOOP")
		        if first: s.ok("FETCH 2 " + first)
		        t.ok("STORE 2 +FLAGS (\\Deleted)"); t.ok("EXPUNGE")
		        assert s.ok("FETCH 1:2 (UID %s)" % items).startswith("[EXPUNGEISSUED]"), (first, items)
		        assert not [x for x in s.said if x.startswith("* 2 FETCH")], s.said
		        s.ok("NOOP")
		s.end(); t.end()
	END
	box bob 1
	imap_py < "$T/script"
	mkdir -p "$D/maildir/bob/"{cur,new,tmp}
	letter 1 | sed 1d > "$D/maildir/bob/new/1.x"
	[ "$EUID" -ne 0 ] || chown -R "$(id_of bob)" "$D/maildir/bob"
	printf 'mailbox %s/maildir/%%u/\n' "$D" >> "$C"
	imap_py < "$T/script"
}

@test "EMAILID goes with a copy; SAVEDATE, PREVIEW" {
	export TZ=UTC
	nested
	rfc822 <<-'END'
		Content-Type: text/html

		<html><head><title>no</title><style>p { color: red }</style></head>
		<p>Fish &amp; <b>chips</b>
		   for&nbsp;two</p>
	END
	rfc822 <<-'END'
		Content-Type: image/png

		x
	END
	rfc822 < <(printf '\n> quoted\n'; printf '\303\274%.0s' {1..300}; echo)
	rfc822 < <(printf 'Content-Type: text/plain; charset=iso-8859-1\n\ncaf\351 fr\374h\n')
	imap_py <<-'END'
		import re
		s = Imap(); s.ok("SELECT INBOX")
		s.ok("FETCH 1:4 EMAILID"); ids = [x.split("EMAILID ")[1] for x in s.said]
		assert len(set(ids)) == 4 and all(re.fullmatch(r"\(M[0-9a-f]+\)\)", x) for x in ids), ids
		s.ok("FETCH 1:4 PREVIEW")
		said = [x.split("PREVIEW ")[1] for x in s.said]
		assert said[:3] == ['"hello")', '"Fish & chips for two")', '"")'], said
		assert said[3] == "{400}\r\n" + "\u00fc" * 200 + ")", said
		s.ok("FETCH 5 PREVIEW"); assert s.said[0].endswith("{11}\r\ncaf\u00e9 fr\u00fch)"), s.said
		s.ok("FETCH 1 PREVIEW (LAZY)"); assert said[0] in s.said[0]
		for how in "", " (LAZY)":
		    s.ok("FETCH 1:5 PREVIEW%s (CHANGEDSINCE 9999999999999999)" % how)
		    assert not any("PREVIEW" in x for x in s.said), s.said
		s.bad("FETCH 1 PREVIEW (EAGER)"), s.bad("FETCH 1 (PREVIEW (EAGER) UID)")
		for n, x in enumerate(ids, 1): # what FETCH says SEARCH finds
		    s.ok("SEARCH EMAILID " + x[1:-2]); assert s.said == ["* SEARCH %d" % n], s.said
		s.ok("FETCH 1 SAVEDATE"); assert re.search(r'SAVEDATE "[ \d]\d-\w+-\d{4} [\d:]{8} \+0000"\)', s.said[0]), s.said
		s.ok("CREATE other"); s.ok("COPY 1:4 other"); s.ok("SELECT other")
		s.ok("FETCH 1:4 EMAILID"); assert ids == [x.split("EMAILID ")[1] for x in s.said]
		s.end()
	END
}

@test "PREVIEW: a byte that is no UTF-8 leaves the others alone" {
	rfc822 < <(printf '\ncaf\303\251 it\302\222s \222 d\351j\303\240\n')
	rfc822 < <(printf '\n%2046s\303\251\n' caf)
	rfc822 < <(printf '\n%2047s\303\251\n' caf)
	rfc822 < <(printf '\ncaf\351\n')
	imap_py <<-'END'
		s = Imap(); s.ok("SELECT INBOX"); s.ok("FETCH 1:4 PREVIEW")
		said = [x.split("\r\n")[-1].split('PREVIEW ')[-1] for x in s.said]
		assert said == ["caf\u00e9 it s d\u00e9j\u00e0)", "caf\u00e9)", '"caf")', "caf\u00e9)"], said
		s.end()
	END
}

# --- what is remembered ---

ASK='FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE BODY.PEEK[HEADER.FIELDS (DATE FROM TO SUBJECT)])'

ask() { printf 'a EXAMINE INBOX\nb %s\nc LOGOUT\n' "$ASK" | imap bob | grep -av '^a OK\|^\*.*RECENT'; }

many()
{
	python3 "$REPO/tests/imapparts.py" 60 3 > "$D/mail/bob"
	own "$D/mail/bob" bob
}

# The one record of a kind.
record() { find "$D/state" -name "$1.*"; }

@test "the cache spares a second look into the mailbox, and says the same" {
	need strace
	many
	ask > "$T/1"
	[ "$(stat -c %s "$(record cache)")" -gt 10000 ]
	as bob strace -f -e trace=pread64 -yo "$D/home/bob/trace" "$(prog imapd)" -C "$C" \
	    <<< "$(printf 'a EXAMINE INBOX\r\nb %s\r\nc LOGOUT\r' "$ASK")" > "$T/2"
	[ "$(grep -c 'mail/bob>' "$D/home/bob/trace")" -eq 0 ]
	ask > "$T/3"
	cmp "$T/1" "$T/3"
	# An entry for each message, and none twice: the file does not grow.
	size=$(stat -c %s "$(record cache)")
	ask > /dev/null
	[ "$(stat -c %s "$(record cache)")" -eq "$size" ]
}

@test "a cache that is wrong is not believed" {
	many
	ask > "$T/1"
	cache=$(record cache)
	cp -p "$cache" "$T/good"
	cat > "$T/hurt.py" <<-'END'
		import os, random, sys
		how, path = int(sys.argv[1]), sys.argv[2]
		text = bytearray(open(path, "rb").read())
		r = random.Random(how)
		if how < 4:
		    for _ in range(200):
		        text[r.randrange(32, len(text))] ^= 1 << r.randrange(8)
		elif how == 8:
		    del text[len(text) // 2:]
		elif how == 9:
		    text = text[:32] + text[800:]
		elif how == 10:
		    text = bytearray(len(text))
		elif how == 11:
		    text = bytearray(b"something else\n" * 5000)
		elif how == 12:
		    text = bytearray()
		elif how == 13:
		    text[1000:len(text)] = b"\xff" * (len(text) - 1000)
		open(path, "wb").write(text)
	END
	for how in {0..3} {8..13}; do
		cp -p "$T/good" "$cache"
		python3 "$T/hurt.py" "$how" "$cache"
		ask > "$T/2"
		cmp "$T/1" "$T/2" || { echo "damage $how"; return 1; }
		ask > "$T/2"
		cmp "$T/1" "$T/2" || { echo "damage $how, again"; return 1; }
	done
	rm "$cache"
	mkdir "$cache"
	ask > "$T/2"
	cmp "$T/1" "$T/2"
}

@test "without room for the cache all is said the same" {
	need strace
	many
	ask > "$T/1"
	rm "$(record cache)"
	as bob strace -f -o /dev/null -e inject=pwrite64:error=ENOSPC "$(prog imapd)" -C "$C" \
	    <<< "$(printf 'a EXAMINE INBOX\r\nb %s\r\nc LOGOUT\r' "$ASK")" |
	    tr -d '\r' | sed 1d | grep -av '^a OK\|^\*.*RECENT' > "$T/2"
	cmp <(sed '/^\* OK/d' "$T/1") <(sed '/^\* OK/d' "$T/2")
}

@test "two sessions fill the cache at once; a message that goes takes its entry along" {
	many
	ask > "$T/1"
	rm "$(record cache)"
	for i in 2 3 4 5; do
		ask > "$T/$i" &
	done
	wait
	for i in 2 3 4 5; do
		cmp "$T/1" "$T/$i"
	done
	# The same UIDs, other messages: nothing old is told.
	python3 "$REPO/tests/imapparts.py" 60 4 > "$D/mail/bob"
	ask > "$T/6"
	find "$D/state" -name 'cache.*' -delete
	ask > "$T/7"
	cmp "$T/6" "$T/7" || { diff -a "$T/6" "$T/7" | cut -c1-400 | head; false; }
	! cmp -s "$T/1" "$T/6"
}

@test "what nobody asks for any more leaves the cache" {
	box bob 1200
	imap_py <<-'END'
		s = Imap(); s.ok("SELECT INBOX"); s.ok("FETCH 1:* ENVELOPE")
		s.ok("FETCH 1:* BODYSTRUCTURE")
		s.ok("STORE 11:* +FLAGS.SILENT (\\Deleted)"); s.ok("EXPUNGE")
		s.ok("FETCH 1:* ENVELOPE"); env = s.said
		s.end()
		t = Imap(); t.ok("SELECT INBOX"); t.ok("FETCH 1:* ENVELOPE")
		assert t.said == env; t.end()
	END
	[ "$(stat -c %s "$(record cache)")" -lt 20000 ]
}

@test "a read that fails: NO, or the connection ends in the literal" {
	need strace
	{
		printf 'From jo@x.test Sat Nov 21 10:00:00 2026\nSubject: long\n\n'
		yes 'a line of a long letter' | head -n 100000
		echo
	} > "$D/mail/bob"
	own "$D/mail/bob" bob
	ask > /dev/null
	# Before that come libraries, configuration and users.
	for n in {5..18}; do
		as bob strace -f -o /dev/null -e inject=pread64:error=EIO:when="$n+" \
		    "$(prog imapd)" -C "$C" > "$T/out" < <(printf '%s\r\n' \
		    'a EXAMINE INBOX' 'b FETCH 1 (UID BODY.PEEK[])' 'c LOGOUT')
		python3 - "$T/out" "$n" <<-'END'
			import re, sys
			out = open(sys.argv[1], "rb").read()
			m = re.search(rb"BODY\[\] \{(\d+)\}\r\n", out)
			if m:
			    rest = out[m.end():]
			    if len(rest) > int(m[1]):
			        sys.exit() # all of it had come
			    print(sys.argv[2], "in the literal")
			    assert b"\nb " not in rest and b"BYE" not in rest
			else:
			    # Where the index could not be read nothing is known of it.
			    assert re.search(rb"\n(b NO \[|a NO \[|b OK \[EXPUNGEISSUED\])", out), out[-300:]
		END
	done > "$T/where"
	cat "$T/where"
	[ -s "$T/where" ]
}

@test "flags of a message that cannot be read are told all the same" {
	mkdir -p "$D/maildir/bob/"{cur,new,tmp}
	letter 1 | sed 1d > "$D/maildir/bob/cur/1.x:2,"
	[ "$EUID" -ne 0 ] || chown -R "$(id_of bob)" "$D/maildir/bob"
	printf 'mailbox %s/maildir/%%u/\n' "$D" >> "$C"
	imap_py <<-'END'
		a, b = Imap(), Imap()
		for s in a, b: s.ok("SELECT INBOX"); s.ok("FETCH 1 FLAGS")
		os.chmod(os.environ["D"] + "/maildir/bob/cur/1.x:2,", 0)
		b.ok("STORE 1 +FLAGS (new)")
		a.no("FETCH 1 (FLAGS BODY[])")
		assert len(a.said) == 3 and "new" in a.said[0] and "new" in a.said[1], a.said
		assert a.said[2] == "* 1 FETCH (FLAGS (\\Seen new))", a.said
		a.end(), b.end()
	END
}

@test "in a Maildir a header may end without an empty line" {
	mkdir -p "$D/maildir/bob/"{cur,new,tmp}
	printf 'Subject: a\nTo: b@c.test' > "$D/maildir/bob/cur/1.x:2,"
	printf 'Subject: a\nno field\nTo: b@c.test\n\nmore\n' > "$D/maildir/bob/cur/2.x:2,"
	printf 'no field at all\n' > "$D/maildir/bob/cur/3.x:2,"
	printf '>From here\nSubject: a\r\n b\r\n\r\nx\n' > "$D/maildir/bob/cur/4.x:2,"
	(printf 'Subject: a\nno field\nTo: b@c.test\nX: %070000d\n\nmore\n' 0) > "$D/maildir/bob/cur/5.x:2,"
	printf '\nSubject: no\n' > "$D/maildir/bob/cur/6.x:2,"
	[ "$EUID" -ne 0 ] || chown -R "$(id_of bob)" "$D/maildir/bob"
	printf 'mailbox %s/maildir/%%u/\n' "$D" >> "$C"
	imap_py <<-'END'
		s = Imap(); s.ok("SELECT INBOX")
		def get(i, item):
		    s.ok("FETCH %d %s" % (i, item))
		    return s.said[-1].split("}\r\n", 1)[1][:-1]
		heads = ["Subject: a\r\nTo: b@c.test", "Subject: a\r\n", "",
		         ">From here\r\nSubject: a\r\n b\r\n\r\n", "Subject: a\r\n", "\r\n"]
		for i, head in enumerate(heads, 1):
		    whole, text = get(i, "BODY.PEEK[]"), get(i, "BODY.PEEK[TEXT]")
		    assert get(i, "BODY.PEEK[HEADER]") == get(i, "RFC822.HEADER") == head, (i, s.said)
		    assert head + text == whole and text == get(i, "BODY.PEEK[1]"), (i, text)
		    assert get(i, "BODY.PEEK[TEXT]<3.4>") == text[3:7], i
		s.ok("FETCH 2 ENVELOPE"); assert "b" not in s.said[0].split("ENVELOPE")[1].replace("NIL", ""), s.said
		s.ok("SEARCH TO c.test"); assert s.said == ["* SEARCH 1"], s.said
		s.ok("SEARCH BODY c.test"); assert s.said == ["* SEARCH 2 5"], s.said
		assert get(2, "BODY.PEEK[HEADER.FIELDS.NOT (X)]") == "Subject: a\r\n\r\n", s.said
		s.end()
	END
}

# --- limits ---

@test "long and deep messages cost little time and memory" {
	python3 - > "$D/mail/bob" <<-'END'
		def m(text):
		    print("From jo@x.test Sat Nov 21 10:00:00 2026\n" + text + "\n")
		m("To: a@b.c" + ",\n a@b.c" * 100000 + "\n\nx")
		m("Content-Type: multipart/mixed; boundary=b\n\n" + "--b\n\nx\n" * 30000 + "--b--")
		m("".join("Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (i, i) for i in range(3000)))
		m("Content-Type: message/rfc822\n\n" * 3000 + "x")
		m("Subject: long\nX: " + "y" * 1000000 + "\n\nx")
		m("X: y\n" * 400000 + "Subject: late\n\nthe text")
		m("Content-Type: text/html\n\n" + "<style>" * 100000 + "<!--" * 100000)
	END
	own "$D/mail/bob" bob
	most=65536 # kB; the sanitizers take more
	! grep -qa __asan_init "$(prog imapd)" || most=1000000
	MOST=$most imap_py <<-'END'
		s = Imap(); s.ok("SELECT INBOX"); begin = work_of(s.child.pid)
		for i in range(1, 8):
		    for item in ("ENVELOPE", "BODYSTRUCTURE", "BODY", "BODY.PEEK[HEADER.FIELDS (SUBJECT)]",
		            "BODY.PEEK[HEADER.FIELDS.NOT (X)]", "BODY.PEEK[1.1.1.1]", "BODY.PEEK[TEXT]<5.9>",
		            "BINARY.SIZE[1]", "PREVIEW", "EMAILID", "BODY.PEEK[HEADER]<1999000.9>"):
		        s.ok("FETCH %d %s" % (i, item))
		took = work_of(s.child.pid) - begin
		high = [x for x in open("/proc/%d/status" % s.child.pid) if x.startswith("VmHWM")]
		print(took, high)
		assert took < 30 and int(high[0].split()[1]) < int(os.environ["MOST"])
		s.ok("FETCH 6 BODY.PEEK[TEXT]"); assert s.said[0].endswith("{10}\r\nthe text\r\n)"), s.said
		s.ok("FETCH 1 (%s)" % " ".join(["BODY.PEEK[1]<0.1>"] * 1000))
		s.bad("FETCH 1 (%s)" % " ".join(["BODY.PEEK[1]<0.1>"] * 1001))
		s.ok("FETCH 1 BODY.PEEK[%s]" % ".".join(["1"] * 200))
		s.bad("FETCH 1 BODY.PEEK[%s]" % ".".join(["1"] * 201))
		s.ok("FETCH 5 BODY.PEEK[HEADER.FIELDS (SUBJECT %s)]" % " ".join("x%d" % i for i in range(50000)))
		assert "Subject: long" in s.said[0]
		got = s.cmd('FETCH 5 BODY.PEEK[HEADER.FIELDS ("SUBJECT" %s)]' % " ".join('"x%d"' % i for i in range(50000)))
		assert got and got.startswith("OK ") and "Subject: long" in s.said[0], s.said
		s.end()
	END
}

@test "a long message comes whole, and in pieces" {
	python3 - > "$D/mail/bob" <<-'END'
		import base64
		data = bytes(i * 7 % 251 for i in range(3000000))
		print("From jo@x.test Sat Nov 21 10:00:00 2026\nSubject: long\n"
		      "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nshort\n--b\n"
		      "Content-Transfer-Encoding: base64\n\n"
		      + base64.encodebytes(data).decode() + "--b--\n\n", end="")
	END
	own "$D/mail/bob" bob
	imap_py <<-'END'
		import base64, re
		data = bytes(i * 7 % 251 for i in range(3000000))
		s = Imap(); s.ok("SELECT INBOX")
		def get(item):
		    s.ok("FETCH 1 " + item)
		    return s.said[-1].split("}\r\n", 1)[1][:-1].encode("utf-8", "surrogateescape")
		whole = get("BODY[]")
		assert len(whole) > 4000000 and "\\Seen" in s.said[0]
		assert whole == b"".join(get("BODY[]<%d.500000>" % i) for i in range(0, len(whole), 500000))
		part = get("BODY[2]")
		assert base64.b64decode(part) == data and whole.find(part) > 0
		assert part == b"".join(get("BODY[2]<%d.65536>" % i) for i in range(0, len(part), 65536))
		assert get("BODY[1]") == b"short" and get("BODY[]<4000000.100>") == whole[4000000:4000100]
		got = get("BINARY[2]"); assert got == data and "~{3000000}" in s.said[-1]
		assert get("BINARY[2]<2999990.100>") == data[2999990:]
		s.ok("FETCH 1 BINARY.SIZE[2]"); assert "BINARY.SIZE[2] 3000000)" in s.said[-1]
		s.end()
	END
}
