# lib - what the bats suites share.  A suite starts with:
#
#	load lib
#	setup() { test_begin; instance a a.test; }
#	teardown() { test_end; }
#
# Programs come from $FACTEUR_BIN (default: this tree).  Each test works in a
# directory of its own, $T, and on loopback addresses of its own, so that any
# number of suites run side by side.  Nothing sleeps: wait_for polls.
# shellcheck shell=bash

REPO=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
BIN=${FACTEUR_BIN:-$REPO}
PEERS=$REPO/build/peers
SMTP_PORT=2525		# every test host listens there, on its own address
DNS_PORT=5353
PATIENCE=${PATIENCE:-60} # s that wait_for waits at most

# --- a test's place ---

# Make $T, an empty directory that every account may enter, and $NET, the
# three numbers that this test's loopback addresses begin with.  Its number is in
# its name: nobody else's while it is there.
test_begin()
{
	local n
	until
		n=$((SRANDOM % (199 * 254)))
		T=${TMPDIR:-/tmp}/facteur.$n
		mkdir -m 755 "$T" 2> /dev/null
	do
		[ -d "$T" ]
	done
	NET=127.$((n / 254 + 20)).$((n % 254 + 1))
	mkdir "$T/pid"
	export T NET
	export TZ=${TEST_TZ:-UTC} LC_ALL=C.UTF-8
	ME=$(id -un)
}

# Stop what the test started, show the logs of a failed one, remove $T.
test_end()
{
	local f
	[ -n "${T-}" ] || return 0
	stop_all
	if [ -z "${BATS_TEST_COMPLETED-}" ] && [ -z "${BATS_TEST_SKIPPED-}" ]; then
		for f in "$T"/*/log "$T"/*.out; do
			[ -s "$f" ] || continue
			echo "--- ${f#"$T/"}"
			tail -n 30 "$f"
		done
	fi
	# A session that inetd started may take a moment to end.
	wait_for rm -rf "$T"
}

# wait_for COMMAND...: poll until it succeeds; fail after $PATIENCE seconds.
wait_for()
{
	local end=$((SECONDS + PATIENCE))
	until "$@" > /dev/null 2>&1; do
		if [ "$SECONDS" -ge "$end" ]; then
			echo "gave up waiting for: $*" >&2
			return 1
		fi
		sleep 0.03
	done
}

# while_written FILE N COMMAND...: does it succeed while somebody has written but N
# bytes of FILE, or (-1) none yet, and writes the rest a moment later?  Where the machine
# stood still in between it may try again.
while_written()
{
	local f=$1 n=$2
	shift 2
	cp -p "$f" "$T/whole"
	for _ in 1 2 3; do
		if [ "$n" -lt 0 ]; then
			rm "$f"
		else
			head -c "$n" "$T/whole" > "$f"
		fi
		{ sleep 0.3; cp -p "$T/whole" "$f"; } &
		if "$@"; then
			wait $!
			return 0
		fi
		wait $!
	done
	return 1
}

# --- programs ---

# prog NAME: the path of one of ours.
prog()
{
	if [ -f "$BIN/$1" ]; then
		echo "$BIN/$1"
	else
		echo "$BIN/$1/${1##*/}"
	fi
}

# peer NAME: the path of a program that we are tested with, or fail.
peer()
{
	local d
	for d in "$PEERS"/usr/{sbin,bin} "$PEERS"/{sbin,bin}; do
		[ ! -x "$d/$1" ] || { echo "$d/$1"; return 0; }
	done
	PATH=$PATH:/usr/sbin:/sbin command -v "$1"
}

# need NAME...: skip the test unless all these peers are there.
need()
{
	local p
	for p; do
		peer "$p" > /dev/null || skip "no $p here"
	done
}

# The libraries that were unpacked with the peers.
peer_libs()
{
	local d l=
	for d in "$PEERS"/usr/lib/*-linux-* "$PEERS"/lib/*-linux-* \
	    "$PEERS"/{,usr/}lib/systemd "$PEERS"/{,usr/}lib/*/systemd \
	    "$PEERS"/usr/lib/postfix; do
		[ ! -d "$d" ] || l+=$d:
	done
	echo "${l%:}"
}

# start NAME COMMAND...: run it in the background in its own process group,
# output to $T/NAME.out, until stop NAME or the end of the test.  An unpacked
# peer finds the libraries that came with it.
start()
{
	local name=$1
	shift
	case $1 in
	"$PEERS"/*) set -- env "LD_LIBRARY_PATH=$(peer_libs)" "$@" ;;
	esac
	setsid "$@" < /dev/null > "$T/$name.out" 2>&1 3>&- 4>&- &
	echo $! > "$T/pid/$name"
}

# stop NAME [SIGNAL]: end what start began, with all its children.
stop()
{
	local pid
	pid=$(cat "$T/pid/$1" 2> /dev/null) || return 0
	rm "$T/pid/$1"
	# A moment ago it may not have had its group yet.
	kill -"${2:-TERM}" -- "-$pid" 2> /dev/null ||
		kill -"${2:-TERM}" "$pid" 2> /dev/null || return 0
	local end=$((SECONDS + 5))
	while kill -0 -- "-$pid" 2> /dev/null; do
		wait "$pid" 2> /dev/null || :
		[ "$SECONDS" -lt "$end" ] || kill -KILL -- "-$pid" || :
		sleep 0.02
	done
	wait "$pid" 2> /dev/null || :
}

stop_all()
{
	local f
	for f in "$T"/pid/*; do
		[ ! -e "$f" ] || stop "${f##*/}"
	done
}

# --- hosts ---

# instance NAME HOST [LINE...]: a private facteur in $T/NAME for HOST, with
# users alice, bob and kim and these further lines of configuration.  Where
# started by root the users have numbers of their own, else all are the runner.
# Names its directory $D and its configuration $C (the last instance's).
instance()
{
	D=$T/$1
	C=$D/facteur.conf
	local host=$2 u n=20000 uid=$EUID gid
	gid=$(id -g)
	shift 2
	mkdir -p "$D"/{home,mail,state}
	chmod 1777 "$D/mail"
	chmod 1777 "$D/state"
	: > "$D/log"
	chmod 666 "$D/log"
	for u in alice bob kim; do
		mkdir "$D/home/$u"
		if [ "$EUID" -eq 0 ]; then
			n=$((n + 1)) uid=$n gid=$n
			chown "$uid:$gid" "$D/home/$u"
		fi
		echo "$u:x:$uid:$gid:${u^} Test:$D/home/$u:/bin/sh"
	done > "$D/passwd"
	printf '%s\n' 'postmaster: alice' > "$D/aliases"
	cat > "$C" <<-END
		hostname $host
		domains $host localhost
		users $D/passwd
		aliases $D/aliases
		mailbox $D/mail/%u
		spool $D/spool
		state $D/state
		log $D/log
		programs $BIN
		nameserver $NET.53:$DNS_PORT
		port $SMTP_PORT
	END
	[ $# -eq 0 ] || printf '%s\n' "$@" >> "$C"
	spool "$D"
}

# Have queuerun make the spool of the instance in directory $1.  Started by root
# it works as the owner of the spool, and smtpd as facteurd, or where there is no
# such account as the owner of the configuration.  new/ hands on its group, as
# root has no need of sendmail's setgid bit.
spool()
{
	local owner=nobody:nogroup
	mkdir "$1/spool"
	if [ "$EUID" -eq 0 ]; then
		if id facteurd > /dev/null 2>&1; then
			owner=facteur:facteur
		else
			chown "$owner" "$1/facteur.conf"
		fi
		chown "$owner" "$1/spool"
	fi
	if [ -x "$(prog queuerun)" ]; then
		"$(prog queuerun)" -C "$1/facteur.conf"
	else
		mkdir -p "$1/spool"/{new,q,hold,bad,trace,hosts}
		chmod 770 "$1/spool"/{new,trace}
		mkfifo "$1/spool/wake"
		[ "$EUID" -ne 0 ] || chown -R "$owner" "$1/spool"
	fi
	[ "$EUID" -ne 0 ] || chmod g+s "$1/spool/new"
}

# queue NAME [OPTION...]: one run over an instance's queue.
queue()
{
	local d=$T/$1
	shift
	"$(prog queuerun)" -C "$d/facteur.conf" "$@"
}

# A command line for smtpd of an instance: path, argv[0], arguments.
smtpd_line()
{
	echo "$(prog smtpd) smtpd -C $T/$1/facteur.conf"
}

# inetd NAME ADDRESS: put an instance's smtpd under a real openbsd-inetd at
# ADDRESS:$SMTP_PORT and wait until it listens.
inetd()
{
	cat > "$T/inetd-$1.conf" <<-END
		$2:$SMTP_PORT stream tcp nowait.1000000 $ME $(smtpd_line "$1")
	END
	start "inetd-$1" "$(peer inetd)" -i "$T/inetd-$1.conf"
	wait_for listens "$2" "$SMTP_PORT"
}

# Does somebody accept connections there?
listens() { (: < "/dev/tcp/$1/$2"); }

# dns OPTION...: a real name server (dnsmasq) at $NET.53 with these records,
# as --mx-host=b.test,mx.b.test,10 --host-record=mx.b.test,127.0.0.1.
# It knows nothing else: any other name below .test is NXDOMAIN.
dns()
{
	start dns "$(peer dnsmasq)" --keep-in-foreground --conf-file=/dev/null \
	    --no-resolv --no-hosts --no-daemon --bind-interfaces \
	    --listen-address="$NET.53" --port=$DNS_PORT --local=/test/ \
	    --pid-file= --user="$ME" "$@"
	wait_for dns_answers
}

dns_answers()
(
	exec 3<> "/dev/udp/$NET.53/$DNS_PORT"
	printf 'id\1\0\0\1\0\0\0\0\0\0\4test\0\0\1\0\1' >&3
	read -r -t 1 -n 1 -u 3
)

# lingers NAME: does somebody wait at the FIFO of the instance's queue?
lingers()
{
	dd if=/dev/null of="$T/$1/spool/wake" oflag=nonblock conv=nocreat,notrunc
}

# --- letters ---

# talk ADDRESS [PORT]: send stdin's lines over TCP as they are (LF becomes
# CRLF), one after the other's reply, and print all that comes back.
talk()
{
	python3 "$REPO/tests/talk.py" "$1" "${2:-$SMTP_PORT}"
}

# smtpd NAME: the dialogue of stdin with an instance's smtpd on pipes.
smtpd()
{
	sed 's/$/\r/' | "$(prog smtpd)" -C "$T/$1/facteur.conf" | tr -d '\r'
}

# send NAME OPTION...: an instance's sendmail.
send()
{
	local d=$T/$1
	shift
	"$(prog sendmail)" -C "$d/facteur.conf" "$@"
}

# letters FILE: how many messages an mbox holds.
letters()
{
	[ -e "$1" ] || { echo 0; return; }
	grep -ac '^From ' "$1" || :
}

# body FILE [N]: the body of the N-th message (default the first), quoting
# of From_ lines undone.
body()
{
	python3 -IS - "$1" "${2:-1}" <<-'END'
		import re, sys
		b = re.split(rb"(?m)^From .*\n", open(sys.argv[1], "rb").read())
		b = b[int(sys.argv[2])].split(b"\n\n", 1)[1].removesuffix(b"\n")
		sys.stdout.buffer.write(re.sub(rb"(?m)^>(>*From )", rb"\1", b))
	END
}

# queued NAME: how many messages wait in an instance's spool.
queued()
{
	find "$T/$1/spool/new" "$T/$1/spool/q" "$T/$1/spool/hold" -type f \
	    ! -name '.*' 2> /dev/null | wc -l
}

# delivered NAME USER COUNT: does the mailbox hold so many messages?
delivered()
{
	[ "$(letters "$T/$1/mail/$2")" -eq "$3" ]
}
