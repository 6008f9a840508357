# logs - what those say who see no file of the system any more.

load lib
load pop

setup()
{
	[ "$EUID" -eq 0 ] || skip 'needs root'
	id facteurd > /dev/null 2>&1 || skip 'needs the accounts'
	unshare -m true || skip 'no namespaces'
	need socat
	test_begin
	instance a a.test
	ZONE=/usr/share/zoneinfo/Asia/Tokyo
	[ -f "$ZONE" ] || skip 'no time zones'
	NOW="($(TZ=:$ZONE date '+%b %e %H')|$(TZ=:$ZONE date -d '1 minute' '+%b %e %H')):"
}

teardown() { test_end; }

# stranger: popd tells from his jail that he cannot log in, on a system of that zone
# with a syslog, which writes to $T/got.
stranger()
{
	mkdir "$T/dev"
	cat > "$T/far" <<-'END'
		mount -t tmpfs none "$T/dev" && mount --bind "$ZONE" /etc/localtime || exit 99
		for f in null zero urandom random; do
			: > "$T/dev/$f" && mount --bind "/dev/$f" "$T/dev/$f" || exit 99
		done
		mount --rbind "$T/dev" /dev || exit 99
		unset TZ
		socat -u UNIX-RECV:/dev/log CREATE:"$T/got" &
		for _ in $(seq 100); do [ ! -S /dev/log ] || break; sleep .1; done
		printf 'USER bob\r\nQUIT\r\n' | TCPREMOTEIP=192.0.2.1 "$1" -C "$2"
		for _ in $(seq 100); do ! grep -qs 'no login' "$T/got" "$3" || break; sleep .1; done
		kill $!
	END
	ZONE=$ZONE unshare -m bash "$T/far" "$(prog popd)" "$C" "$D/log"
}

@test "lines of a file have local time" {
	stranger
	grep -E "^$NOW.* facteur/popd.*no login for" "$D/log"
	! grep -Ev "^$NOW" "$D/log" || false
}

@test "syslog gives lines its own time" {
	sed -i '/^log /d' "$C"
	stranger
	grep -E '^<20>facteur/popd\[[0-9]+\]: warning: no login for' "$T/got"
}

# In a container there is often no other file of it than this.
@test "a time zone of the environment is that of all that is started" {
	sed -i "s|:x:|:$SECRET_HASH:|" "$D/passwd"
	echo 'clear_from 192.0.2.0/24' >> "$C"
	export TZ=XXX-7:30 TCPREMOTEIP=192.0.2.1
	before=$(date +%s)
	send a bob <<< 'Subject: hi'
	queue a
	printf 'a LOGIN bob %s\r\nb SELECT INBOX\r\nc FETCH 1 INTERNALDATE\r\nd LOGOUT\r\n' \
	    "$SECRET" | "$(prog imapd)" -C "$C" > "$T/got"
	after=$(date +%s)
	got=$(date -d "$(sed -n 's/.*INTERNALDATE "\([^"]*\)".*/\1/p' "$T/got" | tr -s - ' ')" +%s)
	[ "$got" -ge "$before" ]
	[ "$got" -le "$after" ]
	grep 'Login user=bob' "$D/log"
	cut -c 1-15 "$D/log" | while read -r at; do
		[ "$(date -d "$at" +%s)" -ge "$before" ]
	done
}

@test "a syslog that stands still does not hold up the mail" {
	sed -i '/^log /d' "$C"
	mkdir "$T/dev"
	cat > "$T/far" <<-'END'
		mount -t tmpfs none "$T/dev" && : > "$T/dev/null" &&
			mount --bind /dev/null "$T/dev/null" &&
			mount --rbind "$T/dev" /dev || exit 99
		python3 -c 'import socket, time
		one = lambda: socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
		s = one()
		s.bind("/dev/log")
		others = [one() for _ in range(50)]
		for o in others:
		    o.connect("/dev/log")
		    o.setblocking(False)
		    try:
		        while True: o.send(b"x")
		    except BlockingIOError: pass
		open("/dev/full", "w")
		time.sleep(100)' > /dev/null 2>&1 3>&- &
		trap "kill $!" EXIT
		for _ in $(seq 100); do [ ! -e /dev/full ] || break; sleep .1; done
		timeout 20 "$1" -C "$3" bob <<< 'Subject: hi' || exit 98
		timeout 20 "$2" -C "$3"
	END
	unshare -m bash "$T/far" "$(prog sendmail)" "$(prog queuerun)" "$C"
	delivered a bob 1
}
