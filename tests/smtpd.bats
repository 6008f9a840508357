# smtpd - the commands: states, syntax, parameters, errors, the log.

load lib

setup()
{
	test_begin
	instance a a.test
}

teardown()
{
	test_end
}

# The codes of all replies to the dialogue of stdin, the greeting's first.
codes()
{
	smtpd a | sed -n 's/^\([0-9]\{3\}\)\( .*\)\{0,1\}$/\1/p' | xargs
}

# codes_are CODE...: does the dialogue of stdin get these, behind 220 and EHLO's?
codes_are()
{
	local got
	got=$( (echo 'EHLO me'; cat) | codes)
	echo "want: 220 250 $*"
	echo "got:  $got"
	[ "$got" = "220 250 $*" ]
}

# reply_to LINE...: the replies to the last line of these.
reply_to()
{
	printf '%s\n' 'EHLO me' "$@" | smtpd a | tail -n 1
}

@test "the greeting names the host" {
	[ "$(smtpd a < /dev/null)" = "220 a.test ESMTP facteur" ]
}

@test "EHLO offers what the manual says" {
	run smtpd a <<-END
		EHLO me
	END
	[ "${lines[1]}" = 250-a.test ]
	local k
	for k in PIPELINING 'SIZE 52428800' 8BITMIME ENHANCEDSTATUSCODES \
	    CHUNKING SMTPUTF8 DSN 'LIMITS RCPTMAX=1000'; do
		grep -qx "250-$k" <<< "$output"
	done
	[ "${lines[-1]}" = '250 HELP' ]
}

@test "HELO gets one line" {
	run smtpd a <<-END
		HELO me
	END
	[ "${#lines[@]}" -eq 2 ]
	[ "${lines[1]}" = '250 a.test' ]
}

@test "commands in any case, with blanks behind" {
	codes_are 250 250 250 250 221 <<-END
		mail from:<a@b.test> size=10
		Rcpt To:<bob@a.test>
		rset $(printf '\t')
		noOP
		QUIT  
	END
}

@test "every command in every state" {
	local state cmd want got prep
	while read -r state cmd want; do
		case $state in
		start) prep='NOOP' ;;
		hello) prep='EHLO me' ;;
		mail) prep='EHLO me|MAIL FROM:<>' ;;
		rcpt) prep='EHLO me|MAIL FROM:<>|RCPT TO:<bob@a.test>' ;;
		chunk) prep='EHLO me|MAIL FROM:<>|RCPT TO:<bob@a.test>|BDAT 0' ;;
		esac
		case $cmd in
		MAIL) cmd='MAIL FROM:<>' ;;
		RCPT) cmd='RCPT TO:<bob@a.test>' ;;
		BDAT) cmd='BDAT 0' ;;
		VRFY) cmd='VRFY bob' ;;
		?HLO | HELO) cmd+=' me' ;;
		esac
		got=$(printf '%s\n' "$prep" "$cmd" | tr '|' '\n' | codes)
		[ "${got##* }" = "$want" ] || {
			echo "$cmd when $state: $got, not $want"
			return 1
		}
	done <<-END
		start EHLO 250
		start HELO 250
		start MAIL 503
		start RCPT 503
		start DATA 503
		start BDAT 503
		start RSET 250
		start NOOP 250
		start VRFY 252
		start EXPN 502
		start HELP 214
		start QUIT 221
		hello EHLO 250
		hello HELO 250
		hello MAIL 250
		hello RCPT 503
		hello DATA 503
		hello BDAT 503
		hello RSET 250
		hello NOOP 250
		hello VRFY 252
		hello QUIT 221
		mail EHLO 250
		mail HELO 250
		mail MAIL 503
		mail RCPT 250
		mail DATA 503
		mail BDAT 503
		mail RSET 250
		mail NOOP 250
		mail QUIT 221
		rcpt EHLO 250
		rcpt MAIL 503
		rcpt RCPT 250
		rcpt DATA 354
		rcpt BDAT 250
		rcpt RSET 250
		rcpt VRFY 252
		rcpt QUIT 221
		chunk EHLO 250
		chunk MAIL 503
		chunk RCPT 503
		chunk DATA 503
		chunk BDAT 250
		chunk RSET 250
		chunk NOOP 250
		chunk HELP 214
		chunk QUIT 221
	END
}

@test "EHLO and RSET forget the message at hand" {
	codes_are 250 250 250 503 250 250 250 503 <<-END
		MAIL FROM:<>
		RCPT TO:<bob@a.test>
		RSET
		DATA
		MAIL FROM:<>
		RCPT TO:<bob@a.test>
		EHLO again
		DATA
	END
}

@test "no recipient stays behind from a message that was forgotten" {
	local how
	for how in RSET 'EHLO again' 'HELO again'; do
		codes_are 250 250 250 250 250 354 250 <<-END
			MAIL FROM:<jo@b.test> ENVID=x
			RCPT TO:<kim@a.test>
			$how
			MAIL FROM:<>
			RCPT TO:<bob@a.test>
			DATA
			.
		END
		grep -qx 'rcpt - - bob@a.test' "$T"/a/spool/new/*
		[ "$(grep -cE '^(rcpt|envid)' "$T"/a/spool/new/*)" -eq 1 ]
		rm "$T"/a/spool/new/*
	done
}

@test "unknown commands and empty lines" {
	codes_are 500 500 500 500 500 250 <<-END
		FOO
		
		GET / HTTP/1.1
		MAILFROM:<a@b.test>
		 NOOP
		NOOP
	END
}

@test "DATA, RSET and QUIT take no argument" {
	codes_are 250 250 501 501 501 250 <<-END
		MAIL FROM:<>
		RCPT TO:<bob@a.test>
		DATA now
		RSET all
		QUIT please
		NOOP whatever is said
	END
}

@test "hello needs one name, and nothing that could pass for more" {
	local h
	for h in '' 'a b' 'a(b)' 'a;b' 'a<b>' 'a"b' "$(printf 'a%.0s' {1..256})" \
	    $'\303\251.test'; do
		[ "$(echo "EHLO $h" | codes)" = '220 501' ]
		[ "$(echo "HELO $h" | codes)" = '220 501' ]
	done
	for h in a.test '[127.0.0.1]' '[IPv6:::1]' 127.0.0.1 A_PC localhost a.; do
		[ "$(echo "EHLO $h" | codes)" = '220 250' ]
	done
}

@test "MAIL and RCPT: paths that are none" {
	local p
	for p in 'a@b.test' '<a@b.test' '<a@@b.test>' '<a b@c.test>' '<a@b test>' \
	    '<a@>' '<@b.test>' '<a@b.test>x' '<a@b..test>' '<a@-b.test>' '' \
	    '<a@[1.2.3]>' '<"a@b.test>' '<a@b.test> <c@d.test>' \
	    "<$(printf 'a%.0s' {1..300})@b.test>" \
	    "<a@$(printf 'b%.0s' {1..300}).test>"; do
		r=$(reply_to "MAIL FROM:$p")
		[[ "$r" = 501\ 5.* ]] || { echo "MAIL $p: $r"; return 1; }
		r=$(reply_to "MAIL FROM:<>" "RCPT TO:$p")
		[[ "$r" = 501\ 5.* ]] || {
			echo "RCPT $p: $r"
			return 1
		}
	done
	[[ $(reply_to "MAIL <a@b.test>") = 501\ * ]]
	[[ $(reply_to "MAIL TO:<a@b.test>") = 501\ * ]]
	[[ $(reply_to "MAIL FROM") = 501\ * ]]
	[[ $(reply_to "MAIL") = 501\ * ]]
	[[ $(reply_to "MAIL FROM:<>" "RCPT TO:<>") = 501\ * ]]
}

@test "a blank behind the colon is tolerated, a source route dropped" {
	codes_are 250 250 354 250 <<-END
		MAIL FROM: <@x.test,@y.test:jo@c.test>
		RCPT TO: <@a.test:bob@a.test>
		DATA
		.
	END
	grep -qx 'sender jo@c.test' "$T"/a/spool/new/*
	grep -qx 'rcpt - - bob@a.test' "$T"/a/spool/new/*
}

@test "MAIL parameters" {
	local p
	for p in SIZE=0 SIZE=1000 BODY=7BIT body=8bitmime SMTPUTF8 RET=FULL \
	    ret=hdrs ENVID=abc+2B "SIZE=1 BODY=7BIT SMTPUTF8 RET=HDRS ENVID=x"; do
		r=$(reply_to "MAIL FROM:<> $p")
		[[ "$r" = 250\ 2.1.0\ * ]] || { echo "$p: $r"; return 1; }
	done
	for p in SIZE SIZE= SIZE=-1 SIZE=1x SIZE=0x10 SIZE=111111111111111111111 \
	    BODY BODY=BINARYMIME SMTPUTF8=1 RET=ALL RET ENVID= ENVID=a+2b \
	    ENVID=a=b ENVID=a+0A ENVID=+ "ENVID=$(printf 'x%.0s' {1..101})" \
	    'SIZE=1 SIZE=1' 'RET=FULL RET=FULL' 'ENVID=a ENVID=b' \
	    'BODY=7BIT BODY=8BITMIME' = =x SIZE:1 -A '<x>'; do
		r=$(reply_to "MAIL FROM:<> $p")
		[[ "$r" = 501\ 5.5.4\ * ]] || { echo "$p: $r"; return 1; }
	done
	for p in 'AUTH=<>' NOTIFY=NEVER X x=y HOLDFOR=5; do
		r=$(reply_to "MAIL FROM:<> $p")
		[[ "$r" = 555\ 5.5.4\ * ]] || { echo "$p: $r"; return 1; }
	done
	[[ $(reply_to 'MAIL FROM:<>SIZE=1') = 501\ * ]]
}

@test "SIZE that no number holds is too big, not small" {
	for n in 52428801 18446744073709551615 18446744073709551617 \
	    99999999999999999999; do
		r=$(reply_to "MAIL FROM:<> SIZE=$n")
		[[ "$r" = 552\ 5.3.4\ * ]] || { echo "$n: $r"; return 1; }
	done
	[[ $(reply_to "MAIL FROM:<> SIZE=52428800") = 250\ * ]]
}

@test "RCPT parameters" {
	local p
	for p in NOTIFY=NEVER notify=success,failure,delay NOTIFY=DELAY \
	    'ORCPT=rfc822;Bob+2Bx@a.test' 'ORCPT=utf-8;bob' \
	    "NOTIFY=FAILURE ORCPT=rfc822;bob@a.test"; do
		r=$(reply_to "MAIL FROM:<>" "RCPT TO:<bob@a.test> $p")
		[[ "$r" = 250\ 2.1.5\ * ]] || { echo "$p: $r"; return 1; }
	done
	for p in NOTIFY NOTIFY= NOTIFY=NEVER,DELAY NOTIFY=ALL 'NOTIFY=DELAY,' \
	    NOTIFY=,DELAY ORCPT ORCPT=bob 'ORCPT=;bob' 'ORCPT=rfc822;' \
	    'ORCPT=rfc822;a+0Ab' 'NOTIFY=DELAY NOTIFY=DELAY' \
	    "ORCPT=rfc822;$(printf 'x%.0s' {1..500})"; do
		r=$(reply_to "MAIL FROM:<>" "RCPT TO:<bob@a.test> $p")
		[[ "$r" = 501\ 5.5.4\ * ]] || { echo "$p: $r"; return 1; }
	done
	for p in SIZE=1 X=1 RRVS=2014-04-03T23:01:00Z; do
		r=$(reply_to "MAIL FROM:<>" "RCPT TO:<bob@a.test> $p")
		[[ "$r" = 555\ 5.5.4\ * ]] || { echo "$p: $r"; return 1; }
	done
}

@test "what DSN asks for goes into the envelope" {
	codes_are 250 250 250 354 250 <<-END
		MAIL FROM:<jo@b.test> RET=HDRS ENVID=QQ+2B1 BODY=8BITMIME
		RCPT TO:<bob@a.test> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;Bob@x.test
		RCPT TO:<kim@a.test> NOTIFY=NEVER
		DATA
		.
	END
	f=$(echo "$T"/a/spool/new/*)
	grep -qx 'envid QQ+2B1' "$f"
	grep -qx 'ret hdrs' "$f"
	grep -qx '8bit' "$f"
	grep -qx 'rcpt sd rfc822;Bob@x.test bob@a.test' "$f"
	grep -qx 'rcpt n - kim@a.test' "$f"
}

@test "addresses in UTF-8 need SMTPUTF8 and must be UTF-8" {
	codes_are 553 250 250 250 250 553 250 501 <<-END
		MAIL FROM:<$(printf 'j\303\263')@b.test>
		MAIL FROM:<$(printf 'j\303\263')@b.test> SMTPUTF8
		RCPT TO:<bob@a.test>
		RSET
		MAIL FROM:<>
		RCPT TO:<$(printf 'j\303\263')@b.test>
		RSET
		MAIL FROM:<$(printf 'j\303')@b.test> SMTPUTF8
	END
}

@test "a sender without domain gets ours, when a program here says it" {
	codes_are 250 250 354 250 <<-END
		MAIL FROM:<bob>
		RCPT TO:<alice>
		DATA
		.
	END
	grep -qx 'sender bob@a.test' "$T"/a/spool/new/*
}

@test "a line of any length gets 500 and no memory" {
	python3 - "$(prog smtpd)" "$C" <<-'END'
		import re, subprocess, sys
		p = subprocess.Popen([sys.argv[1], "-C", sys.argv[2]],
		    stdin=subprocess.PIPE, stdout=subprocess.PIPE)
		p.stdin.write(b"EHLO me\r\nNOOP " + b"x" * 2043 + b"\r\n")
		p.stdin.write(b"NOOP " + b"x" * 2044 + b"\r\n")
		for i in range(64):
		    p.stdin.write(b"y" * (1 << 20))
		p.stdin.write(b"\r\nMAIL FROM:<" + b"a" * 100000 + b">\r\nNOOP\r\n")
		p.stdin.flush()
		want = [b"220", b"250", b"250", b"500", b"500", b"500", b"250"]
		got = []
		while len(got) < len(want):
		    line = p.stdout.readline()
		    if line[3:4] == b" ":
		        got.append(line[:3])
		print(got)
		assert got == want
		status = open("/proc/%d/status" % p.pid).read()
		peak = int(re.search(r"VmHWM:\s*(\d+)", status).group(1))
		print(peak)
		assert "asan" in sys.argv[1] or peak < 4000
	END
}

@test "NUL and control characters in a command get 500 and cut nothing" {
	run bash -c "printf 'EHLO me\r\nMAIL FROM:<>\r\nRCPT TO:<bob@a.test\0x>\r\nRCPT TO:<bob@a.test>\0\r\nRCPT TO:<b\1ob@a.test>\r\nNOOP a\nNOOP b\r\nRCPT TO:<bob@a.test>\rDATA\r\nMAIL\0\r\nDATA\r\n' | '$(prog smtpd)' -C '$C' | grep -oE '^[0-9]+ ' | xargs"
	echo "$output"
	[ "$output" = '220 250 250 500 500 500 500 500 500 503' ]
}

@test "a bare LF does not end a command" {
	run bash -c "printf 'EHLO me\r\nNOOP\nNOOP\nQUIT\n\r\nNOOP\r\n' | '$(prog smtpd)' -C '$C' | grep -oE '^[0-9]+ ' | xargs"
	[ "$output" = '220 250 500 250' ]
}

@test "a program here may end lines with LF to the end" {
	run bash -c "printf 'EHLO me\nMAIL FROM:<>\nRCPT TO:<bob@a.test>\nDATA\nhi\n..\n.\nQUIT\n' | '$(prog smtpd)' -C '$C' | grep -oE '^[0-9]+ ' | xargs"
	[ "$output" = '220 250 250 250 354 250 221' ]
	[ "$(tail -n 2 "$T"/a/spool/new/*)" = $'hi\n.' ]
}

@test "after error_limit errors there is 421" {
	echo 'error_limit 3' >> "$C"
	codes_are 500 250 503 500 421 <<-END
		FOO
		NOOP
		DATA
		BAR
		NOOP
		NOOP
	END
	grep -q 'too many errors after UNKNOWN from local\[local\]' "$T/a/log"
}

@test "an accepted message forgives errors" {
	echo 'error_limit 3' >> "$C"
	codes_are 500 500 250 250 354 250 500 500 250 <<-END
		FOO
		FOO
		MAIL FROM:<>
		RCPT TO:<bob@a.test>
		DATA
		.
		FOO
		FOO
		NOOP
	END
}

@test "the log of a session" {
	TCPREMOTEIP=192.0.2.7 codes_are 250 250 550 354 250 500 221 <<-END
		MAIL FROM:<jo@b.test>
		RCPT TO:<bob@a.test>
		RCPT TO:<nobody@a.test>
		DATA
		Message-ID: <42@b.test>

		hi
		.
		FOO
		QUIT
	END
	id=$(basename "$T"/a/spool/new/*)
	l() { grep -qE "facteur/smtpd\[[0-9]+\]: $1\$" "$T/a/log"; }
	l 'connect from unknown\[192.0.2.7\]'
	l "$id: client=unknown\[192.0.2.7\]"
	l "$id: message-id=<42@b.test>"
	l 'NOQUEUE: reject: RCPT from unknown\[192.0.2.7\]: 550 5.1.1 <nobody@a.test>: Recipient address rejected: User unknown; from=<jo@b.test> to=<nobody@a.test> proto=ESMTP helo=<me>'
	l 'disconnect from unknown\[192.0.2.7\] ehlo=1 mail=1 rcpt=1/2 data=1 quit=1 unknown=0/1 commands=5/7'
}

@test "a lost connection is logged with the last command" {
	codes_are 250 <<-END
		MAIL FROM:<>
	END
	grep -q 'lost connection after MAIL from local\[local\]$' "$T/a/log"
}

@test "VRFY and EXPN tell nothing" {
	codes_are 252 252 501 502 <<-END
		VRFY bob
		VRFY nobody
		VRFY
		EXPN postmaster
	END
}

@test "pipelined commands cost one write of replies" {
	need strace
	printf '%s\r\n' 'EHLO me' > "$T/in"
	for _ in {1..50}; do
		printf '%s\r\n' 'MAIL FROM:<>' 'RCPT TO:<bob@a.test>' RSET
	done >> "$T/in"
	strace -o "$T/trace" -e trace=write "$(prog smtpd)" -C "$C" \
	    < "$T/in" > "$T/out"
	[ "$(wc -l < "$T/out")" -eq 161 ]
	[ "$(grep -c '^write(1,' "$T/trace")" -le 2 ]
}

@test "a client that does not read is sent away in its time, on a socket as inetd has" {
	echo 'idle_timeout 1s' >> "$C"
	timeout 60 python3 - "$(prog smtpd)" "$C" <<-'END'
		import socket, subprocess, sys
		a, b = socket.socketpair()
		p = subprocess.Popen([sys.argv[1], "-C", sys.argv[2]], stdin=b,
				     stdout=b, stderr=b)
		b.close()
		a.settimeout(20)
		try:
		    a.sendall(b"NOOP\r\n" * 200000)
		except BrokenPipeError:
		    pass
		assert p.wait(20) == 0
	END
	grep -q 'lost connection after NOOP' "$D/log"
}

@test "a broken configuration is 421, and nothing is told" {
	echo 'nonsense yes' >> "$C"
	run smtpd a <<< 'EHLO me'
	[ "$output" = '421 4.3.0 cannot go on, try later' ]
	run "$(prog smtpd)" -C "$C" < /dev/null
	[ "$status" -eq 78 ]
	run smtpd missing <<< 'EHLO me'
	[[ "$output" = 421* ]]
}

@test "options" {
	run "$(prog smtpd)" -V
	[ "$status" -eq 0 ]
	[[ "$output" = facteur\ * ]]
	run "$(prog smtpd)" --help
	[ "$status" -eq 64 ]
}

@test "a person at a terminal has all the time" {
	echo 'idle_timeout 1' >> "$C"
	TERM=vt100 timeout 30 script -qec "$(prog smtpd) -C $C" "$T/seen" < <(
		sleep 2 # which is longer
		printf 'NOOP\nQUIT\n'
	) || :
	grep '^250 2.0.0' "$T/seen"
	! grep '^421' "$T/seen" || false
}
