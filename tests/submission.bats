# submission - smtpd -a: who may log in, as whom a login may send, how much, and what
# becomes of its letters.  Without TLS; see smtpd-tls.bats.

load lib

setup()
{
	test_begin
	instance a a.test 'clear_from 192.0.2.0/24'
	sed -i 's/:x:/:{PLAIN}secret:/' "$D/passwd"
	export TCPREMOTEIP=192.0.2.7
}

teardown() { test_end; }

# The dialogue of stdin with smtpd -a.
submission()
{
	sed 's/$/\r/' | "$(prog smtpd)" -a -C "$C" | tr -d '\r'
}

# plain USER [PASSWORD]: the command that logs in.
plain()
{
	echo "AUTH PLAIN $(printf '\0%s\0%s' "$1" "${2-secret}" | base64 -w 0)"
}

# as USER: what a login is told to the commands of stdin.
as()
{
	{ echo 'EHLO me'; plain "$1"; cat; } | submission | sed '1,/^235 /d'
}

# last LINE...: the last reply to these.
last() { printf '%s\n' "$@" | submission | tail -n 1; }

# gets REPLY USER LINE...: is the last reply to the login so?
gets()
{
	local want=$1 who=$2 got
	shift 2
	got=$(printf '%s\n' "$@" | as "$who" | tail -n 1)
	[[ $got = "$want"* ]] || { echo "$*: $got, not $want"; return 1; }
}

# letter FROM LINE...: the header of a letter from bob; a dot at the end.
letter()
{
	printf '%s\n' "MAIL FROM:<$1>" 'RCPT TO:<kim@b.test>' DATA "${@:2}" .
}

# stored: the one message of the spool.
stored() { cat "$D"/spool/new/*; }

@test "nothing can be sent before a login, from wherever" {
	local ip c
	for ip in 192.0.2.7 127.0.0.1 198.51.100.1; do
		export TCPREMOTEIP=$ip
		for c in 'MAIL FROM:<bob@a.test>' 'RCPT TO:<bob@a.test>' DATA \
		    'BDAT 0 LAST'; do
			[[ $(last 'EHLO me' "$c") = '530 5.7.0 '* ]]
			[[ $(last 'HELO me' "$c") = '530 5.7.0 '* ]]
		done
	done
	unset TCPREMOTEIP
	[[ $(last 'EHLO me' 'MAIL FROM:<bob@a.test>') = '530 5.7.0 '* ]]
	[[ $(RELAYCLIENT='' TCPREMOTEIP=192.0.2.7 \
	    last 'EHLO me' 'MAIL FROM:<bob@a.test>') = '530 5.7.0 '* ]]
	[[ $(last 'EHLO me' RSET 'MAIL FROM:<bob@a.test>') = '530 '* ]]
	[[ $(last 'EHLO me' NOOP) = '250 '* ]]
	[[ $(last 'MAIL FROM:<>') = '503 5.5.1 say EHLO first' ]]
	[ "$(queued a)" -eq 0 ]
}

@test "AUTH is offered with -a, and to those who need not hide" {
	submission <<< 'EHLO me' | grep -qx '250-AUTH .*PLAIN LOGIN.*'
	run smtpd a <<-END
		EHLO me
		$(plain bob)
		MAIL FROM:<> AUTH=<>
	END
	! grep "^250.AUTH" <<< "$output" || return 1
	[[ ${lines[-2]} = '502 5.5.1 '* ]]
	[[ ${lines[-1]} = '555 '* ]]
	export TCPREMOTEIP=198.51.100.1
	! grep AUTH <(submission <<< 'EHLO me') || return 1
	[[ $(last 'EHLO me' "$(plain bob)") = '538 5.7.11 '* ]]
	[[ $(last 'EHLO me' 'MAIL FROM:<>') = '530 5.7.0 STARTTLS comes'* ]]
	! grep -i 'login' "$D/log" || return 1
	unset TCPREMOTEIP
	[[ $(last 'EHLO me' "$(plain bob)") = '235 2.7.0 '* ]]
}

@test "PLAIN and LOGIN, in one line and in several" {
	local n p ok='235 2.7.0 Authentication successful'
	n=$(printf bob | base64) p=$(printf secret | base64)
	[ "$(last 'EHLO me' "$(plain bob)")" = "$ok" ]
	[ "$(last 'EHLO me' 'auth plain' "$(plain bob | cut -c12-)")" = "$ok" ]
	[ "$(last 'EHLO me' "AUTH Plain $(printf 'bob\0bob\0secret' |
	    base64)")" = "$ok" ]
	[ "$(last 'EHLO me' "AUTH LOGIN $n" "$p")" = "$ok" ]
	run submission <<-END
		EHLO me
		AUTH LOGIN
		$n
		$p
		EHLO me
	END
	[[ $output = *'334 VXNlcm5hbWU6'*'334 UGFzc3dvcmQ6'*"$ok"* ]]
	# What is of no more use is not offered.
	! grep AUTH <(sed '1,/^235/d' <<< "$output") || return 1
}

@test "a login that comes too early is not in the log" {
	local c
	for c in AUTH auth; do
		{ echo 'EHLO me'; plain bob | sed "s/AUTH/$c/"; echo QUIT; } | submission | grep -q '^235 '
		printf '%s\n' 'HELO me' "$c LOGIN" "$(printf bob | base64)" "$(printf secret | base64)" QUIT |
			submission > /dev/null
		{ printf 'HELO me\n%094d' 1; plain bob; echo QUIT; } | submission > /dev/null
	done
	[ "$(grep -c 'improper command pipelining after' "$D/log")" -eq 6 ]
	! grep -e "$(printf '\0bob\0sec' | base64)" -e "$(printf sec | base64)" "$D/log" || false
}

@test "AUTH that cannot be" {
	local c
	while IFS='|' read -r want c; do
		[[ $(tr '|' '\n' <<< "EHLO me|$c" | submission |
		    tail -n 1) = "$want "* ]] || { echo "$c"; return 1; }
	done <<-END
		501 5.5.4|AUTH
		501 5.5.4|AUTH PLAIN a b
		504 5.5.4|AUTH CRAM-MD5
		504 5.5.4|AUTH PLAINX AGJvYgBzZWNyZXQ=
		504 5.5.4|AUTH $(printf 'A%.0s' {1..300})
		501 5.5.2|AUTH PLAIN ====
		501 5.5.2|AUTH PLAIN|AGJv YgBz
		501 5.5.2|AUTH PLAIN AGJvYg==
		501 5.5.2|AUTH PLAIN =
		501 5.5.2|AUTH PLAIN YWxpY2UAYm9iAHNlY3JldA==
		501 5.5.2|AUTH PLAIN AGJvYgBzZWNyZXQAeA==
		501 5.7.0|AUTH PLAIN|*
		501 5.7.0|AUTH LOGIN Ym9i|*
		500 5.5.6|AUTH PLAIN|$(printf 'A%.0s' {1..5000})
		503 5.5.1|HELO me|$(plain bob)
		503 5.5.1|$(plain bob)|$(plain bob)
		503 5.5.1|$(plain bob)|MAIL FROM:<bob@a.test>|$(plain bob)
		535 5.7.8|$(plain bob wrong)
		535 5.7.8|$(plain nobody)
		535 5.7.8|$(plain root)
		503 5.5.1|$(plain bob)|STARTTLS
		502 5.5.1|STARTTLS
	END
	[[ $(last "$(plain bob)") = '503 5.5.1 say EHLO first' ]]
	[ "$(grep -c authentication "$D/log")" -eq 3 ]
}

@test "wrong passwords: the same words, a pause, four at most" {
	local begin=$SECONDS
	run submission <<-END
		EHLO me
		$(plain bob wrong)
		$(plain nobody wrong)
		$(plain bob wrong)
		$(plain bob wrong)
		$(plain bob)
	END
	[ "$(grep -c '^535 5.7.8 wrong user name or password$' \
	    <<< "$output")" -eq 4 ]
	[ "${lines[-1]}" = '421 4.7.0 a.test too many wrong passwords' ]
	[ $((SECONDS - begin)) -ge 4 ]
}

@test "when passwords cannot be checked, they are not wrong" {
	printf '#!/bin/sh\nexit 111\n' > "$T/later"
	chmod 755 "$T/later"
	echo "checkpassword $T/later" >> "$C"
	[[ $(last 'EHLO me' "$(plain bob)") = '454 4.7.0 '* ]]
	[[ $(last 'EHLO me' "$(plain bob)" 'MAIL FROM:<>') = '530 '* ]]
}

@test "who asks too often for what he does not use is told so, not hung up on" {
	local ask
	ask="AUTH SCRAM-SHA-256 $(printf 'n,,n=bob,r=x' | base64)"
	echo 'x:{SCRAM-SHA-256}:1:1' >> "$D/passwd"
	run submission < <(
		echo 'EHLO me'
		for _ in {1..9}; do printf '%s\n' "$ask" '*'; done
		printf '%s\n' "$ask" QUIT)
	[ "$(grep -c '^334 ' <<< "$output")" -eq 9 ]
	[[ ${lines[-2]} = '454 4.7.0 '* ]]
	[[ ${lines[-1]} = '221 '* ]]
}

@test "a login may relay, and nobody else in any spelling" {
	local a
	for a in kim@b.test kim@b.test. KIM@B.TEST 'kim%b.test@a.test' \
	    '@a.test:kim@b.test' 'b.test!kim@a.test' '"kim@b.test"@a.test' \
	    'kim@[192.0.2.1]' kim@localhost.b.test bob@a.test; do
		[[ $(last 'EHLO me' 'MAIL FROM:<bob@a.test>' \
		    "RCPT TO:<$a>") = '530 '* ]]
		# On the other port a login is nothing.
		[ "$a" = bob@a.test ] ||
			[[ $(printf '%s\n' 'EHLO me' "$(plain bob)" \
			    'MAIL FROM:<bob@a.test>' "RCPT TO:<$a>" |
			    smtpd a | tail -n 1) = 5[05][0-9]* ]]
	done
	[[ $(last 'EHLO me' "$(plain bob wrong)" 'MAIL FROM:<bob@a.test>' \
	    'RCPT TO:<kim@b.test>') = '530 '* ]]
	for a in kim@b.test @c.test:kim@b.test 'kim@[192.0.2.1]' bob@a.test; do
		gets 250 bob 'MAIL FROM:<bob@a.test>' "RCPT TO:<$a>"
	done
	gets 550 bob 'MAIL FROM:<bob@a.test>' 'RCPT TO:<nosuch@a.test>'
}

@test "the sender is the login, in all its forms" {
	local a
	printf '%s\n' 'sales: bob' 'both: bob, kim' 'out: kim@b.test' \
	    'step: sales' 'alice: kim' >> "$D/aliases"
	for a in bob@a.test BOB@A.TEST bob@localhost bob+shop@a.test bob \
	    sales@a.test step@a.test '' '"bob"@a.test'; do
		gets 250 bob "MAIL FROM:<$a>"
	done
	for a in alice@a.test bob@b.test both@a.test out@a.test nosuch@a.test \
	    bobby@a.test bob@a.test.b.test '"bob@a.test"@b.test' \
	    'bob%a.test@b.test' kim+bob@a.test; do
		gets '553 5.7.1 ' bob "MAIL FROM:<$a>"
	done
	# Her mail goes elsewhere; she is who she is.
	gets 250 alice 'MAIL FROM:<alice@a.test>'
	grep -q 'NOQUEUE: reject: MAIL from .*192.0.2.7.: 553 5.7.1 <alice@a.test>: Sender address rejected: not owned by user bob; from=<alice@a.test> proto=ESMTPA helo=<me>' "$D/log"
}

@test "senders: what the table allows more" {
	local a
	cat > "$D/senders" <<-END
		# for the office
		bob: office@b.test, sales,
		 @shop.test, # and more
		 @büro.test
		alice: *
		*: all@a.test
		Bob: second@a.test
	END
	for a in office@b.test OFFICE@B.test sales@a.test sales@localhost \
	    any@shop.test any@xn--bro-hoa.test bob@a.test; do
		gets 250 bob "MAIL FROM:<$a>"
	done
	for a in sales@b.test any@sub.shop.test shop.test@a.test all@a.test \
	    second@a.test alice@a.test; do
		gets '553 5.7.1 ' bob "MAIL FROM:<$a>"
	done
	gets 250 alice 'MAIL FROM:<anybody@anywhere.test>'
	gets 250 kim 'MAIL FROM:<all@a.test>'
	gets 553 kim 'MAIL FROM:<office@b.test>'
	rm "$D/senders"
	mkdir "$D/senders"
	gets '451 4.3.0 ' bob 'MAIL FROM:<bob@a.test>'
}

@test "From and Sender are the login's, too" {
	local h
	echo 'kim: *' > "$D/senders"
	while read -r want h; do
		mapfile -td '|' lines <<< "$h|"
		gets "$want" bob "$(letter bob@a.test "${lines[@]%$'\n'}" '' x)"
	done <<-'END'
		250 From: bob@a.test
		250 from : Bob Test <Bob@A.test>
		250 From: bob@a.test, bob+x@a.test
		250 From: bob@a.test|Sender: <bob@localhost>
		250 From:| (me) "A, B"| <bob@a.test>
		250 From: bob
		250 Subject: none
		250 From: jo@b.test|Resent-From: bob@a.test
		250 From: jo@b.test|Resent-From: bob@a.test|Resent-From: jo@b.test|Sender: jo@b.test
		553 From: jo@b.test
		553 From: bob@a.test, jo@b.test
		553 From: bob@a.test|From: jo@b.test
		553 Sender: jo@b.test|From: bob@a.test
		553 From: bob@a.test|Resent-From: jo@b.test
		553 From: "bob@a.test" <jo@b.test>
		553 From: friends: bob@a.test, jo@b.test;
		550 From:
		550 From: <
		550 From: undisclosed:;
	END
	gets 250 kim "$(letter jo@c.test 'From: jo@b.test')"
	# The null sender hides nobody.
	gets '553 5.7.1 ' bob "$(letter '' 'From: alice@a.test')"
	gets 250 bob "$(letter '' 'From: bob@a.test')"
	# So many that it would take all day.
	gets 550 bob "$(letter bob@a.test "From: $(printf 'bob@a.test,%.0s' \
	    {1..50}) bob@a.test")"
}

@test "what is behind the header's end is no header" {
	local h
	for h in 'no field' ':x' $'F\xc3\xb6: x' "$(printf 'x%.0s' {1..600})"; do
		gets 250 bob "$(letter bob@a.test 'Subject: x' "$h" \
		    'From: jo@b.test')"
		python3 - "$D"/spool/new/* <<-'END'
			import email, sys
			t = open(sys.argv[1], "rb").read().split(b"\n\n", 1)[1]
			m = email.message_from_bytes(t)
			assert m.get_all("From") == ["bob@a.test"], m.items()
			assert "From: jo@b.test" in m.get_payload()
		END
		rm "$D"/spool/new/*
	done
}

@test "Date, From and Message-ID are added where they are missing" {
	local id
	gets 250 bob "$(letter bob+x@a.test 'Subject: x' '' text)"
	id=$(basename "$D"/spool/new/*)
	stored > "$T/got"
	grep -qx 'From: bob+x@a.test' "$T/got"
	grep -qx "Message-ID: <$id@a.test>" "$T/got"
	grep -q '^Date: [A-Z][a-z][a-z], .* [+-][0-9]\{4\}$' "$T/got"
	[ "$(tail -n 2 "$T/got")" = $'\ntext' ]
	grep -q "$id: message-id=<$id@a.test>" "$D/log"
	rm "$D"/spool/new/*
	gets 250 bob "$(letter '' 'date: x' 'MESSAGE-ID: <1@x>')"
	stored > "$T/got"
	[ "$(grep -ciE '^(date|from|message-id):' "$T/got")" -eq 3 ]
	grep -qx 'From: bob@a.test' "$T/got"
	rm "$D"/spool/new/*
	# Nothing but text, and nothing at all.
	gets 250 bob "$(letter bob@a.test 'Dear all' 'x: y')"
	stored > "$T/got"
	[ "$(tail -n 3 "$T/got")" = $'\nDear all\nx: y' ]
	[ "$(grep -cE '^(Date|From|Message-ID):' "$T/got")" -eq 3 ]
	rm "$D"/spool/new/*
	gets 250 bob "$(letter bob@a.test)"
	[ "$(stored | grep -cE '^(Date|From|Message-ID):')" -eq 3 ]
	# Others' letters stay as they are.
	printf '%s\n' 'EHLO me' 'MAIL FROM:<jo@b.test>' 'RCPT TO:<bob@a.test>' \
	    DATA 'Subject: x' . | smtpd a > "$T/out"
	[ "$(grep -lE '^(From|Message-ID):' "$D"/spool/new/* | wc -l)" -eq 1 ]
}

@test "a header in any portions" {
	local text i n
	text=$(printf 'From: bob@a.test\r\nSubject: a\r\n b\r\n\r\nText\r\n_')
	text=${text%_}
	for n in 1 7 25 "${#text}"; do
		{
			printf 'EHLO me\r\n'
			printf '%s\r\n' "$(plain bob)" 'MAIL FROM:<bob@a.test>' \
			    'RCPT TO:<kim@b.test>'
			for ((i = 0; i < ${#text}; i += n)); do
				part=${text:i:n}
				printf 'BDAT %d\r\n%s' "${#part}" "$part"
			done
			printf 'BDAT 0 LAST\r\nQUIT\r\n'
		} | "$(prog smtpd)" -a -C "$C" | grep -q ': queued as'
		stored | sed '1,/^$/d; /^Received/,/;/d; /^Date:/d; /^Message-ID/d' \
		    > "$T/got-$n"
		rm "$D"/spool/new/*
		cmp "$T/got-1" "$T/got-$n"
	done
	[ "$(cat "$T/got-1")" = $'From: bob@a.test\nSubject: a\n b\n\nText' ]
}

@test "a header without end is refused, and costs no memory" {
	{
		printf '%s\n' 'EHLO me' "$(plain bob)" 'MAIL FROM:<bob@a.test>' \
		    'RCPT TO:<kim@b.test>' DATA
		yes 'X-Long: and so on' | head -c 20000000
		printf '\n%s\n' . NOOP
	} | sed 's/$/\r/' | python3 "$REPO/tests/peak.py" 16000 \
	    "$(prog smtpd)" -a \
	    -C "$C" > "$T/got" 2> "$T/peak"
	grep -q '^552 5.3.4 the header is too long' "$T/got"
	tail -n 1 "$T/got" | grep -q '^250'
	[ "$(queued a)" -eq 0 ]
}

@test "bare line ends are mended for those who logged in" {
	printf '%s\r\n' 'EHLO me' "$(plain bob)" 'MAIL FROM:<bob@a.test>' \
	    'RCPT TO:<kim@b.test>' DATA > "$T/in"
	printf 'Subject: x\nFrom: bob@a.test\n\na\rb\n.\nc\r\n.\r\n' >> "$T/in"
	"$(prog smtpd)" -a -C "$C" < "$T/in" | grep -q 'queued as'
	[ "$(stored | tail -n 3)" = $'ab\n.\nc' ]
	stored | grep -qx 'From: bob@a.test'
}

@test "the limit of recipients is one for all sessions of a login" {
	local i
	printf '%s\n' 'bob: limit=20' 'kim: limit=0' > "$D/senders"
	for i in {1..8}; do
		printf '%s\n' 'MAIL FROM:<bob@a.test>' \
		    'RCPT TO:<x'{1..5}'@b.test>' QUIT | as bob > "$T/got-$i" &
	done
	wait
	[ "$(cat "$T"/got-* | grep -c '^250 2.1.5')" -eq 20 ]
	[ "$(cat "$T"/got-* | grep -c '^450 4.7.1 no more than 20 rec')" -eq 20 ]
	grep -q 'reject: RCPT from .*: 450 4.7.1 .* to=<x5@b.test>' "$D/log"
	# Refused ones do not count, and others are others.
	gets 450 bob 'MAIL FROM:<bob@a.test>' 'RCPT TO:<x@b.test>'
	gets 250 kim 'MAIL FROM:<kim@a.test>' 'RCPT TO:<x@b.test>'
	gets 250 alice 'MAIL FROM:<alice@a.test>' 'RCPT TO:<x@b.test>'
	grep -qE '^[0-9]{11} 0000000020 bob {252}$' "$D/state/.sent"
	# An hour later.
	sed -i -E "s/^[0-9]{11}( [0-9]{10} bob)/$(printf %011d \
	    $((EPOCHSECONDS - 3600)))\1/" "$D/state/.sent"
	[ "$EUID" -ne 0 ] || chown facteurd:facteur "$D/state/.sent"
	gets 250 bob 'MAIL FROM:<bob@a.test>' 'RCPT TO:<x@b.test>'
	grep -q '0000000001 bob' "$D/state/.sent"
	[ "$(wc -l < "$D/state/.sent")" -eq 2 ]
}

@test "500 where nothing is said" {
	printf '%s\n' 'MAIL FROM:<bob@a.test>' 'RCPT TO:<x'{1..501}'@b.test>' |
	    as bob > "$T/got"
	[ "$(grep -c '^250 2.1.5' "$T/got")" -eq 500 ]
	grep -q '^450 4.7.1 no more than 500 ' "$T/got"
}

@test "an account that cannot be kept holds up no mail" {
	local how
	for how in "mkdir '$D/state/.sent'" "ln -s /etc/passwd '$D/state/.sent'" \
	    "mkfifo '$D/state/.sent'" "head -c 5000 /dev/urandom > '$D/state/.sent'"; do
		: > "$D/log"
		rm -rf "$D/state/.sent"
		eval "$how"
		echo "$how"
		gets 250 bob 'MAIL FROM:<bob@a.test>' 'RCPT TO:<x@b.test>' \
		    'RCPT TO:<y@b.test>'
		grep -q 'warning: .*/.sent: .*: recipients are not counted' \
		    "$D/log" || [[ $how = head* && $EUID -ne 0 ]]
	done
	# Damaged, but ours: what can be read of it counts.
	[ "$EUID" -ne 0 ] || chown facteurd:facteur "$D/state/.sent"
	gets 250 bob 'MAIL FROM:<bob@a.test>' 'RCPT TO:<x@b.test>'
	grep -qaE '000000000[13] bob ' "$D/state/.sent"
}

@test "Received and the log tell who it was, or hide where" {
	gets 250 bob "$(letter bob@a.test 'From: bob@a.test')"
	stored | grep -qx 'Received: from me (unknown \[192.0.2.7\])'
	stored | grep -qx '	with ESMTPA id .*'
	grep -qE ': client=unknown\[192.0.2.7\], sasl_method=PLAIN, sasl_username=bob$' "$D/log"
	grep -q 'disconnect from unknown.* auth=1 mail=1 .*commands=5$' "$D/log"
	rm "$D"/spool/new/*
	echo 'hide_client yes' >> "$C"
	gets 250 bob "$(letter bob@a.test 'From: bob@a.test')"
	stored | sed '1,/^$/d' > "$T/got"
	! grep -E '192.0.2.7|unknown| me ' "$T/got" || return 1
	[ "$(head -n 1 "$T/got")" = 'Received: by a.test (facteur)' ]
	grep -qx '	with ESMTPA id .*' "$T/got"
	[ "$(grep -c 'client=unknown.192.0.2.7.' "$D/log")" -eq 2 ]
	# Strangers are not hidden.
	printf '%s\n' 'EHLO me' 'MAIL FROM:<>' 'RCPT TO:<bob@a.test>' DATA . |
	    smtpd a > "$T/out"
	grep -q 'from me (unknown .192.0.2.7.)' "$D"/spool/new/*
}

@test "AUTH= of MAIL is read and not believed" {
	gets 250 bob 'MAIL FROM:<bob@a.test> AUTH=<>'
	gets 250 bob 'MAIL FROM:<bob@a.test> AUTH=root+2Bx@b.test SIZE=10'
	gets '501 5.5.4 ' bob 'MAIL FROM:<bob@a.test> AUTH=a+0Ab@c.test'
	gets '501 5.5.4 ' bob 'MAIL FROM:<bob@a.test> AUTH='
	gets 553 bob 'MAIL FROM:<alice@a.test> AUTH=alice@a.test'
}
