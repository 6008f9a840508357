# walls - a process that meets the network was taken over (tests/backdoor.c): what
# it was not to reach it cannot, whichever of the walls there are.

load lib
load pop
load imap

# shellcheck disable=SC2034
BIN=$REPO/build/backdoor

setup_file()
{
	[ "$EUID" -ne 0 ] || make -s -C "$REPO" backdoor > /dev/null
}

setup()
{
	[ "$EUID" -eq 0 ] || skip 'needs root'
	id facteurd > /dev/null 2>&1 || skip 'needs the accounts'
	test_begin
	instance a a.test
	mkdir "$D/tls"
	(umask 077 && echo 'SECRET KEY' > "$D/tls/default.pem")
	for u in alice bob; do
		echo 'From a@b Sat Jan  3 01:05:34 1998' > "$D/mail/$u"
		chown "$(id_of "$u")" "$D/mail/$u"
		chmod 600 "$D/mail/$u"
	done
	echo '#!/bin/sh' > "$D/home/bob/.profile"
	chown "$(id_of bob)" "$D/home/bob/.profile"
	SAY=()
	# Somebody with the same number, and a message of somebody else.
	start victim setpriv --reuid facteurd --regid facteur --clear-groups \
	    sleep 1000
	wait_for victim_is facteurd
	VICTIM=$(cat "$T/pid/victim")
	mkdir "$D/spool/q/1"
	for f in new/ZZZZZZZZZZZZ q/1/YYYYYYYYYYYY; do
		echo 'SECRET LETTER' > "$D/spool/$f"
	done
	chown -R facteur:facteur "$D/spool/q/1"
	chown facteurd:facteur "$D/spool/new/ZZZZZZZZZZZZ"
	chmod 660 "$D"/spool/{new/Z*,q/1/Y*}
}

teardown() { test_end; }

id_of() { awk -F: -v u="$1" '$1 == u { print $3 ":" $4 }' "$D/passwd"; }
victim_is() { [ "$(stat -c %U "/proc/$(cat "$T/pid/victim")")" = "$1" ]; }

# What is expected of an order, on stdout: it is not done, and the process may be
# ended for it; it is done; it ends the process, with no word to anybody.
no() { echo "no $1"; }
yes() { echo "yes $1"; }
ends() { echo "ends $1"; }

# orders: give those of stdin, and see.
orders() { python3 -IS "$REPO/tests/taken.py" "${TO[@]}" "${SAY[@]}"; }

# What nobody may.
nobody_may()
{
	local f
	for f in /etc/shadow "$D/tls/default.pem" "$D/mail/alice" \
	    "$D/spool/new/ZZZZZZZZZZZZ" "$D/spool/q/1/YYYYYYYYYYYY"; do
		no "read $f"
	done
	for f in /etc/passwd "$D/facteur.conf" "$D/mail/alice" /tmp \
	    "$D/spool/q/1/YYYYYYYYYYYY" "$D/home/alice/.forward"; do
		no "write $f"
	done
	no "make /tmp/walls.$$"
	no "make $D/spool/q/1/x"
	no "remove $D/mail/alice"
	no "read /proc/$VICTIM/environ"
	no "has SECRET"
	no "mem $VICTIM"
	no "setuid 0"
	no "kill 1"
}

no_calls()
{
	ends 'exec /bin/sh'
	ends "trace $VICTIM"
	ends 'setuid 0'
	ends namespace
	no "signal $VICTIM"
	no 'fork'
	no "connect $NET.7 $SMTP_PORT"
	no "unix $T/sock"
}

listen()
{
	start listen socat "TCP-LISTEN:$SMTP_PORT,bind=$NET.7,fork,reuseaddr" -
	wait_for listens "$NET.7" "$SMTP_PORT"
}

smtp()
{
	inetd a "$NET.1"
	TO=("$NET.1" "$SMTP_PORT")
}

pop() { pop_inetd a "$NET.1"; TO=("$NET.1" "$POP_PORT"); }

imap() { imap_inetd a "$NET.1"; TO=("$NET.1" "$IMAP_PORT"); }

@test "the back door is one: without walls it opens" {
	export NOWALLS=landlock,seccomp
	listen
	smtp
	{
		yes "connect $NET.7 $SMTP_PORT"
		yes fork
		yes "signal $VICTIM"
		yes "read $D/spool/new/ZZZZZZZZZZZZ"
		no 'read /etc/shadow'
	} | orders
}

@test "smtpd's session" {
	listen
	smtp
	{
		nobody_may
		no "connect $NET.7 $SMTP_PORT"
		ends "trace $VICTIM"
		ends namespace
		no 'exec /bin/sh'
		no 'exec /usr/bin/python3'
		no "signal $VICTIM"
		no "read $D/mail"
		no "read $D/home/bob/.profile"
		yes 'read /etc/hostname'
		yes "make $D/spool/new/tmp.1"
		no 'memory 64'
		yes 'memory 48'
	} | orders
}

@test "smtpd's session, without seccomp" {
	export NOWALLS=seccomp
	listen
	smtp
	{
		nobody_may
		no 'exec /bin/sh'
		no "trace $VICTIM"
		no "signal $VICTIM"
		no "connect $NET.7 $SMTP_PORT"
	} | orders
}

@test "smtpd's session, without Landlock" {
	export NOWALLS=landlock
	listen
	smtp
	{
		no 'read /etc/shadow'
		no "read $D/tls/default.pem"
		no "read $D/mail/alice"
		ends "trace $VICTIM"
		ends namespace
		no "connect $NET.7 $SMTP_PORT"
	} | orders
}

@test "popd's and imapd's talkers" {
	local p
	listen
	for p in pop imap; do
		$p
		{
			nobody_may
			no_calls
			no 'read /etc/passwd'
			no "make $D/spool/new/tmp.1"
			no "read $D/mail/bob"
			no 'memory 8'
			yes 'memory 6'
		} | orders
	done
}

@test "a talker, without seccomp" {
	export NOWALLS=seccomp
	listen
	pop
	{
		nobody_may
		no 'read /etc/passwd'
		no 'exec /bin/sh'
		no "trace $VICTIM"
		no "signal $VICTIM"
		no "connect $NET.7 $SMTP_PORT"
	} | orders
}

@test "popd, after the login" {
	listen
	pop
	SAY=('USER bob' "PASS $SECRET")
	{
		nobody_may
		no_calls
		no "read $D/home/bob/.profile"
		no "write $D/home/bob/.profile"
		no "make $D/home/bob/.forward"
		no "write $D/mail/alice"
		yes "read $D/mail/bob"
		yes "write $D/mail/bob"
		no 'memory 512'
		yes 'memory 480'
	} | orders
}

@test "imapd, after the login" {
	listen
	imap
	SAY=("a LOGIN bob \"$SECRET\"")
	{
		nobody_may
		no_calls
		no "write $D/mail/alice"
		no "read $D/home/bob/.profile"
		no "write $D/home/bob/.profile"
		no "make $D/home/bob/.forward"
		yes "read $D/home/bob/.mailboxlist"
		yes "write $D/home/bob/.mailboxlist"
		yes "write $D/mail/bob"
		yes "make $D/home/bob/mail/x"
		no 'memory 512'
		yes 'memory 480'
	} | orders
}

@test "the relay of a server" {
	need openssl
	rm -r "$D/tls"
	"$REPO/etc/selfsigned" a.test "$D/tls/default"
	mkdir -p "$D/state"
	listen
	TO=(-r "$(prog tlsrelay)" "$C")
	{
		nobody_may
		no_calls
		no 'read /etc/passwd'
		no "read $D/tls/default/privkey.pem"
		no 'has PRIVATE'
		no "make $D/spool/new/tmp.1"
		no 'memory 32'
	} | orders
}

# Without a connection, which would be taken for the client.
listening() { ss -Hltn "src $NET.9" | grep -q .; }

@test "the SMTP client" {
	echo "smarthost [$NET.9]" >> "$C"
	{
		no 'read /etc/shadow'
		no "read $D/tls/default.pem"
		no "read $D/mail/alice"
		no "read $D/spool/q/1/YYYYYYYYYYYY"
		no "write $D/spool/q/1/YYYYYYYYYYYY"
		no "make $D/spool/new/x"
		no 'exec /bin/sh'
		no "trace $VICTIM"
		no 'setuid 0'
		no 'namespace'
		no "read $D/home/bob/.profile"
	} > "$T/orders"
	start server bash -c 'python3 -IS "$@" < "$T/orders"; echo "exit $?"' - \
	    "$REPO/tests/taken.py" -l "$NET.9" "$SMTP_PORT"
	wait_for listening
	# Each client that it ends gets no further order.
	for _ in {1..12}; do
		rm -rf "$D"/spool/q/[0-9][0-9]* "$D"/spool/hosts/* "$D"/spool/new/*
		printf 'Subject: x\n\nx\n' | "$(prog sendmail)" -C "$C" bob@b.test
		queue a || :
		! grep '^exit' "$T/server.out" || break
	done
	wait_for grep -qx 'exit 0' "$T/server.out"
	[ "$(wc -l < "$T/server.out")" -eq 12 ]
}
