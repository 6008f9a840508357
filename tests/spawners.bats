# spawners - smtpd and popd under everything that starts them, and the clients that
# people use.  Each spawner listens on the test's own address; each client sends one
# letter to bob; a queue run brings all of them into his mbox.

load lib
load pop

setup()
{
	test_begin
	instance a a.test
	host=$NET.1
	cmd=$(prog smtpd)
}

teardown() { test_end; }

letter() { printf 'From: jo@x.test\nTo: bob@a.test\nSubject: %s\n\nVia %s.\n' "$1" "$1"; }

by_swaks()
{
	need swaks
	letter swaks | swaks --server "$host:$SMTP_PORT" --from jo@x.test \
	    --to bob@a.test --helo x.test --data - > "$T/swaks.out"
}

by_smtplib()
{
	python3 - "$host" $SMTP_PORT <<-'END'
		import smtplib, sys
		s = smtplib.SMTP(sys.argv[1], int(sys.argv[2]), "x.test")
		s.sendmail("jo@x.test", ["bob@a.test"],
			   "Subject: smtplib\r\n\r\nVia smtplib.\r\n")
		s.quit()
	END
}

by_curl()
{
	need curl
	letter curl | sed 's/$/\r/' > "$T/curl.eml"
	curl -s --url "smtp://$host:$SMTP_PORT/x.test" \
	    --mail-from jo@x.test --mail-rcpt bob@a.test -T "$T/curl.eml"
}

by_msmtp()
{
	need msmtp
	letter msmtp | msmtp --host="$host" --port=$SMTP_PORT \
	    --domain=x.test --from=jo@x.test bob@a.test
}

# All four clients, one queue run, four letters; $1: what the log calls them.
deliver_by_all()
{
	local c
	wait_for listens "$host" $SMTP_PORT
	for c in swaks smtplib curl msmtp; do
		"by_$c"
	done
	[ "$(queued a)" -eq 4 ]
	[ "$(grep -cE "client=$1" "$D/log")" -eq 4 ]
	queue a
	[ "$(queued a)" -eq 0 ]
	delivered a bob 4
	for c in swaks smtplib curl msmtp; do
		grep -qx "Via $c\." "$D/mail/bob"
	done
}

@test "openbsd-inetd" {
	inetd a "$host"
	deliver_by_all 'unknown\[127\.0\.0\.1\]'
}

@test "inetutils-inetd" {
	need inetutils-inetd
	echo "$host:$SMTP_PORT stream tcp nowait $ME $(smtpd_line a)" \
	    > "$T/inetd.conf"
	start inetd "$(peer inetutils-inetd)" -d --pidfile="$T/inetd.pid" \
	    "$T/inetd.conf"
	deliver_by_all 'unknown\[127\.0\.0\.1\]'
}

@test "inetutils-inetd with tcp6: an IPv4 client is shown as one" {
	need inetutils-inetd
	[ -e /proc/net/if_inet6 ] || skip 'no IPv6 here'
	port=$((20000 + BASHPID % 10000))
	echo "$port stream tcp6 nowait $ME $(smtpd_line a)" > "$T/inetd.conf"
	start inetd "$(peer inetutils-inetd)" -d --pidfile="$T/inetd.pid" \
	    "$T/inetd.conf"
	wait_for listens 127.0.0.1 "$port"
	talk 127.0.0.1 "$port" <<< QUIT
	grep -q 'connect from unknown\[127\.0\.0\.1\]' "$D/log"
}

@test "xinetd" {
	need xinetd
	cat > "$T/xinetd.conf" <<-END
		service smtp
		{
			type = UNLISTED
			socket_type = stream
			protocol = tcp
			wait = no
			user = $ME
			bind = $host
			port = $SMTP_PORT
			server = $cmd
			server_args = -C $C
			cps = 1000 1
		}
	END
	start xinetd "$(peer xinetd)" \
	    -dontfork -f "$T/xinetd.conf" -pidfile "$T/xinetd.pid" \
	    -filelog "$T/xinetd.log"
	deliver_by_all 'unknown\[127\.0\.0\.1\]'
}

@test "tcpserver" {
	need tcpserver
	start tcpserver "$(peer tcpserver)" -HRl0 "$host" $SMTP_PORT \
	    "$cmd" -C "$C"
	deliver_by_all 'unknown\[127\.0\.0\.1\]'
}

@test "tcpserver's RELAYCLIENT gives the right to relay" {
	need tcpserver
	echo 'relay_from 192.0.2.1' >> "$C"
	start tcpserver "$(peer tcpserver)" -HRl0 "$host" $SMTP_PORT \
	    "$cmd" -C "$C"
	start relay env RELAYCLIENT= "$(peer tcpserver)" -HRl0 "$NET.2" \
	    $SMTP_PORT "$cmd" -C "$C"
	wait_for listens "$host" $SMTP_PORT
	wait_for listens "$NET.2" $SMTP_PORT
	dialogue=$'EHLO x.test\nMAIL FROM:<jo@x.test>\nRCPT TO:<al@far.test>\nQUIT'
	talk "$host" <<< "$dialogue" > "$T/refused"
	talk "$NET.2" <<< "$dialogue" > "$T/taken"
	grep -q '^55[04] 5\.7\.1' "$T/refused"
	grep -q '^250 2\.1\.5' "$T/taken"
}

@test "systemd socket activation" {
	need systemd-socket-activate
	start systemd "$(peer systemd-socket-activate)" --inetd -a \
	    -l "$host:$SMTP_PORT" "$cmd" -C "$C"
	deliver_by_all 'unknown\[127\.0\.0\.1\]'
}

@test "socat" {
	need socat
	start socat "$(peer socat)" \
	    "TCP-LISTEN:$SMTP_PORT,bind=$host,fork,reuseaddr" \
	    "EXEC:$cmd -C $C"
	deliver_by_all '.*'
}

@test "nothing but replies comes to the client of a broken configuration" {
	echo 'no_such_key 1' >> "$C"
	inetd a "$host"
	run talk "$host" < /dev/null
	[ "${#lines[@]}" -eq 1 ]
	[[ ${lines[0]} == '421 4.3.'* ]]
}

@test "many sessions at once" {
	inetd a "$host"
	python3 - "$host" $SMTP_PORT <<-'END'
		import socket, sys
		where = sys.argv[1], int(sys.argv[2])
		all = [socket.create_connection(where, 120) for i in range(200)]
		for s in all:
		    assert s.recv(512).startswith(b"220 a.test "), "greeting"
		for s in all:
		    s.sendall(b"QUIT\r\n")
		for s in all:
		    assert s.recv(512).startswith(b"221 "), "quit"
	END
	[ "$(grep -c ' connect from' "$D/log")" -ge 200 ]
}

# bob logs in and gets his letter; $1: how the log names him.
fetch()
{
	letter pop | "$(prog deliver)" -C "$C" bob
	wait_for listens "$host" $POP_PORT
	python3 - "$host" $POP_PORT "$SECRET" <<-'END'
		import poplib, sys
		p = poplib.POP3(sys.argv[1], int(sys.argv[2]), 20)
		p.user("bob")
		p.pass_(sys.argv[3])
		assert b"Via pop." in p.retr(1)[1]
		p.dele(1)
		p.quit()
	END
	[ ! -s "$D/mail/bob" ]
	grep -qE "Login user=bob host=$1" "$D/log"
}

with_password() { sed -i "s|:x:|:$SECRET_HASH:|" "$D/passwd"; }

@test "popd: xinetd" {
	need xinetd
	with_password
	cat > "$T/xinetd.conf" <<-END
		service pop3
		{
			type = UNLISTED
			socket_type = stream
			protocol = tcp
			wait = no
			user = $ME
			bind = $host
			port = $POP_PORT
			server = $(prog popd)
			server_args = -C $C
			cps = 1000 1
		}
	END
	start xinetd "$(peer xinetd)" \
	    -dontfork -f "$T/xinetd.conf" -pidfile "$T/xinetd.pid" \
	    -filelog "$T/xinetd.log"
	fetch 'unknown \[127\.0\.0\.1\]'
}

@test "popd: tcpserver" {
	need tcpserver
	with_password
	start tcpserver "$(peer tcpserver)" -HRl0 "$host" $POP_PORT \
	    "$(prog popd)" -C "$C"
	fetch 'unknown \[127\.0\.0\.1\]'
}

@test "popd: systemd socket activation" {
	need systemd-socket-activate
	with_password
	start systemd "$(peer systemd-socket-activate)" --inetd -a \
	    -l "$host:$POP_PORT" "$(prog popd)" -C "$C"
	fetch 'unknown \[127\.0\.0\.1\]'
}

@test "popd: socat" {
	need socat
	with_password
	start socat "$(peer socat)" \
	    "TCP-LISTEN:$POP_PORT,bind=$host,fork,reuseaddr" \
	    "EXEC:$(prog popd) -C $C"
	fetch '.*'
}

# ignoring COMMAND...: as somebody starts it who lets nobody wait for children.
ignoring()
{
	timeout 20 python3 -IS -c 'import os, signal, sys
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
os.execv(sys.argv[1], sys.argv[1:])' "$@"
}

@test "who starts them may ignore the end of children" {
	sed -i "s|:x:|:$SECRET_HASH:|" "$D/passwd"
	echo 'clear_from 192.0.2.0/24' >> "$C"
	echo 'kim: "|cat > /dev/null"' >> "$D/aliases"
	send a bob kim <<< 'Subject: hi'
	ignoring "$(prog queuerun)" -C "$C"
	[ "$(queued a)" -eq 0 ]
	delivered a bob 1
	ignoring "$(prog deliver)" -C "$C" alice <<< 'Subject: hi'
	delivered a alice 1
	[ "$EUID" -eq 0 ] || return 0 # no login
	printf 'USER bob\r\nPASS %s\r\nQUIT\r\n' "$SECRET" |
	    TCPREMOTEIP=192.0.2.1 ignoring "$(prog popd)" -C "$C" |
	    grep '^+OK bob has 1 '
}
