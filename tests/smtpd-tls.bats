# smtpd-tls - STARTTLS, TLS from the first byte on, and submission over both, with the
# programs that people send with, under a real inetd.

load lib
load pop
load clients
load tls

setup()
{
	test_begin
	need inetd openssl
	instance a a.test 'clear_from 192.0.2.0/24'
	sed -i 's/:x:/:{PLAIN}secret:/' "$D/passwd"
	H=$NET.1
	tls_cert a default a.test localhost "$H"
	cat > "$T/inetd.conf" <<-END
		$H:2525 stream tcp nowait.1000000 $ME $(smtpd_line a)
		$H:2587 stream tcp nowait.1000000 $ME $(smtpd_line a) -a
		$H:2465 stream tcp nowait.1000000 $ME $(smtpd_line a) -as
		$H:2466 stream tcp nowait.1000000 $ME $(smtpd_line a) -s
	END
	export H
}

teardown()
{
	clients_end
	test_end
}

serve()
{
	start inetd "$(peer inetd)" -i "$T/inetd.conf"
	wait_for listens "$H" 2587
}

# over PORT: the dialogue of stdin over TLS, begun by STARTTLS where the port has it.
over()
{
	python3 "$REPO/tests/talktls.py" "$H" "$1" "$CA"
}

letter() { printf '%s\n' "From: ${1-bob@a.test}" 'Subject: hello' '' 'By TLS.'; }

arrived() { delivered a "$1" "$2" || { queue a && delivered a "$1" "$2"; }; }

# All that was started for sessions is gone.
idle()
{
	! pgrep -f "smtpd -C $C" && ! pgrep -f "tlsrelay.* $C"
}

# plain USER [PASSWORD]: the command that logs in.
plain()
{
	echo "AUTH PLAIN $(printf '\0%s\0%s' "$1" "${2-secret}" | base64 -w 0)"
}

@test "STARTTLS is offered where there is a certificate, to the network" {
	export TCPREMOTEIP=192.0.2.7
	smtpd a <<< 'EHLO me' | grep -qx 250-STARTTLS
	unset TCPREMOTEIP
	! grep STARTTLS <(smtpd a <<< 'EHLO me') || return 1
	export TCPREMOTEIP=192.0.2.7
	rm -r "$D/tls"
	! grep STARTTLS <(smtpd a <<< 'EHLO me') || return 1
	[[ $(printf '%s\n' 'EHLO me' STARTTLS | smtpd a | tail -n 1) = \
	    '502 5.5.1 '* ]]
}

@test "without a certificate there is one process, and it runs nothing" {
	need strace
	export ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=0
	rm -r "$D/tls"
	printf '%s\r\n' 'EHLO me' 'MAIL FROM:<>' 'RCPT TO:<bob@a.test>' DATA x . \
	    QUIT | TCPREMOTEIP=192.0.2.7 strace -f -o "$T/calls" \
	    -e trace=process,network "$(prog smtpd)" -C "$C" > "$T/out"
	grep -q 'queued as' "$T/out"
	! grep -E '^[0-9]+ +(v?fork|clone|wait|socketpair)' "$T/calls" || return 1
	[ "$(grep -c execve "$T/calls")" -eq 1 ]
}

@test "the session is as new after STARTTLS, and there is TLS once" {
	serve
	run over 2525 <<-END
		MAIL FROM:<>
		EHLO me
		STARTTLS
		MAIL FROM:<jo@b.test>
		RCPT TO:<bob@a.test>
		DATA
		.
		QUIT
	END
	[[ ${lines[1]} = '503 5.5.1 say EHLO first' ]]
	! grep STARTTLS <<< "$output" || return 1
	grep -qx '503 5.5.1 it is too late for that' <<< "$output"
	grep -q ': queued as' <<< "$output"
	grep -qE '^	\(using TLSv1.3 with cipher TLS_[A-Z0-9_]+ \((128/128|256/256) bits\)\)$' "$D"/spool/new/*
	grep -qx '	with ESMTPS id .*' "$D"/spool/new/*
	wait_for idle
	[ "$(grep -c 'Anonymous TLS connection established from .*: TLSv1.3 with cipher' "$D/log")" -eq 1 ]
	grep -q 'disconnect from .* ehlo=2 starttls=1/2 .*commands=7/9$' "$D/log"
}

@test "STARTTLS where it cannot be" {
	export TCPREMOTEIP=192.0.2.7
	[[ $(smtpd a <<< STARTTLS | tail -n 1) = '503 5.5.1 say EHLO first' ]]
	[[ $(printf '%s\n' 'EHLO me' 'STARTTLS now' | smtpd a |
	    tail -n 1) = '501 5.5.4 '* ]]
	[[ $(printf '%s\n' 'EHLO me' 'MAIL FROM:<>' STARTTLS | smtpd a |
	    tail -n 1) = '503 5.5.1 not within a message' ]]
	# No key: said in the clear, and the session goes on.
	rm "$D"/tls/*
	echo nonsense > "$D/tls/default.pem"
	serve
	run talk "$H" 2525 <<-END
		EHLO me
		STARTTLS
		NOOP
		STARTTLS
	END
	[ "${lines[-3]}" = '454 4.7.0 TLS is not possible now' ]
	[ "${lines[-2]}" = '250 2.0.0 Ok' ]
	[[ ${lines[-1]} = '5'* ]]
	grep -q 'warning: no TLS: ' "$D/log"
}

# CVE-2011-0411: what comes in the clear behind STARTTLS is thrown away.
@test "nothing is taken from behind STARTTLS" {
	serve
	python3 - "$H" "$CA" <<-'END'
		import socket, ssl, sys
		for port, more in (2525, b"RSET\r\n"), \
		    (2525, b"EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<bob@a.test>\r\n"), \
		    (2525, b"half a li"), (2587, b"AUTH PLAIN AGJvYgBzZWNyZXQ=\r\n"), \
		    (2525, b"N" * 40000):
		    s = socket.create_connection((sys.argv[1], port), 20)
		    f = s.makefile("rb")
		    f.readline()
		    s.sendall(b"EHLO me\r\n")
		    while f.readline()[3:4] == b"-":
		        pass
		    s.sendall(b"STARTTLS\r\n" + more)
		    assert f.readline().startswith(b"220 "), more
		    c = ssl.create_default_context(cafile=sys.argv[2])
		    t = c.wrap_socket(s, server_hostname=sys.argv[1])
		    g = t.makefile("rb")
		    t.sendall(b"NOOP\r\nMAIL FROM:<>\r\nQUIT\r\n")
		    got = g.read()
		    assert got.startswith(b"250 2.0.0 Ok\r\n503 5.5.1 say EHLO first\r\n221"), got
	END
	wait_for idle
	[ "$(grep -c 'in the clear behind STARTTLS: thrown away' "$D/log")" -eq 5 ]
	[ "$(queued a)" -eq 0 ]
}

@test "a TLS port says nothing in the clear, and outlives whoever talks so" {
	serve
	python3 - "$H" <<-'END'
		import socket, sys
		for port in 2465, 2466:
		    s = socket.create_connection((sys.argv[1], port), 20)
		    s.sendall(b"EHLO me\r\nQUIT\r\n")
		    try:
		        assert b"220" not in s.makefile("rb").read()
		    except ConnectionResetError:
		        pass
	END
	wait_for idle
	grep -q 'SSL_accept error from .*127' "$D/log"
	over 2466 <<< 'EHLO me' | grep -q '^220 a.test ESMTP'
	! grep -E 'AUTH|STARTTLS' <(over 2466 <<< 'EHLO me') || return 1
	over 2465 <<< 'EHLO me' | grep -q '^250-AUTH '
}

@test "a login needs TLS, and gets it before it is asked for" {
	serve
	run talk "$H" 2587 <<-END
		EHLO me
		$(plain bob)
		MAIL FROM:<bob@a.test>
	END
	! grep '^250-AUTH' <<< "$output" || return 1
	[[ ${lines[-2]} = '538 5.7.11 '* ]]
	[[ ${lines[-1]} = '530 5.7.0 STARTTLS comes first' ]]
	over 2587 <<-END | tail -n 1 | grep -q '^221'
		EHLO me
		$(plain bob)
		MAIL FROM:<bob@a.test>
		RCPT TO:<kim@b.test>
		DATA
		Subject: x
		.
		QUIT
	END
	grep -qx '	with ESMTPSA id .*' "$D"/spool/new/*
	grep -q '(using TLSv1' "$D"/spool/new/*
	echo 'hide_client yes' >> "$C"
	rm "$D"/spool/new/*
	over 2465 <<-END | grep -q 'queued as'
		EHLO me
		$(plain bob)
		MAIL FROM:<bob@a.test> SMTPUTF8
		RCPT TO:<kåre@b.test>
		DATA
		.
	END
	grep -qx '	with UTF8SMTPSA id .*' "$D"/spool/new/*
	! grep -E 'using TLS|from me' "$D"/spool/new/* || return 1
}

@test "who names protocols (ALPN) must name smtp" {
	serve
	local how
	for how in '2525 -starttls smtp' 2466; do
		# shellcheck disable=SC2086
		run openssl s_client -alpn h2,http/1.1 -connect "$H:"$how < /dev/null
		[[ $output == *'no application protocol'* ]]
		# shellcheck disable=SC2086
		run openssl s_client -alpn smtp -connect "$H:"$how < /dev/null
		[[ $output == *'ALPN protocol: smtp'* ]]
	done
}

@test "swaks: all its ways" {
	need swaks
	serve
	local how
	while read -r how; do
		# shellcheck disable=SC2086
		swaks --server "$H" --from bob@a.test --to bob@a.test \
		    --auth-user bob --auth-password secret $how \
		    --tls-ca-path "$CA" --h-From bob@a.test > "$T/swaks.out"
	done <<-END
		--port 2587 --tls --auth PLAIN
		--port 2587 --tls --auth LOGIN
		--port 2465 --tls-on-connect --auth PLAIN
		--port 2465 --tls-on-connect --auth LOGIN
	END
	swaks --server "$H" --port 2525 --from jo@b.test --to bob@a.test \
	    --tls > "$T/swaks.out"
	! swaks --server "$H" --port 2587 --from bob@a.test --to bob@a.test \
	    --tls --auth PLAIN --auth-user bob --auth-password wrong \
	    > "$T/swaks.out" || return 1
	grep -q '535 5.7.8' "$T/swaks.out"
	wait_for arrived bob 5
}

@test "msmtp: STARTTLS and TLS, PLAIN and LOGIN" {
	need msmtp
	serve
	local n=0 port starttls auth
	for port in 2587 2465; do
		starttls=$([ $port = 2587 ] && echo on || echo off)
		for auth in plain login on; do
			letter | msmtp -C /dev/null --host="$H" --port=$port \
			    --tls=on --tls-starttls="$starttls" \
			    --tls-trust-file="$CA" --auth=$auth --user=bob \
			    --passwordeval='echo secret' --from=bob@a.test \
			    bob@a.test
			n=$((n + 1))
		done
	done
	wait_for arrived bob $n
	[ "$(grep -c sasl_method=LOGIN "$D/log")" -ge 2 ]
}

@test "SCRAM-SHA-256 by msmtp" {
	need msmtp
	local key
	key=$(python3 - <<-'END'
		import base64, hashlib, hmac, os
		salt = os.urandom(16)
		p = hashlib.pbkdf2_hmac("sha256", b"secret", salt, 4096)
		h = lambda k, m: hmac.new(k, m, hashlib.sha256).digest()
		b = lambda x: base64.b64encode(x).decode()
		print("{SCRAM-SHA-256}4096,%s,%s,%s" % (b(salt),
		    b(hashlib.sha256(h(p, b"Client Key")).digest()),
		    b(h(p, b"Server Key"))))
	END
	)
	sed -i "s|^bob:{PLAIN}secret|bob:$key|" "$D/passwd"
	serve
	over 2587 <<< 'EHLO me' | grep -q '^250-AUTH .*SCRAM-SHA-256' ||
		skip 'no SCRAM offered'
	letter | msmtp -C /dev/null --host="$H" --port=2587 --tls=on \
	    --tls-trust-file="$CA" --auth=scram-sha-256 --user=bob \
	    --passwordeval='echo secret' --from=bob@a.test bob@a.test
	wait_for arrived bob 1
	grep -q 'sasl_method=SCRAM-SHA-256, sasl_username=bob' "$D/log"
	letter | msmtp -C /dev/null --host="$H" --port=2587 --tls=on \
	    --tls-trust-file="$CA" --auth=scram-sha-256 --user=bob \
	    --passwordeval='echo wrong' --from=bob@a.test bob@a.test && return 1
	# The password does, too.
	over 2587 <<< "EHLO me
$(plain bob)" | tail -n 1 | grep -q ^235
}

@test "curl: smtp and smtps" {
	need curl
	serve
	letter > "$T/letter"
	curl -sS --ssl-reqd --cacert "$CA" -u bob:secret --mail-from bob@a.test \
	    --mail-rcpt bob@a.test -T "$T/letter" "smtp://$H:2587"
	curl -sS --cacert "$CA" -u bob:secret --mail-from bob@a.test \
	    --mail-rcpt bob@a.test -T "$T/letter" "smtps://$H:2465"
	! curl -sS --cacert "$CA" -u bob:wrong --mail-from bob@a.test \
	    --mail-rcpt bob@a.test -T "$T/letter" "smtps://$H:2465" || return 1
	wait_for arrived bob 2
}

@test "python: smtplib, both ways, a large letter whole" {
	serve
	python3 - "$H" "$CA" <<-'END'
		import smtplib, ssl, sys
		h, ca = sys.argv[1:]
		big = "From: bob@a.test\n\n" + "".join(
		    "%07d %s\n" % (i, "x" * 60) for i in range(40000))
		c = ssl.create_default_context(cafile=ca)
		s = smtplib.SMTP(h, 2587)
		s.starttls(context=c)
		s.login("bob", "secret")
		s.sendmail("bob@a.test", ["bob@a.test"], big)
		s.quit()
		s = smtplib.SMTP_SSL(h, 2465, context=c)
		s.user, s.password = "bob", "secret"
		s.ehlo()
		s.auth("LOGIN", s.auth_login)
		s.sendmail("bob@a.test", ["bob@a.test", "kim@a.test"], big)
		s.quit()
	END
	wait_for arrived bob 2
	[ "$(body "$D/mail/bob" 2 | wc -l)" -eq 40000 ]
	[ "$(body "$D/mail/bob" 2 | md5sum)" = "$(body "$D/mail/bob" 1 | md5sum)" ]
	[ "$(body "$D/mail/bob" 1 | tail -n 1 | cut -c1-7)" = 0039999 ]
}

@test "openssl and gnutls-cli" {
	serve
	(echo 'EHLO me'; plain bob; printf '%s\n' 'MAIL FROM:<bob@a.test>' \
	    'RCPT TO:<bob@a.test>' DATA; letter; printf '.\nQUIT\n') > "$T/in"
	timeout 60 openssl s_client -quiet -crlf -starttls smtp -ign_eof \
	    -CAfile "$CA" -verify_return_error -connect "$H:2587" \
	    < "$T/in" > "$T/got" 2> "$T/err"
	grep -q 'queued as' "$T/got"
	timeout 60 openssl s_client -quiet -crlf -ign_eof -CAfile "$CA" \
	    -verify_return_error -connect "$H:2465" < "$T/in" > "$T/got" \
	    2> "$T/err"
	grep -q 'queued as' "$T/got"
	! timeout 60 openssl s_client -quiet -tls1_1 -connect "$H:2465" \
	    < "$T/in" > "$T/got" 2> "$T/err" || return 1
	! grep '^220' "$T/got" || return 1
	need gnutls-cli
	sed 's/$/\r/' "$T/in" | timeout 60 gnutls-cli --x509cafile="$CA" \
	    --logfile="$T/err" -p 2465 "$H" > "$T/got"
	grep -q 'queued as' "$T/got"
}

@test "mutt sends" {
	need mutt
	serve
	cat > "$T/muttrc" <<-END
		set smtp_url="smtp://bob@$H:2587/" smtp_pass=secret
		set ssl_starttls=yes ssl_force_tls=yes certificate_file="$CA"
		set ssl_verify_host=no from=bob@a.test use_from=yes copy=no
		set hostname=a.test smtp_authenticators="plain"
	END
	echo text | HOME=$T mutt -F "$T/muttrc" -s hello bob@a.test
	sed -i 's|smtp://\(.*\):2587|smtps://\1:2465|; s/"plain"/"login"/' \
	    "$T/muttrc"
	echo text | HOME=$T mutt -F "$T/muttrc" -s hello bob@a.test
	wait_for arrived bob 2
	[ "$(grep -c 'sasl_username=bob' "$D/log")" -eq 2 ]
}

# sends SERVER: alpine writes a letter, and logs in to send it.
sends()
{
	cat > "$T/home/pinerc" <<-END
		inbox-path=$T/home/inbox
		user-domain=a.test
		customized-hdrs=From: Bob <bob@a.test>
		smtp-server=$1
		default-fcc=""
		last-version-used=9.99
		feature-list=send-without-confirm, quit-without-confirm,
		 disable-password-file-saving, quell-charset-warning
	END
	mine "$T/home/pinerc"
	SSL_CERT_FILE=$CA terminal alpine -p "$T/home/pinerc" bob@a.test
	wait_for shown 'COMPOSE MESSAGE'
	keys C-x
	wait_for shown 'ENTER PASSWORD'
	keys secret Enter
	wait_for ended
}

@test "alpine sends" {
	need alpine tmux
	clients_begin
	serve
	sends "$H:2587/user=bob/tls/novalidate-cert"
	sends "$H:2465/user=bob/ssl/novalidate-cert"
	wait_for arrived bob 2
	[ "$(grep -c 'sasl_username=bob' "$D/log")" -eq 2 ]
}

@test "a client that vanishes, and one that is silent, leave nothing behind" {
	echo 'idle_timeout 8s' >> "$C"
	serve
	python3 - "$H" <<-'END'
		import socket, ssl, sys, struct
		def starttls(port):
		    s = socket.create_connection((sys.argv[1], port), 20)
		    f = s.makefile("rb")
		    f.readline()
		    s.sendall(b"EHLO me\r\n")
		    while f.readline()[3:4] == b"-":
		        pass
		    s.sendall(b"STARTTLS\r\n")
		    f.readline()
		    return s
		c = ssl._create_unverified_context()
		starttls(2587).close()
		s = starttls(2587)
		s.sendall(b"\x16\x03\x01\x02\x00\x01")
		s.close()
		t = c.wrap_socket(starttls(2525))
		t.sendall(b"EHLO me\r\nMAIL FROM:<>\r\nRCPT TO:<bob@a.test>\r\nDATA\r\nhalf")
		t.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
		t.close()
		s = socket.create_connection((sys.argv[1], 2465), 20)
		s.close()
		# Silence under TLS ends like any other.
		t = c.wrap_socket(starttls(2525))
		t.settimeout(60)
		got = t.makefile("rb").read()
		assert got.startswith(b"421 4.4.2 "), got
	END
	wait_for idle
	[ "$(queued a)" -eq 0 ]
	find "$D/spool/new" -name 'tmp.*' | wc -l | grep -qx 0
}

@test "one that is killed takes nobody with it, and leaves nothing" {
	serve
	python3 - "$H" "$C" <<-'END'
		import os, signal, smtplib, ssl, subprocess, sys
		c = ssl._create_unverified_context()
		for victim in "tlsrelay", "smtpd":
		    s = smtplib.SMTP_SSL(sys.argv[1], 2466, context=c)
		    s.ehlo()
		    pids = subprocess.run(["pgrep", "-f", victim + ".*" + sys.argv[2]],
		        capture_output=True, text=True).stdout.split()
		    assert pids
		    os.kill(int(pids[-1]), signal.SIGKILL)
		    try:
		        s.noop()
		        assert False
		    except (smtplib.SMTPException, OSError):
		        pass
		    s.close()
	END
	wait_for idle
}

@test "fifty clients at once" {
	serve
	python3 - "$H" <<-'END'
		import smtplib, ssl, sys, threading
		c = ssl._create_unverified_context()
		good = []
		def one(i):
		    s = smtplib.SMTP_SSL(sys.argv[1], 2465, context=c, timeout=120)
		    s.login("bob", "secret")
		    s.sendmail("bob@a.test", ["kim@b.test"], "From: bob\n\n%d\n" % i)
		    s.quit()
		    good.append(i)
		t = [threading.Thread(target=one, args=(i,)) for i in range(50)]
		[x.start() for x in t]
		[x.join() for x in t]
		assert len(good) == 50, len(good)
	END
	[ "$(queued a)" -eq 50 ]
	wait_for idle
}

@test "certificates that cannot be looked for now: nobody hears that there are none" {
	need strace
	local call
	for call in open,openat getdents64; do
		printf 'EHLO me\r\nQUIT\r\n' | TCPREMOTEIP=192.0.2.9 strace -f \
		    -o "$T/calls" -P "$D/tls" -e inject="$call:error=EIO:when=1" \
		    "$(prog smtpd)" -C "$C" > "$T/got"
		grep INJECTED "$T/calls"
		cat "$T/got"
		grep -q '^250-STARTTLS' "$T/got"
	done
}
