# smtpd - who may mail whom: relaying, recipients, limits, and who the peer is.

load lib

setup()
{
	test_begin
	instance a a.test
	export TCPREMOTEIP=192.0.2.7 # a client from outside
}

teardown()
{
	test_end
}

# rcpt ADDRESS [PARAMETER]: the reply to RCPT TO:ADDRESS.
rcpt()
{
	printf 'EHLO me\nMAIL FROM:<%s>%s\nRCPT TO:%s\n' "${FROM-jo@b.test}" \
	    "${2+ $2}" "$1" | smtpd a | tail -n 1
}

# gets REPLY ADDRESS [PARAMETER]: does RCPT get a reply that begins so?
gets()
{
	local got
	got=$(rcpt "${@:2}")
	[[ "$got" = "$1 "* ]] || {
		echo "$2: $got, not $1"
		return 1
	}
}

# replies ADDRESS...: what RCPT gets for each in one session, in $T/replies.
replies()
{
	grep -q ^error_limit "$C" || echo 'error_limit 1000' >> "$C"
	{
		printf 'EHLO me\nMAIL FROM:<%s>\n' "$FROM"
		printf 'RCPT TO:%s\n' "$@"
	} | smtpd a | sed '1,/^250 2.1.0/d' > "$T/replies"
	cat "$T/replies"
}

@test "no spelling relays for a client from outside" {
	local a FROM
	mapfile -t a <<-'END'
		<kim@b.test>
		<KIM@B.TEST>
		<kim@b.test.>
		<kim%b.test@a.test>
		<kim%b.test%a.test@a.test>
		<kim%b.test>
		<kim%b.test@localhost>
		<kim%b.test@[127.0.0.1]>
		<kim%b.test@127.0.0.1>
		<kim@b.test@a.test>
		<kim@b.test@localhost>
		<"kim@b.test"@a.test>
		<"kim@b.test">
		<"kim%b.test"@a.test>
		<"kim\@b.test"@a.test>
		<kim\@b.test@a.test>
		<@a.test:kim@b.test>
		<@a.test,@a.test:kim@b.test>
		<@localhost:kim@b.test>
		<@a.test:@b.test:kim@b.test>
		<@b.test:mallory@a.test>
		<b.test!kim>
		<b.test!kim@a.test>
		<a.test!b.test!kim>
		<a.test!b.test!kim@a.test>
		<"b.test!kim"@a.test>
		<@a.test:b.test!kim@a.test>
		<kim%b.test!x@a.test>
		<kim@[192.0.2.9]>
		<kim@192.0.2.9>
		<kim@[IPv6:2001:db8::9]>
		<kim@#3221225993>
		<kim@3221225993>
		<kim@[3221225993]>
		<kim@xa.test>
		<kim@a.test.b.test>
		<kim@a.test:25>
		<kim@.a.test>
		<kim@a..test>
		<kim@ a.test>
		<kim @b.test>
		< kim@b.test>
		<kim@b.test >
		kim@b.test
		<kim@b.test
		kim@b.test>
		<<kim@b.test>>
		<kim@b.test,bob@a.test>
		<bob@a.test,kim@b.test>
		<bob@a.test> <kim@b.test>
		<"kim"@b.test>
		<"k\im"@b.test>
		<"kim" @b.test>
		<kim(x)@b.test>
		<(x)kim@b.test>
		<kim@b.test(a.test)>
		<kim@(a.test)b.test>
		<kim+x@b.test>
		<|kim@b.test>
		<|/bin/sh@a.test>
		</etc/passwd@a.test>
		<:include:/etc/passwd@a.test>
		<":include:/etc/passwd"@a.test>
		<"|cat"@a.test>
		<\kim@b.test>
		<kim;b.test@a.test>
		<kim=b.test@a.test>
		<kim,b.test@a.test>
		<kim@localhost.b.test>
		<kim@xn--a.test>
	END
	[ "${#a[@]}" -ge 60 ]
	for FROM in jo@b.test '' bob@a.test; do
		replies "${a[@]}"
		[ "$(grep -c '^5[05]' "$T/replies")" -eq "${#a[@]}" ]
		[ "$(wc -l < "$T/replies")" -eq "${#a[@]}" ]
	done
	FROM=jo@b.test gets '554 5.7.1' '<kim@b.test>'
	grep -q 'NOQUEUE: reject: RCPT from unknown\[192.0.2.7\]: 554 5.7.1 <kim@b.test>: Relay access denied; from=<jo@b.test> to=<kim@b.test> proto=ESMTP helo=<me>$' "$T/a/log"
	[ -z "$(ls "$T/a/spool/new")" ]
}

@test "our own addresses work from outside, in every spelling" {
	local FROM
	for FROM in jo@b.test '' bob@a.test; do
		replies '<bob@a.test>' '<BOB@A.TEST>' '<bob@a.test.>' '<bob>' \
		    '<bob@localhost>' '<"bob"@a.test>' '<@b.test:bob@a.test>' \
		    '<@b.test,@c.test:bob@a.test>' '<bob+x@a.test>' \
		    '<postmaster>' '<PostMaster>' '<postmaster@a.test>' \
		    '<Postmaster@A.Test>'
		[ "$(grep -c '^250 2.1.5' "$T/replies")" -eq 13 ]
	done
}

@test "relay_from: networks of both kinds, and nobody beside them" {
	echo 'relay_from 198.51.100.0/25 2001:db8:1::/48' >> "$C"
	local ip want
	while read -r ip want; do
		TCPREMOTEIP=$ip gets "$want" '<kim@b.test>'
	done <<-END
		198.51.100.1 250
		198.51.100.127 250
		198.51.100.128 554
		::ffff:198.51.100.1 250
		::ffff:198.51.101.1 554
		2001:db8:1:ffff::1 250
		2001:db8:2::1 554
		127.0.0.1 554
		garbage 554
	END
	TCPREMOTEIP='' gets 554 '<kim@b.test>'
}

@test "the peer: RELAYCLIENT, REMOTE_ADDR, REMOTE_HOST, SOCAT_PEERADDR, local" {
	RELAYCLIENT='' gets 250 '<kim@b.test>'
	unset TCPREMOTEIP
	RELAYCLIENT='' REMOTE_ADDR=192.0.2.7 gets 554 '<kim@b.test>'
	REMOTE_ADDR=::ffff:192.0.2.8 gets 554 '<kim@b.test>'
	REMOTE_HOST=192.0.2.9 gets 554 '<kim@b.test>'
	REMOTE_HOST=some.where gets 554 '<kim@b.test>'
	SOCAT_PEERADDR='[2001:0db8:0000:0000:0000:0000:0000:0001]' \
	    gets 554 '<kim@b.test>'
	SOCAT_PEERADDR=127.0.0.1 gets 250 '<kim@b.test>'
	gets 250 '<kim@b.test>'
	local h
	for h in unknown.192.0.2.8 unknown.192.0.2.9 unknown.unknown \
	    unknown.2001:db8::1 unknown.127.0.0.1 local.local; do
		grep -q " connect from $h.\$" "$T/a/log"
	done
}

@test "TCPREMOTEHOST is shown when it is a name" {
	TCPREMOTEHOST=mx.b.test gets 250 '<bob@a.test>'
	grep -q ' connect from mx.b.test\[192.0.2.7\]$' "$T/a/log"
	TCPREMOTEHOST='evil] x[' gets 250 '<bob@a.test>'
	grep -q ' connect from unknown\[192.0.2.7\]$' "$T/a/log"
}

@test "unknown users are 550 5.1.1, aliases are followed to the end" {
	cat >> "$T/a/aliases" <<-END
		list: bob, nobody
		dead: nobody, gone
		deep: one
		one: two
		two: kim@b.test
		loop: pool
		pool: loop
		inc: :include:$T/a/inc
		noinc: :include:$T/a/noinc
		mixed: :include:$T/a/noinc, bob
		prog: "|/bin/true"
	END
	echo bob > "$T/a/inc"
	gets '550 5.1.1' '<nobody@a.test>'
	gets '550 5.1.1' '<bob.x@a.test>'
	gets '550 5.1.1' '<nobody+x@a.test>'
	gets '250' '<list@a.test>'
	gets '550 5.1.1' '<dead@a.test>'
	gets '250' '<deep@a.test>'
	gets '550 5.4.6' '<loop@a.test>'
	gets '250' '<inc@a.test>'
	gets '451 4.3.5' '<noinc@a.test>'
	gets '250' '<mixed@a.test>'
	gets '250' '<prog@a.test>'
}

@test "lists in any number of directories can be read" {
	local i
	for i in {1..80}; do
		mkdir "$T/a/$i"
		echo bob > "$T/a/$i/list"
		echo "l$i: :include:$T/a/$i/list" >> "$T/a/aliases"
	done
	gets 250 '<l1@a.test>'
	gets 250 '<l80@a.test>'
}

@test "a list may be a link to elsewhere" {
	mkdir "$T/lists" "$T/b"
	echo bob > "$T/lists/list"
	ln -s "$T/lists/list" "$T/b/list"
	echo "all: :include:$T/b/list" >> "$T/a/aliases"
	gets 250 '<all@a.test>'
}

@test "a list that cannot be looked at now holds up its own mail alone" {
	need strace
	strace -e inject=getpid:error=EIO true 2> /dev/null ||
	    skip 'strace cannot inject here'
	mkdir "$T/lists"
	echo bob > "$T/lists/list"
	echo "all: :include:$T/lists/list" >> "$T/a/aliases"
	printf '%s\r\n' 'EHLO me' 'MAIL FROM:<jo@b.test>' \
	    'RCPT TO:<all@a.test>' 'RCPT TO:<bob@a.test>' |
	    strace -f -o "$T/trace" -P "$T/lists" -P "$T/lists/" \
	    -e inject='?open,?openat,?stat,?newfstatat,?statx:error=ESTALE' \
	    "$(prog smtpd)" -C "$C" > "$T/out" || cat "$T/trace"
	grep INJECTED "$T/trace"
	grep '^451 4.3.5 <all@a.test>' "$T/out"
	grep '^250 2.1.5' "$T/out"
}

@test "a user database or table that cannot be asked is 451" {
	mv "$T/a/passwd" "$T/a/passwd.away"
	gets '451' '<bob@a.test>'
	gets '451' '<nobody@a.test>'
	gets '554' '<kim@b.test>'
	mv "$T/a/passwd.away" "$T/a/passwd"
	rm "$T/a/aliases"
	mkdir "$T/a/aliases"
	gets '451' '<bob@a.test>'
	gets '451' '<nobody@a.test>'
}

@test "tables, lists and configuration that are being written anew are waited for" {
	echo "all: :include:$T/a/list" >> "$T/a/aliases"
	printf 'bob\nnobody\n' > "$T/a/list"
	for f in aliases passwd facteur.conf list; do
		for n in -1 0 4; do
			# A list that is not there is 451 at once.
			[ "$f$n" = list-1 ] ||
				while_written "$T/a/$f" "$n" gets 250 '<all@a.test>'
		done
	done
	# What nobody writes to any more says what it says.
	: > "$T/a/aliases"
	gets 550 '<sales@a.test>'
}

@test "postmaster is taken without an alias, and when all it leads to is gone" {
	: > "$T/a/aliases"
	gets 250 '<postmaster>'
	echo 'postmaster: gone' > "$T/a/aliases"
	gets 250 '<postmaster@a.test>'
	gets 550 '<postmasters@a.test>'
}

@test "a mailbox over its limit: 452 or 552 5.2.2, SIZE counts" {
	echo 'mailbox_limit 1000' >> "$C"
	cat >> "$T/a/aliases" <<-END
		both: alice, bob
		out: bob, kim@b.test
	END
	head -c 900 /dev/zero > "$T/a/mail/bob"
	gets 250 '<bob@a.test>'
	gets 250 '<bob@a.test>' SIZE=100
	gets '452 4.2.2' '<bob@a.test>' SIZE=101
	gets 250 '<both@a.test>' SIZE=101
	gets 250 '<out@a.test>' SIZE=101
	head -c 1000 /dev/zero > "$T/a/mail/bob"
	gets '452 4.2.2' '<bob@a.test>'
	head -c 2000 /dev/zero > "$T/a/mail/alice"
	gets '452 4.2.2' '<both@a.test>'
	gets 250 '<kim@a.test>' SIZE=1000
	gets '552 5.2.2' '<kim@a.test>' SIZE=1001 # it will never fit
	gets '552 5.2.2' '<bob@a.test>' SIZE=52428800
	echo 'mailbox_full bounce' >> "$C"
	gets '552 5.2.2' '<bob@a.test>'
	gets '552 5.2.2' '<both@a.test>'
}

@test "recipient_limit: 452 4.5.3 behind it, and the message goes on" {
	echo 'recipient_limit 100' >> "$C"
	{
		printf '%s\n' 'EHLO me' 'MAIL FROM:<>'
		for _ in {1..150}; do
			echo 'RCPT TO:<bob@a.test>'
		done
		printf '%s\n' DATA . QUIT
	} | smtpd a > "$T/out"
	[ "$(grep -c '^250 2.1.5' "$T/out")" -eq 100 ]
	[ "$(grep -c '^452 4.5.3' "$T/out")" -eq 50 ]
	grep -q '^250 2.0.0 Ok: queued' "$T/out"
	grep -q '^250-LIMITS RCPTMAX=100$' "$T/out"
	[ "$(grep -c ^rcpt "$T"/a/spool/new/*)" -eq 100 ]
}

@test "a list of 10,000 is one RCPT, quickly" {
	{ echo 'big:'; seq -f ' user%.0f@b.test,' 9999; echo ' bob'; } \
	    >> "$T/a/aliases"
	SECONDS=0
	gets 250 '<big@a.test>'
	[ $SECONDS -le 20 ]
}

@test "out of memory is 421, and nothing is left in the spool" {
	case $BIN in *asan*) skip 'the sanitizer needs more' ;; esac
	{ echo 'big:'; seq -f ' user%.0f@b.test,' 50000; echo ' bob'; } \
	    >> "$T/a/aliases"
	ulimit -d 4000
	printf '%s\n' 'EHLO me' 'MAIL FROM:<>' 'RCPT TO:<bob@a.test>' \
	    'RCPT TO:<big@a.test>' DATA . | smtpd a > "$T/out"
	tail -n 2 "$T/out" | cut -c1-9 | xargs > "$T/got"
	[ "$(cat "$T/got")" = '250 2.1.5 421 4.3.0' ]
	grep -q 'fatal: out of memory' "$T/a/log"
	[ -z "$(ls "$T/a/spool/new")" ]
}

@test "aliases that change in a session count for the next message" {
	coproc "$(prog smtpd)" -C "$C"
	say() { printf '%s\r\n' "$1" >&"${COPROC[1]}"; }
	hear() {
		while read -r -t 60 line <&"${COPROC[0]}"; do
			[ "${line:3:1}" = - ] || break
		done
		[ "${line%% *}" = "$1" ]
	}
	hear 220
	say 'EHLO me'
	hear 250
	say 'MAIL FROM:<>'
	hear 250
	say 'RCPT TO:<newlist@a.test>'
	hear 550
	echo 'newlist: bob' >> "$T/a/aliases"
	say RSET
	hear 250
	say 'MAIL FROM:<>'
	hear 250
	say 'RCPT TO:<newlist@a.test>'
	hear 250
}

# --- over TCP ---

@test "inetd: swaks and python deliver, the peer is the socket's" {
	need inetd swaks
	unset TCPREMOTEIP
	inetd a "$NET.1"
	swaks --server "$NET.1:$SMTP_PORT" --from jo@b.test --to bob@a.test \
	    > "$T/swaks.out" 2>&1
	python3 - "$NET.1" "$SMTP_PORT" <<-'END'
		import smtplib, sys
		s = smtplib.SMTP(sys.argv[1], int(sys.argv[2]), timeout=20)
		r = s.sendmail("jo@b.test", ["bob@a.test", "nobody@a.test"],
		    b"Subject: x\r\n\r\n" + b".x\n" * 5000)
		assert list(r) == ["nobody@a.test"] and r["nobody@a.test"][0] == 550
		s.quit()
	END
	[ "$(find "$T/a/spool/new" -type f | wc -l)" -eq 2 ]
	grep -q 'client=unknown\[127\.[0-9.]*\]' "$T/a/log"
	[ "$(grep -c pipelining "$T/a/log")" -eq 0 ]
}

# early: connect and speak before smtpd is there, and print what comes back.
early()
{
	python3 - "$NET.1" "$(prog smtpd)" "$C" "$1" <<-'END'
		import socket, subprocess, sys
		l = socket.create_server((sys.argv[1], 0))
		s = socket.create_connection(l.getsockname(), 60)
		s.sendall(sys.argv[4].encode().decode("unicode_escape").encode())
		there, _ = l.accept()
		p = subprocess.Popen([sys.argv[2], "-C", sys.argv[3]],
		    stdin=there, stdout=there)
		there.close()
		try:
		    while b := s.recv(4096):
		        print(b.decode().replace("\r", ""), end="")
		except ConnectionResetError:
		    pass
		p.wait()
	END
}

@test "who talks before the greeting is noticed, and sent away if so wished" {
	need inetd
	unset TCPREMOTEIP
	echo 'greeting_delay 1' >> "$C"
	early 'EHLO me\r\nQUIT\r\n' > "$T/out"
	grep -q '^220 ' "$T/out"
	grep -q '^221 ' "$T/out"
	grep -q 'improper command pipelining after CONNECT from unknown\[127[0-9.]*\]: EHLO me' "$T/a/log"
	echo 'early_talk refuse' >> "$C"
	early 'EHLO me\r\nQUIT\r\n' > "$T/out"
	cat "$T/out"
	[ "$(grep -oE '^[0-9]+' "$T/out" | xargs)" = 554 ]
	# One that waits is served, a second later.
	inetd a "$NET.1"
	printf '%s\n' 'EHLO me' QUIT | talk "$NET.1" | grep -q '^221 '
}

@test "pipelining where it is not allowed is noticed, and refused if so wished" {
	need inetd
	unset TCPREMOTEIP
	local t='EHLO me\r\n' m='MAIL FROM:<>\r\nRCPT TO:<bob@a.test>\r\nDATA\r\n'
	t2() { printf '%b' "$1" | python3 "$REPO/tests/batch.py" "$NET.1" "$SMTP_PORT"; }
	inetd a "$NET.1"
	t2 "$t~$m~x\r\n.\r\n~QUIT\r\n" | grep -q '^221 '
	[ "$(grep -c pipelining "$T/a/log")" -eq 0 ]
	t2 "$t~${m}x\r\n.\r\nQUIT\r\n" | grep -q '^221 '
	grep -q 'improper command pipelining after DATA from .*: x' "$T/a/log"
	t2 "${t}NOOP\r\nQUIT\r\n" | grep -q '^221 '
	grep -q 'improper command pipelining after EHLO from' "$T/a/log"
	t2 "HELO me\r\n~NOOP\r\nNOOP\r\nQUIT\r\n" | grep -q '^221 '
	grep -q 'improper command pipelining after NOOP from' "$T/a/log"
	echo 'early_talk refuse' >> "$C"
	[ "$(t2 "$t~${m}x\r\n.\r\nQUIT\r\n" | tail -n 1 | cut -c1-9)" = '554 5.5.0' ]
	[ "$(t2 "${t}NOOP\r\nQUIT\r\n" | tail -n 1 | cut -c1-9)" = '554 5.5.0' ]
	t2 "$t~$m~x\r\n.\r\n~QUIT\r\n" | grep -q '^221 '
}

@test "idle_timeout and session_timeout: 421 4.4.2" {
	need inetd
	unset TCPREMOTEIP
	echo 'idle_timeout 1' >> "$C"
	early '' > "$T/out"
	tail -n 1 "$T/out" | grep -q '^421 4.4.2'
	grep -q 'timeout after CONNECT from' "$T/a/log"
	sed -i 's/^idle_timeout.*/session_timeout 2/' "$C"
	inetd a "$NET.1"
	python3 - "$NET.1" "$SMTP_PORT" <<-'END'
		import socket, sys, time
		s = socket.create_connection((sys.argv[1], int(sys.argv[2])), 60)
		s.settimeout(0.1)
		got, end = b"", time.monotonic() + 60
		while b"421 4.4.2" not in got:	# one byte now and then
		    assert time.monotonic() < end, got
		    try:
		        s.sendall(b"N")
		        b = s.recv(4096)
		        assert b, got
		        got += b
		    except socket.timeout:
		        pass
	END
}

@test "idle in the middle of DATA: nothing is kept" {
	unset TCPREMOTEIP
	echo 'idle_timeout 1' >> "$C"
	early 'EHLO me\r\nMAIL FROM:<>\r\nRCPT TO:<bob@a.test>\r\nDATA\r\nabc\r\n' \
	    > "$T/out"
	tail -n 1 "$T/out" | grep -q '^421 4.4.2'
	[ -z "$(ls "$T/a/spool/new")" ]
}

@test "as root: becomes facteurd and group facteur before it reads" {
	[ "$EUID" -eq 0 ] || skip 'not root'
	need strace
	unset TCPREMOTEIP
	printf 'NOOP\r\n' | strace -f -o "$T/trace" "$(prog smtpd)" -C "$C"
	awk '/setuid\(/ && !/EPERM/ { u = NR } /setgid\(/ && !/EPERM/ { g = NR }
	    /setgroups\(1/ { s = NR } /read\(0,/ { r = NR; exit }
	    END { exit !(s && s < g && g < u && u < r) }' "$T/trace"
	grep -q "setuid($(id -u facteurd))" "$T/trace"
	grep -q "setgid($(getent group facteur | cut -d: -f3))" "$T/trace"
}

@test "as root: a private instance runs as the owner of its configuration" {
	[ "$EUID" -eq 0 ] || skip 'not root'
	need strace
	unset TCPREMOTEIP
	chown 20001:20001 "$C"
	chmod 777 "$T/a/spool/new"
	printf 'NOOP\r\n' | strace -f -o "$T/trace" "$(prog smtpd)" -C "$C"
	grep -q 'setuid(20001) *= 0' "$T/trace"
	grep -q 'setgroups(1, \[20001\]) *= 0' "$T/trace"
}

# Where systemd runs, its users are asked for by a socket in a directory that is listed.
@test "as root: behind the walls users of nss-systemd are found" {
	[ "$EUID" -eq 0 ] || skip 'not root'
	unshare -m true || skip 'no namespaces'
	sed -i '/^users /d' "$C"
	cat > "$T/userdb" <<-'END'
		import json, os, socket
		s = socket.socket(socket.AF_UNIX)
		s.bind("/run/systemd/userdb/.x")
		os.chmod("/run/systemd/userdb/.x", 0o666)
		s.listen(9)
		os.rename("/run/systemd/userdb/.x", "/run/systemd/userdb/x")
		while True:
		    c, _ = s.accept()
		    asked = json.loads(c.recv(4096).rstrip(b"\0"))["parameters"]
		    got = {"error": "io.systemd.UserDatabase.NoRecordFound"}
		    if asked.get("userName") == "homer":
		        got = {"parameters": {"incomplete": False, "record": {
		            "userName": "homer", "uid": 20077, "gid": 20077,
		            "homeDirectory": "/", "disposition": "regular",
		            "service": "x"}}}
		    c.sendall(json.dumps(got).encode() + b"\0")
		    c.close()
	END
	cat > "$T/far" <<-'END'
		mount -t tmpfs none /run && mkdir -p /run/systemd/userdb &&
			echo 'passwd: files systemd' > /run/nsswitch &&
			mount --bind /run/nsswitch /etc/nsswitch.conf || exit 99
		python3 "$4" > /dev/null 2>&1 3>&- &
		trap "kill $!" EXIT
		for _ in $(seq 100); do [ ! -S /run/systemd/userdb/x ] || break; sleep .1; done
		"$2" -C "$3" -u homer > /dev/null || exit 98
		printf '%s\r\n' 'EHLO me' 'MAIL FROM:<>' 'RCPT TO:<homer@a.test>' \
		    'RCPT TO:<marge@a.test>' | "$1" -C "$3"
	END
	run unshare -m bash "$T/far" "$(prog smtpd)" "$(prog queuerun)" "$C" "$T/userdb"
	[ "$status" -ne 98 ] || skip 'no nss-systemd here'
	echo "$output"
	[[ $output == *'250 2.1.5 '*'550 5.1.1 <marge@'* ]]
}
