# imap-search - SEARCH with every key and result form, SORT, THREAD; mbox and Maildir.

load lib
load imap

# add DATE-OF-ARRIVAL < TEXT: one more message for bob.
add()
{
	{
		echo "From jo@x.test $1"
		cat
		echo
	} >> "$D/mail/bob"
	own "$D/mail/bob" bob
}

# Four of them, each with another trick.
four()
{
	add 'Sat Nov 21 10:00:00 2020' <<-'END'
		From: Jo Doe <jo@x.test>
		To: bob@a.test
		Subject: Hello there
		Date: Sat, 21 Nov 2020 10:00:00 +0000
		Message-ID: <1@x>
		Status: RO
		X-Status: F
		X-Keywords: Junk

		a plain body with a needle in it
	END
	add 'Sun Nov 22 10:00:00 2020' <<-'END'
		From: =?iso-8859-1?Q?J=FCrgen?= <jue@x.test>
		To: kim@a.test
		Cc: Lee <lee@b.test>
		To: bob@a.test
		Subject: =?utf-8?B?R3LDvMOfZQ==?=
		 =?utf-8?Q?_von_=C3=A4rger?=
		Date: Fri, 20 Nov 2020 23:30:00 -0500
		Message-ID: <2@x>
		In-Reply-To: <1@x>
		Content-Type: text/plain; charset=iso-8859-1
		Content-Transfer-Encoding: quoted-printable

		Stra=DFe und nee=
		dle im Caf=E9
	END
	add 'Mon Nov 23 10:00:00 2020' <<-'END'
		From: kim@a.test
		To: bob@a.test
		Subject: Re: Hello there
		Date: Sun, 22 Nov 2020 10:00:00 +0000
		Message-ID: <3@x>
		References: <1@x>
		Content-Type: multipart/mixed; boundary=xx

		before it all
		--xx
		Content-Type: text/plain; charset=utf-8
		Content-Transfer-Encoding: base64

		0J/RgNC40LLQtdGCINC80LjRgCwgbmVlZGxlCg==
		--xx
		Content-Type: application/octet-stream; name=blob-name

		blob-text
		--xx
		Content-Type: message/rfc822

		Subject: inner subject
		X-Inner: =?utf-8?q?=C3=84?=

		inner text
		--xx--
	END
	add 'Tue Nov 24 10:00:00 2020' <<-'END'
		From: kim@a.test
		To: bob@a.test
		Subject: last
		 folded one
		X-Foo: bar

		>From here on
		München, Грузия
	END
}

# finds NUMBERS KEYS...: what SEARCH shall find; found looks, in one session.
finds()
{
	echo "* SEARCH${1:+ $1}" >> "$T/will"
	shift
	echo "b SEARCH $*" >> "$T/asked"
}
found()
{
	{ echo 'a SELECT INBOX'; cat "$T/asked"; } | imap bob |
	    grep -a -e '^\* SEARCH' -e '^b [NB]' > "$T/told"
	paste -d '\n' "$T/asked" "$T/will" > "$T/both"
	paste -d '\n' "$T/asked" "$T/told" | diff "$T/both" -
	rm "$T/will" "$T/asked"
}

# says KEYS...: the answers to these lines in the selected mailbox.
says()
{
	{
		echo '0 SELECT INBOX'
		printf '%s\n' "$@"
	} | imap bob | sed '1,/^0 OK/d'
}

# one LINE: the untagged answer to one command; or what was wrong.
one() { says "1 $1" | sed 's/^1 OK.*//; /^$/d'; }

@test "new ones are new once" {
	four
	diff - <(says '1 SEARCH NEW' '2 SEARCH RECENT' '3 SEARCH OLD' | grep -v OK) <<-'END'
		* SEARCH 2 3 4
		* SEARCH 2 3 4
		* SEARCH 1
	END
	finds '' NEW
	finds '1 2 3 4' OLD
	found
}

@test "flags, keywords, numbers, sizes, dates" {
	four
	finds '1 2 3 4' ALL
	finds 1 FLAGGED
	finds 1 seen
	finds '2 3 4' UNSEEN
	finds 1 KEYWORD junk
	finds '2 3 4' UNKEYWORD Junk
	finds '' KEYWORD other
	finds '2 4' 4,2
	finds '3 4' '3:*'
	finds '4' '9:*'
	finds '1 4' UID 1,4,77
	finds '4' UID '99:*'
	finds '2 3' NOT 1 NOT 4
	finds '1 2 3 4' NOT NOT ALL
	finds '1 4' OR 1 4
	finds '1 2 4' OR OR 1 2 4
	finds '1 2 3 4' OR 1 OR 2 OR 3 4
	finds '2' '(OR 2 3)' '(UNSEEN (NOT 3))'
	finds '3' LARGER 500
	finds '1 2 4' SMALLER 500
	finds '1' BEFORE 22-Nov-2020
	finds '2' ON '"22-Nov-2020"'
	finds '2 3 4' SINCE 22-nov-2020
	finds '2' SENTBEFORE 21-Nov-2020
	finds '2' SENTON 20-Nov-2020
	finds '1 3' SENTSINCE 21-Nov-2020
	finds '' YOUNGER 1
	finds '1 2 3 4' SAVEDATESUPPORTED
	finds '' SAVEDBEFORE 1-Jan-2020
	finds '1 2 3 4' SAVEDSINCE 1-Jan-2020
	finds '' THREADID x
	finds '' EMAILID M00000000000000001
	found
}

@test "EMAILID and fields of a message that nobody looked at" {
	four
	imap_py <<-'END'
		for end, ask in (("SEARCH 4", "SEARCH OR (SUBJECT folded EMAILID %s) (SUBJECT folded NOT EMAILID %s)"),
		                 ("SORT 4", "SORT (SUBJECT FROM) UTF-8 4 SUBJECT folded NOT EMAILID %s")):
		    s = Imap(); s.ok("CREATE x"); s.ok("SELECT INBOX"); s.ok("COPY 1:4 x"); s.ok("SELECT x")
		    s.ok("FETCH 4 RFC822.SIZE"); size = int(s.said[0].split("SIZE ")[1][:-1])
		    s.ok(ask.replace("%s", "M%016x%012x" % (1, size))); assert s.said == ["* " + end], s.said
		    s.ok("UNSELECT"); s.ok("DELETE x"); s.end()
	END
}

@test "fields" {
	four
	finds '1 3' SUBJECT hello
	finds 2 CHARSET UTF-8 SUBJECT '"GRÜßE VON ÄRGER"'
	finds 2 SUBJECT '"ärger"'
	finds 2 CHARSET ISO-8859-1 SUBJECT $'"\344rger"'
	finds 4 SUBJECT '"last folded"'
	finds 2 FROM '"jürgen"'
	finds 2 TO kim@a
	finds '1 2 3 4' TO BOB
	finds 2 CC lee
	finds '' BCC x
	finds 4 HEADER X-Foo '""'
	finds 4 HEADER x-foo BAR
	finds '' HEADER X-Foo baz
	finds '' HEADER X-None '""'
	finds 3 HEADER References '1@x'
	found
}

@test "charsets of mail, by the names that stand there" {
	(cd "$T" && python3 -) <<-'END'
		import base64
		WORDS = {"latin": ("straße", "iso-8859-1 latin1 csISOLatin1 windows-1252 cp1252 iso-8859-15 cp850 ibm850 utf-16"),
		         "east": ("příliš", "iso-8859-2 windows-1250"),
		         "greek": ("καλή", "iso-8859-7 windows-1253"),
		         "turk": ("ığdır", "iso-8859-9 windows-1254"),
		         "hebrew": ("שלום", "iso-8859-8 iso-8859-8-i windows-1255"),
		         "arab": ("سلام", "iso-8859-6 windows-1256"),
		         "cyril": ("привет", "koi8-r koi8-u windows-1251 iso-8859-5 cp866 ibm866"),
		         "thai": ("สวัสดี", "tis-620 windows-874"),
		         "japan": ("日本語", "iso-2022-jp csISO2022JP shift_jis x-sjis cp932 windows-31j euc-jp"),
		         "china": ("中文", "gb2312 gbk cp936 gb18030 big5"),
		         "korea": ("안녕", "euc-kr ks_c_5601-1987 cp949 uhc")}
		AS = {"latin1": "iso-8859-1", "csISOLatin1": "iso-8859-1", "ibm850": "cp850",
		      "iso-8859-8-i": "iso-8859-8", "ibm866": "cp866", "windows-874": "cp874",
		      "csISO2022JP": "iso-2022-jp", "x-sjis": "shift_jis", "windows-31j": "cp932",
		      "cp936": "gbk", "ks_c_5601-1987": "euc-kr", "uhc": "cp949"}
		n = 0
		box, want = open("box", "w"), open("want", "w")
		for word, names in WORDS.values():
		    first = n + 1
		    for name in names.split():
		        n += 1
		        body = base64.encodebytes((word + " x\n").encode(AS.get(name, name))).decode()
		        box.write("From jo@x.test Sun Nov 22 10:00:00 2020\nSubject: %s\nContent-Type: "
		                  "text/plain; charset=\"%s\"\nContent-Transfer-Encoding: base64\n\n%s\n"
		                  % (name, name, body))
		    want.write("%s %s\n" % (word, ",".join(map(str, range(first, n + 1)))))
	END
	cat "$T/box" >> "$D/mail/bob"
	own "$D/mail/bob" bob
	while read -r word at; do
		finds "${at//,/ }" CHARSET UTF-8 BODY "\"$word\""
	done < "$T/want"
	found
}

@test "bodies, without what they are wrapped in" {
	four
	for _ in cold warm; do
		finds '1 2 3' BODY NEEDLE
		finds 2 BODY '"straße und"'
		finds '2' BODY cafe
		finds 3 BODY '"привет МИР"'
		finds 3 BODY '"INNER TEXT"'
		finds 3 BODY '"inner subject"'
		finds 3 BODY '"x-inner: ä"'
		finds '' BODY blob-text
		finds '' BODY blob-name
		finds 3 TEXT blob-name
		finds '' BODY '"before it all"'
		finds 4 BODY '"from here"'
		finds '' BODY '">from here"'
		finds 4 BODY '"грузия"'
		finds 4 BODY '"münchen"'
		finds 4 TEXT '"x-foo: bar"'
		finds 4 TEXT '"last folded one"'
		finds '' TEXT x-status
		finds '' TEXT '"from jo@x.test"'
		finds '1 2 3 4' TEXT '"to: bob"'
		finds '2 4' OR BODY cafe BODY here
		finds '4' UNSEEN NOT BODY needle
		finds '1 2 3 4' BODY '""'
		found
	done
}

@test "headers of parts are folded, too" {
	for last in text tëxt; do
		add 'Sat Nov 21 10:00:00 2020' <<-END
			Content-Type: multipart/mixed; boundary=xx

			--xx
			Content-Type: message/rfc822
			Content-Description: what it
			 is

			Subject: inner
			 subject

			the last
			 $last
			--xx--
		END
	done
	for _ in cold warm; do
		finds '1 2' BODY '"inner subject"'
		finds '1 2' TEXT '"what it is"'
		finds '' BODY '"what it is"'
		finds '' TEXT '"the last t"'
		found
	done
}

@test "a > that the mailbox put before From is not searched" {
	add 'Sat Nov 21 10:00:00 2020' <<-'END'
		Content-Transfer-Encoding: quoted-printable

		de vingt=
		>From Lyon, caf=C3=A9
	END
	add 'Sat Nov 21 10:00:00 2020' <<-'END'
		Content-Type: message/rfc822

		>>From kim@a.test Sat Nov 21 10:00:00 2020
		Content-Transfer-Encoding: quoted-printable

		hors=20d'oeuvre
	END
	add 'Sat Nov 21 10:00:00 2020' <<-'END'
		Content-Type: text/html; charset=utf-8

		Грузия
		>From here
	END
	for _ in cold warm; do
		finds 1 BODY '"vingtfrom lyon"'
		finds '' BODY '"vingt>from"'
		finds 2 BODY '"hors d"'
		finds 3 BODY '"from here"'
		finds '' TEXT '">from here"'
		found
	done
}

@test "the forms of the answer" {
	four
	[ "$(one 'UID SEARCH RETURN (MIN MAX COUNT ALL) UNSEEN')" = \
	    '* ESEARCH (TAG "1") UID MIN 2 MAX 4 ALL 2:4 COUNT 3' ]
	[ "$(one 'SEARCH RETURN () ALL')" = '* ESEARCH (TAG "1") ALL 1:4' ]
	[ "$(one 'SEARCH RETURN (MIN) BODY none')" = '* ESEARCH (TAG "1")' ]
	[ "$(one 'SEARCH RETURN (COUNT ALL) BODY none')" = '* ESEARCH (TAG "1") COUNT 0' ]
	one 'SEARCH MODSEQ 1' | grep -qE '^\* SEARCH 1 2 3 4 \(MODSEQ [1-9][0-9]*\)$'
	one 'SEARCH MODSEQ "/flags/\\Seen" all 1 RETURN' | grep -q '^1 BAD'
	one 'SEARCH RETURN (MAX) MODSEQ "/flags/\\Seen" all 1' |
	    grep -qE '^\* ESEARCH \(TAG "1"\) MAX 4 MODSEQ [1-9][0-9]*$'
	[ "$(one 'SEARCH MODSEQ 9223372036854775807' | grep SEARCH)" = '* SEARCH' ]
	[ "$(imap bob <<< $'1 ENABLE IMAP4rev2\n2 SELECT INBOX\n3 SEARCH 2:3' |
	    grep SEARCH)" = '* ESEARCH (TAG "3") ALL 2:3' ]
}

@test "what is remembered" {
	four
	diff - <(says '1 UID SEARCH RETURN (SAVE) UNSEEN' '2 SEARCH $' \
	    '3 SEARCH RETURN (SAVE MIN MAX) 2:4' '4 UID SEARCH UID $' \
	    '5 SEARCH RETURN (SAVE COUNT) BODY none' '6 SEARCH $' \
	    '7 SEARCH RETURN (SAVE) ALL' '8 SEARCH RETURN (SAVE) 99' \
	    '9 SEARCH $' '10 SEARCH RETURN (SAVE) CHARSET none ALL' \
	    '11 SEARCH $' | grep -v ' OK ') <<-'END'
		* SEARCH 2 3 4
		* ESEARCH (TAG "3") MIN 2 MAX 4
		* SEARCH 2 4
		* ESEARCH (TAG "5") COUNT 0
		* SEARCH
		8 BAD there is no message of that number
		* SEARCH 1 2 3 4
		10 NO [BADCHARSET (UTF-8 US-ASCII)] that charset is not known here
		* SEARCH
	END
}

@test "what is wrong gets BAD, and never more than that" {
	local deep many
	four
	deep=$(printf '(%.0s' {1..60})ALL$(printf ')%.0s' {1..60})
	many=$(printf 'SEEN %.0s' {1..1100})
	says '1 SEARCH' '2 SEARCH ' '3 SEARCH NONE' '4 SEARCH OR 1' '5 SEARCH NOT' \
	    '6 SEARCH (ALL' '7 SEARCH ALL)' '8 SEARCH SINCE 32-Nov-2020' \
	    '9 SEARCH BODY' '10 SEARCH 0' '11 SEARCH 5' 'n NOOP' '12 SEARCH LARGER 18446744073709551616' \
	    '13 SEARCH RETURN (FOO) ALL' '14 SEARCH UID x' "15 SEARCH $deep" \
	    "16 SEARCH ${many}ALL" '17 SORT (DATE) UTF-8' '18 SORT () UTF-8 ALL' \
	    '19 SORT (REVERSE) UTF-8 ALL' '20 THREAD REFS UTF-8 ALL' \
	    '21 THREAD REFERENCES ALL' '22 SEARCH CHARSET UTF-8' '23 SEARCH OLDER 0' \
	    '24 SEARCH CHARSET UTF-16 SUBJECT "x"' > "$T/got"
	sed -i '/^n OK/d' "$T/got"
	cat "$T/got"
	[ "$(grep -c '^[0-9]* BAD ' "$T/got")" -eq 23 ]
	grep -q '^21 NO \[BADCHARSET' "$T/got"
	[ "$(wc -l < "$T/got")" -eq 24 ]
	# NOTs and ORs in a row are not deep.
	says "1 SEARCH $(printf 'NOT %.0s' {1..2000})ALL" \
	    "2 SEARCH $(printf 'OR 1 %.0s' {1..900})2" | grep -v OK > "$T/got"
	diff - "$T/got" <<< $'* SEARCH 1 2 3 4\n* SEARCH 1 2'
}

@test "a set of 20,000 parts, many times over" {
	local set
	box bob 40
	set=$(seq -s, 1 20000)
	set="$set,$(printf '1:*,%.0s' {1..20000})1"
	says "1 SEARCH RETURN (COUNT) UID $set NOT UID $set" \
	    "2 SEARCH RETURN (COUNT) UID $set UID $set UID $set" | grep -v OK > "$T/got"
	diff - "$T/got" <<< $'* ESEARCH (TAG "1") COUNT 0\n* ESEARCH (TAG "2") COUNT 40'
}

@test "SORT" {
	four
	[ "$(one 'SORT (SUBJECT) UTF-8 ALL')" = '* SORT 2 1 3 4' ]
	[ "$(one 'SORT (REVERSE SUBJECT) UTF-8 ALL')" = '* SORT 4 1 3 2' ]
	[ "$(one 'SORT (DATE) US-ASCII ALL')" = '* SORT 2 1 3 4' ]
	[ "$(one 'SORT (REVERSE DATE) US-ASCII ALL')" = '* SORT 4 3 1 2' ]
	[ "$(one 'UID SORT (REVERSE ARRIVAL) UTF-8 1:3')" = '* SORT 3 2 1' ]
	[ "$(one 'SORT (FROM REVERSE SIZE) UTF-8 ALL')" = '* SORT 1 2 3 4' ]
	[ "$(one 'SORT (CC TO) UTF-8 ALL')" = '* SORT 1 3 4 2' ]
	[ "$(one 'SORT (SIZE) UTF-8 2:4')" = '* SORT 4 2 3' ]
	[ "$(one 'SORT (DISPLAYFROM) UTF-8 ALL')" = '* SORT 1 2 3 4' ]
	[ "$(one 'SORT (REVERSE DISPLAYTO) UTF-8 ALL')" = '* SORT 2 1 3 4' ]
	[ "$(one 'SORT (DATE) UTF-8 BODY none')" = '* SORT' ]
	one 'SORT (DATE) UTF-8 MODSEQ 1' | grep -qE '^\* SORT 2 1 3 4 \(MODSEQ [0-9]+\)$'
}

@test "THREAD" {
	four
	[ "$(one 'THREAD REFERENCES UTF-8 ALL')" = '* THREAD (1 (2)(3))(4)' ]
	[ "$(one 'UID THREAD REFERENCES UTF-8 2:4')" = '* THREAD ((2)(3))(4)' ]
	[ "$(one 'THREAD ORDEREDSUBJECT US-ASCII ALL')" = '* THREAD (2)(1 3)(4)' ]
	[ "$(one 'THREAD REFERENCES UTF-8 BODY none')" = '* THREAD' ]
}

@test "THREAD: references that nobody has cost little memory" {
	python3 - > "$D/mail/bob" <<-'END'
		for i in range(3000):
		    refs = "\n ".join("<%d.%d@x.test>" % (i, k) for k in range(300))
		    print("From jo@x.test Sat Nov 21 10:00:00 2026\nMessage-ID: <%d@y.test>\n"
		          "References: %s\n <%d@y.test>\n\nx\n" % (i, refs, max(0, i - 1)))
	END
	own "$D/mail/bob" bob
	most=65536 # kB; the sanitizers take more
	! grep -qa __asan_init "$(prog imapd)" || most=1000000
	MOST=$most imap_py <<-'END'
		s = Imap(); s.ok("SELECT INBOX"); s.ok("THREAD REFERENCES UTF-8 ALL")
		assert s.said == ["* THREAD (%s)" % " ".join(map(str, range(1, 3001)))], s.said
		high = [x for x in open("/proc/%d/status" % s.child.pid) if x.startswith("VmHWM")]
		print(high)
		assert int(high[0].split()[1]) < int(os.environ["MOST"])
		s.end()
	END
}

@test "what cannot be read is not put in order" {
	need strace
	local n command want
	for n in {1..9}; do
		printf 'From jo@x.test Sat Nov 21 10:00:00 2026\nSubject: s%d\n' $((9 - n))
		printf 'References: <0@x.test>\n\nx\n\n'
	done > "$D/mail/bob"
	own "$D/mail/bob" bob
	one 'SEARCH ALL' > /dev/null
	while IFS=: read -r command want; do
		# Before that come libraries, configuration and users.
		for n in {5..25}; do
			as bob strace -f -o /dev/null -e inject=pread64:error=EIO:when="$n+" \
			    "$(prog imapd)" -C "$C" <<< "1 EXAMINE INBOX
2 $command
3 LOGOUT" | tr -d '\r' > "$T/out"
			! grep -q '^2 OK' "$T/out" || grep -qxF "$want" "$T/out"
			grep '^2 ' "$T/out"
		done > "$T/said"
		grep -q '^2 NO \[' "$T/said"
	done <<-'END'
		SORT (SUBJECT) UTF-8 ALL:* SORT 9 8 7 6 5 4 3 2 1
		THREAD REFERENCES UTF-8 ALL:* THREAD ((1)(2)(3)(4)(5)(6)(7)(8)(9))
	END
}

@test "a Maildir is searched as well" {
	local f
	echo 'mailbox ~/Maildir/' >> "$C"
	four
	mkdir -p "$D/home/bob/Maildir"/{tmp,new,cur}
	awk -v d="$D/home/bob/Maildir/cur" '
	/^From jo/ { f = d "/" ++n ".x.h:2,"; next }
	{ sub(/^>From /, "From "); print > f }' "$D/mail/bob"
	rm "$D/mail/bob"
	for f in "$D/home/bob/Maildir" "$D/home/bob/Maildir"/*{,/*}; do
		own "$f" bob
	done
	finds '1 2 3' BODY needle
	finds 4 BODY '"from here"'
	finds 4 TEXT '"last folded"'
	finds 2 SUBJECT '"ärger"'
	found
	[ "$(one 'THREAD REFERENCES UTF-8 ALL')" = '* THREAD (1 (2)(3))(4)' ]
}

@test "a message that went is not taken for the one before it" {
	echo 'mailbox ~/Maildir/' >> "$C"
	mkdir -p "$D/home/bob/Maildir"/{tmp,new,cur}
	for n in 1 2; do
		printf 'Content-Transfer-Encoding: base64\n\nbmVlZGxlCg==\n' \
		    > "$D/home/bob/Maildir/cur/$n.x.h:2,"
	done
	for f in "$D/home/bob/Maildir" "$D/home/bob/Maildir"/*{,/*}; do
		own "$f" bob
	done
	imap_py <<-'END'
		s = Imap(); s.ok("SELECT INBOX"); s.ok("FETCH 1:2 RFC822.SIZE")
		s.ok("SEARCH BODY needle")
		assert "* SEARCH 1 2" in s.said, s.said
		os.remove(os.environ["D"] + "/home/bob/Maildir/cur/2.x.h:2,")
		s.ok("SEARCH BODY needle"); assert "* SEARCH 1" in s.said, s.said
		s.end()
	END
}

@test "a needle where portions of a long message meet" {
	{
		printf 'Subject: long\n\n'
		yes 'a line of text that is there to be long' | head -n 60000
		echo 'and a pin'
		yes 'a line of text that is there to be long' | head -n 60000
	} | add 'Sat Nov 21 10:00:00 2020'
	{
		printf 'Subject: long\nContent-Type: text/plain; charset=utf-8\n'
		printf 'Content-Transfer-Encoding: base64\n\n'
		{
			yes 'Zeile für Zeile ä' | head -n 100000
			echo 'und eine Nädel'
			yes 'Zeile für Zeile ö' | head -n 100000
		} | base64
	} | add 'Sat Nov 21 10:00:00 2020'
	finds 1 BODY 'pin'
	finds 1 BODY '"long"'
	finds 2 BODY '"EINE NÄDEL"'
	finds 2 BODY '"zeile für"'
	finds '' BODY '"äzeile"'
	found
}
