# backends - checkpass(8) by hand: the users file and its words, SCRAM, the account of
# failures, whatever happens to its file; PAM; what the log says.  (Hashes, shadow(5)
# and checkpassword programs through a server: popd-auth.)

load lib

setup()
{
	test_begin
	instance a a.test
	CHECK=$(prog lib/checkpass) IP=192.0.2.1
	export CHECK C D
	mkdir -p "$D/state"
	chmod 1777 "$D/state"
}

teardown() { test_end; }

as_root() { [ "$EUID" -eq 0 ] || skip 'needs root'; }

id_of() { awk -F: -v u="$1" '$1 == u { print $3 ":" $4 }' "$D/passwd"; }

# user NAME HASH [WORDS]: the uid is one that may log in here.
user()
{
	local id=30001:30001
	[ "$EUID" -eq 0 ] || id=$(id -u):$(id -g)
	echo "$1:$2:$id::/home/$1:/bin/sh:${3-}" > "$D/one"
	{ cat "$D/one"; grep -v "^$1:" "$D/passwd"; } > "$T/p"
	cat "$T/p" > "$D/passwd"
}

# ask NAME SECRET [OPTION...]: its line and exit status in $line and $status.
ask()
{
	local n=$1 s=$2
	shift 2
	status=0
	line=$(printf '%s\0%s\0' "$n" "$s" | "$CHECK" -C "$C" -s imap -i "$IP" "$@" 3<&0) || status=$?
}

yes() { ask "$@"; [ "$status" -eq 0 ]; }
no() { ask "$@"; [ "$status" -eq 1 ]; }

# fails COUNT [NAME]: so many different wrong passwords.  (One in 65,536 looks to the
# account like the one before, and is not counted; 24 are 20 in any case.)
fails()
{
	local i
	for ((i = 0; i < $1; i++)); do
		no "${2:-bob}" "wrong $IP $i $RANDOM"
	done
}

# later MINUTES: as if so much time had passed since all that is on the account.
later()
{
	python3 - "$D/state/.failures" "$1" <<-'END'
		import struct, sys
		d = bytearray(open(sys.argv[1], "rb").read())
		n = 0
		for at in range(64, len(d), 24):
		    key, when, count, last = struct.unpack_from("=QqII", d, at)
		    if key:
		        n += 1
		        struct.pack_into("=QqII", d, at, key, when - 60 * int(sys.argv[2]), count, last)
		assert n > 0
		open(sys.argv[1], "r+b").write(d)
	END
}

@test "the answer: who it is, and how long it should take" {
	user bob '{PLAIN}se cret'
	mail=$(getent group mail | cut -d: -f3)
	yes bob 'se cret'
	[ "$line" = "0 $mail bob"$'\t'"bob:x:$(id_of bob)::/home/bob:/bin/sh" ]
	no bob secret
	[ "$line" = 1000 ]
	no nobody-here secret
	[ "$line" = 2000 ]
	sed -i 's|^users .*|users /nonexistent/x|' "$C"
	ask bob 'se cret'
	[ "$status" -eq 111 ]
	run "$CHECK" -k nonsense
	[ "$status" -eq 64 ]
	for x in '' 'bob' 'bob\0' 'bob\0secret' "bob\0$(printf '%01300d' 1)\0"; do
		run bash -c 'printf "$2" | "$1" -C "$3" 3<&0' - "$CHECK" "$x" "$C"
		echo "$x: $status $output"
		[ "$status" -eq 64 ]
		[ -z "$output" ]
	done
	run "$CHECK" -C "$C" 3<&-
	[ "$status" -eq 64 ]
	[ "$("$CHECK" -V)" = "$("$(prog popd)" -V)" ]
}

@test "words of the users file: nologin, services, nets, and others that mean nothing" {
	user bob '{PLAIN}secret' 'userdb_mail=x nologin-not=1 nopassword  proxy'
	yes bob secret
	no bob ''
	user bob '{PLAIN}secret' 'nologin'
	no bob secret
	user bob '{PLAIN}secret' 'a=b nologin=yes c=d'
	no bob secret
	user bob '{PLAIN}secret' 'services=pop3,imap'
	yes bob secret
	yes bob secret -s pop3
	no bob secret -s smtp
	user bob '{PLAIN}secret' 'services='
	no bob secret
	user bob '{PLAIN}secret' 'nets=192.0.2.0/24,2001:db8::/32 services=imap'
	for i in 192.0.2.77 2001:db8::1 2001:db8:ffff::; do yes bob secret -i "$i"; done
	for i in 192.0.3.1 2001:db9::1 local unknown ''; do no bob secret -i "$i"; done
	no bob secret -i 192.0.2.77 -s pop3
	user bob '{PLAIN}secret' 'allow_nets=198.51.100.7'
	yes bob secret -i 198.51.100.7
	no bob secret -i 198.51.100.8
	user bob '{PLAIN}secret' 'nets=nonsense,,/,192.0.2.1/99'
	no bob secret
	# as editors of other systems save it, and as a disk that died does
	user bob '{PLAIN}secret' $'services=imap\r'
	yes bob secret
	user bob '{PLAIN}secret' $'nologin\r'
	no bob secret
	user bob '{PLAIN}secret' 'x@nologin'
	sed -i 's/@/\x00/' "$D/passwd"
	no bob secret
}

@test "a users file that is being written anew is waited for, and nobody fails" {
	user bob '{PLAIN}secret' 'services=smtp'
	for n in 0 5 20 30; do
		while_written "$D/passwd" "$n" yes bob secret -s smtp
	done
	# What nobody writes to any more says what it says.
	head -n 1 "$T/whole" | tr -d '\n' > "$D/passwd"
	yes bob secret -s smtp
	no kim y
}

@test "passwords of programs: each is right, with the words that hold for all" {
	user bob '{PLAIN}secret' 'app={PLAIN}telephone app= app=$1$abcdefgh$cHJi5PXp/ki/ktXzqlk6I1 services=imap'
	yes bob secret
	yes bob telephone
	no bob ''
	no bob telephone -s smtp
	user bob '!' 'app={PLAIN}telephone'
	no bob telephone
	user bob '{PLAIN}x' 'app=$1$abcdefgh$cHJi5PXp/ki/ktXzqlk6I1'
	yes bob secret
	no bob telephone
}

@test "SCRAM: a salt for everybody, always the same, and the proof" {
	key=$(python3 - <<-'END'
		import base64, hashlib, hmac, os
		salt = bytes(range(16))
		sp = hashlib.pbkdf2_hmac("sha256", b"secret", salt, 5000)
		b = lambda x: base64.b64encode(x).decode()
		ck = hmac.new(sp, b"Client Key", "sha256").digest()
		print("{SCRAM-SHA-256}5000,%s,%s,%s" % (b(salt), b(hashlib.sha256(ck).digest()),
			b(hmac.new(sp, b"Server Key", "sha256").digest())))
	END
	)
	user bob "$key"
	user kim '{PLAIN}secret'
	user alice '$1$abcdefgh$cHJi5PXp/ki/ktXzqlk6I1'
	yes bob secret
	no bob Secret
	yes bob '' -k scram
	[ "$line" = "0 0 5000 $(cut -d, -f2 <<< "$key")" ]
	for u in alice kim nobody-here root; do
		yes "$u" '' -k scram
		one=$line
		[[ $one =~ ^'0 0 4096 '[A-Za-z0-9+/]{22}==$ ]]
		yes "$u" '' -k scram
		[ "$line" = "$one" ]
		echo "$one"
	done > "$T/salts"
	[ "$(sort -u "$T/salts" | wc -l)" -eq 4 ]
	cat > "$T/prove" <<-'END'
		import base64, hashlib, hmac, os, subprocess, sys
		def ask(name, secret, kind):
		    return subprocess.run('"$CHECK" -C "$C" -s imap -i 192.0.2.9 -k %s 3<&0' % kind, shell=True,
			input=name + b"\0" + secret + b"\0", capture_output=True)
		name, password = sys.argv[1].encode(), sys.argv[2].encode()
		_, _, rounds, salt = ask(name, b"", "scram").stdout.split()
		sp = hashlib.pbkdf2_hmac("sha256", password, base64.b64decode(salt), int(rounds))
		H = lambda k, m: hmac.new(k, m, "sha256").digest()
		ck = H(sp, b"Client Key")
		auth = b"n=x,r=abc,r=abcdef,s=" + salt + b",i=" + rounds + b",c=biws,r=abcdef"
		proof = bytes(a ^ b for a, b in zip(ck, H(hashlib.sha256(ck).digest(), auth)))
		r = ask(name, base64.b64encode(proof) + b" " + auth, "proof")
		if r.returncode == 0:
		    wait, mail, sign, rest = r.stdout.split(b" ", 3)
		    assert sign == base64.b64encode(H(H(sp, b"Server Key"), auth)), sign
		    assert rest.startswith(name + b"\t" + name + b":x:"), rest
		    assert ask(name, base64.b64encode(proof) + b" " + auth + b"x", "proof").returncode == 1
		    assert ask(name, base64.b64encode(proof), "proof").returncode == 1
		sys.exit(r.returncode)
	END
	prove() { python3 "$T/prove" "$@"; }
	prove bob secret
	prove kim secret
	for u in bob kim alice nobody-here; do
		run prove "$u" wrong
		[ "$status" -eq 1 ]
	done
	run prove alice secret
	[ "$status" -eq 1 ]
	user bob "$key" nologin
	run prove bob secret
	[ "$status" -eq 1 ]
	[ "$(grep -c 'Login failed user=bob ' "$D/log")" -eq 5 ]
}

@test "failures of an address: slow, slower, refused; other addresses are not" {
	user bob '{PLAIN}secret'
	got=
	for i in 1 2 3 4 5 6; do
		no bob "wrong $i"
		got+="$line "
	done
	[ "$got" = '1000 2000 4000 8000 8000 8000 ' ]
	yes bob secret -i 192.0.2.2
	[ "${line%% *}" = 0 ]
	# It does not matter who is asked for, and by which service.
	for i in {1..7}; do no "nobody$i" wrong -s pop3; done
	for i in {1..9}; do no bob "still $i" -s smtp; done
	no bob secret
	[ "$line" = 8000 ]
	no kim secret
	# Others are asked as ever; the name is known to be under attack.
	yes bob secret -i 192.0.2.2
	[ "${line%% *}" -ge 2000 ]
	IP=192.0.2.2
	user kim '{PLAIN}secret'
	yes kim secret
	[ "${line%% *}" = 0 ]
	# Which of it was right nobody can tell.
	IP=192.0.2.1
	no kim secret
}

@test "a minute takes a failure away; the refused ones add none" {
	user bob '{PLAIN}secret'
	fails 22
	no bob secret
	later 2
	yes bob secret || { fails 20; later 1; yes bob secret; }
	fails 6
	later 6
	no bob x
	[ "$line" -ge 1000 ]
	fails 25
	later 30
	yes bob secret
	[ "${line%% *}" = 0 ]
}

@test "a right password clears the address; the same wrong one counts once" {
	user bob '{PLAIN}secret'
	fails 7
	yes bob secret
	[ "${line%% *}" = 2000 ]
	no bob 'wrong again'
	yes bob secret
	[ "${line%% *}" = 0 ]
	for i in $(seq 40); do no bob 'the old one'; done
	[ "$line" = 1000 ]
	yes bob secret
}

@test "IPv6: one customer is one address" {
	user bob '{PLAIN}secret'
	for i in $(seq 24); do no kim "wrong $i" -i "2001:db8:0:7:$i::$i"; done
	no bob secret -i 2001:db8:0:7::99
	no bob secret -i 2001:db8:0:7:ffff:ffff:ffff:ffff
	yes bob secret -i 2001:db8:0:8::1
	yes bob secret -i 2001:db8::1
	yes bob secret -i ::1
}

@test "a user who is attacked from everywhere is let in, later" {
	user bob '{PLAIN}secret'
	for i in $(seq 60); do no bob "wrong $i" -i "198.51.100.$i"; done
	yes bob secret -i 203.0.113.1
	[ "${line%% *}" -eq 8000 ]
	yes bob secret
	no nobody-here x -i 203.0.113.2
	[ "$line" = 1000 ]
}

@test "programs of this machine have no address to be refused" {
	user bob '{PLAIN}secret'
	for i in $(seq 25); do no bob "wrong $i" -i local; done
	yes bob secret -i local
	for i in $(seq 25); do no kim "wrong $i" -i 127.0.0.1; done
	no bob secret -i 127.0.0.1
}

# The account that there is now works.
account_works()
{
	IP=192.0.2.$((RANDOM % 90 + 100))
	fails 24
	no bob secret
	later 30
	yes bob secret
}

@test "whatever is where the account should be: logins go on, with a new one" {
	user bob '{PLAIN}secret'
	f=$D/state/.failures
	yes bob secret
	[ "$(stat -c %a:%U:%s "$f")" = "600:$ME:393280" ]
	for how in 'rm "$f"' 'truncate -s 100 "$f"' ': > "$f"' 'echo x >> "$f"' \
	    'head -c 393280 /dev/urandom > "$f"' 'ln -sf /etc/passwd "$f"' \
	    'rm -f "$f"; mkfifo "$f"' 'rm -f "$f"; mkdir "$f"' 'rm -rf "$f"; ln "$D/log" "$f"'; do
		echo "$how"
		eval "$how"
		yes bob secret
		[ "$(stat -c %a:%s "$f")" = 600:393280 ]
		account_works
	done
	grep -q '^root:' /etc/passwd
	# Nonsense in the slots.
	python3 -c 'import os, sys; f = open(sys.argv[1], "r+b"); f.seek(64); f.write(os.urandom(393216))' "$f"
	yes bob secret -i 203.0.113.1
	account_works
}

@test "as root: an account that somebody else has put there is not taken" {
	as_root
	user bob '{PLAIN}secret'
	f=$D/state/.failures
	yes bob secret
	cp "$f" "$T/copy"
	rm "$f"
	setpriv --reuid=31000 --regid=31000 --clear-groups cp "$T/copy" "$f" ||
		{ chmod 644 "$T/copy"; setpriv --reuid=31000 --regid=31000 --clear-groups cp "$T/copy" "$f"; }
	[ "$(stat -c %u "$f")" = 31000 ]
	fails 24
	no bob secret
	[ "$(stat -c %u:%a "$f")" = 0:600 ]
}

@test "a full disk, no directory, a lock that is held: logins go on" {
	user bob '{PLAIN}secret'
	sed -i "s|^state .*|state $D/state/none/at/all|" "$C"
	yes bob secret
	no bob wrong
	sed -i "s|^state .*|state $D/state|" "$C"
	yes bob secret
	python3 - "$D/state/.failures" "$T/held" <<-'END' &
		import fcntl, os, sys, time
		f = open(sys.argv[1], "r+b")
		fcntl.flock(f, fcntl.LOCK_EX)
		open(sys.argv[2], "w").write(str(os.getpid()))
		while os.path.exists(sys.argv[2]):
		    time.sleep(0.05)
	END
	wait_for test -s "$T/held"
	yes bob secret
	no bob wrong
	rm "$T/held"
	wait
	account_works
	as_root
	cat > "$T/inside" <<-'END'
		mount -t tmpfs -o size=16k none "$D/state" && chmod 1777 "$D/state" || exit 9
		head -c 100000 /dev/zero > "$D/state/full" 2> /dev/null
		for i in 1 2 3; do
			printf 'bob\0secret\0' | "$CHECK" -C "$C" -i 192.0.2.1 3<&0 || exit 1
			printf 'bob\0wrong\0' | "$CHECK" -C "$C" -i 192.0.2.1 3<&0
			[ $? -eq 1 ] || exit 2
		done
		rm "$D/state/full"
		printf 'bob\0secret\0' | "$CHECK" -C "$C" -i 192.0.2.1 3<&0 || exit 3
	END
	unshare -m bash "$T/inside"
}

@test "killed at every one of its system calls: the account stays whole" {
	need strace
	user bob '{PLAIN}secret'
	fails 3
	for call in flock pread64 pwrite64 ftruncate write openat; do
		for n in 1 2 3 4; do
			printf 'bob\0wrong%s%s\0' "$call" "$n" | strace -o /dev/null \
			    -e inject=$call:signal=KILL:when=$n "$CHECK" -C "$C" -i "$IP" 3<&0 || :
		done
	done > "$T/killed" 2>&1
	yes bob secret -i 203.0.113.1
	python3 - "$D/state/.failures" <<-'END'
		import struct, sys
		d = open(sys.argv[1], "rb").read()
		assert len(d) == 393280 and d[:8] == b"facteur1"
		most = max(struct.unpack_from("=QqII", d, at)[2] for at in range(64, len(d), 24))
		assert 3 <= most <= 27, most
	END
	account_works
}

@test "a file of ours that was linked there just now is not written to" {
	need strace
	export ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=0
	echo precious > "$T/other"
	ln "$T/other" "$D/state/.failures"
	# The first look came before it was there.
	printf 'bob\0wrong\0' | strace -o /dev/null -P "$D/state/.failures" \
	    -e inject=newfstatat,lstat:error=ENOENT:when=1 \
	    "$CHECK" -C "$C" -i "$IP" 3<&0 || [ $? -eq 1 ]
	[ "$(cat "$T/other")" = precious ]
}

@test "an account that cannot be read now is not begun anew" {
	need strace
	export ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=0
	user bob '{PLAIN}secret'
	no bob wrong
	cp "$D/state/.failures" "$T/before"
	printf 'bob\0wrong2\0' | strace -o /dev/null -P "$D/state/.failures" \
	    -e inject=pread64:error=EIO "$CHECK" -C "$C" -i "$IP" 3<&0 || [ $? -eq 1 ]
	cmp "$D/state/.failures" "$T/before"
	grep 'failed logins cannot be read' "$D/log"
}

@test "twenty at a time: right ones all get in, wrong ones all count" {
	user bob '{PLAIN}secret'
	for i in $(seq 20); do
		{ ask bob secret; echo "$status ${line%% *}" > "$T/yes-$i"; } &
	done
	wait
	[ "$(sort -u "$T"/yes-*)" = '0 0' ]
	for i in $(seq 21); do
		{ ask bob "wrong $i"; echo "$status" > "$T/no-$i"; } &
	done
	wait
	[ "$(sort -u "$T"/no-*)" = 1 ]
	no bob secret
	later 2
	yes bob secret
}

@test "many guesses at once are no more guesses" {
	user kim '{PLAIN}other'
	user bob '$6$rounds=1000000$abcdefgh$'"$(python3 - <<-'END'
		import ctypes
		c = ctypes.CDLL("libcrypt.so.1")
		c.crypt.restype = ctypes.c_char_p
		print(c.crypt(b"secret", b"$6$rounds=1000000$abcdefgh$").decode().split("$")[4])
	END
	)"
	# One is being computed while others are found wrong; if it is not too fast for us.
	printf 'bob\0secret\0' > "$T/claim"
	works() { [ "$(awk '{ print $14 }' "/proc/$pid/stat")" -ge 4 ]; }
	for _ in {1..9}; do
		start guess bash -c 'exec "$@" 3< "$T/claim"' - "$CHECK" -C "$C" -s imap -i "$IP"
		pid=$(cat "$T/pid/guess")
		wait_for works
		kill -STOP "$pid"
		[ -s "$T/guess.out" ] || break
		stop guess
	done
	fails 24 kim
	kill -CONT "$pid"
	wait_for test -s "$T/guess.out"
	[ "$(cat "$T/guess.out")" = 8000 ]
	# Nor does it clear the account.
	no kim other
	yes bob secret -i 192.0.2.2
}

@test "brute force through the servers: many connections, one account" {
	as_root
	user bob '{PLAIN}secret'
	{
		echo "$NET.1:2110 stream tcp nowait.1000000 root $(prog popd) popd -C $C"
		echo "$NET.1:1143 stream tcp nowait.1000000 root $(prog imapd) imapd -C $C"
	} > "$T/inetd.conf"
	start inetd "$(peer inetd)" -i "$T/inetd.conf"
	wait_for listens "$NET.1" 2110
	wait_for listens "$NET.1" 1143
	python3 - "$NET" <<-'END'
		import socket, sys, threading, time
		net = sys.argv[1]
		def one(port, secret, source, out):
		    s = socket.create_connection((net + ".1", port), 120, (source, 0))
		    f = s.makefile("rwb", 0)
		    f.readline()
		    t = time.monotonic()
		    if port == 2110:
		        f.write(b"USER bob\r\nPASS %s\r\n" % secret)
		        f.readline()
		        ok = f.readline().startswith(b"+OK")
		    else:
		        f.write(b"a LOGIN bob %s\r\n" % secret)
		        ok = f.readline().startswith(b"a OK")
		    out.append((ok, time.monotonic() - t))
		    s.close()
		def many(n, secret, source):
		    out = []
		    ts = [threading.Thread(target=one, args=((2110, 1143)[i % 2], secret(i), source, out))
			  for i in range(n)]
		    for t in ts: t.start()
		    for t in ts: t.join()
		    return out
		r = many(20, lambda i: b"secret", net + ".7")
		assert all(ok for ok, t in r), r
		r = many(24, lambda i: b"wrong%d" % i, net + ".8")
		assert not any(ok for ok, t in r) and len(r) == 24, r
		assert min(t for ok, t in r) > .95 and 7.5 < max(t for ok, t in r), r
		out = []
		one(1143, b"secret", net + ".8", out)
		one(2110, b"secret", net + ".8", out)
		assert not any(ok for ok, t in out), out
		out = []
		one(1143, b"secret", net + ".9", out)
		assert out[0][0], out
	END
	[ "$(grep -c 'facteur/popd\[.*Login failed user=bob' "$D/log")" -eq 13 ]
	[ "$(grep -c 'facteur/imapd\[.*Login failed user=bob' "$D/log")" -eq 13 ]
}

@test "as root: what is computed from a password is computed by nobody" {
	as_root
	h=$(python3 - <<-'END'
		import ctypes
		c = ctypes.CDLL("libcrypt.so.1")
		c.crypt.restype = ctypes.c_char_p
		print(c.crypt(b"secret", b"$6$rounds=2000000$abcdefgh$").decode())
	END
	)
	user bob "$h"
	printf 'bob\0secret\0' > "$T/claim"
	"$CHECK" -C "$C" -s imap -i 192.0.2.1 3< "$T/claim" > "$T/out" &
	pid=$!
	dropped() { [ "$(awk '$1 == "Uid:" { print $2 }' /proc/$pid/status)" != 0 ]; }
	wait_for dropped
	awk '$1 == "Uid:" || $1 == "Gid:" || $1 == "Groups:"' "/proc/$pid/status" > "$T/ids"
	tr '\0' ' ' < "/proc/$pid/cmdline" > "$T/cmd"
	wait "$pid"
	cat "$T/ids"
	run grep -w 0 "$T/ids"
	[ "$status" -eq 1 ]
	[ "$(sed -n 's/^Uid:[^0-9]*//p' "$T/ids" | tr '\t' '\n' | sort -u | wc -l)" -eq 1 ]
	run grep -e secret -e bob "$T/cmd"
	[ "$status" -eq 1 ]
	grep -q 'bob:x:' "$T/out"
	run grep -F "$h" "$T/out" "$D/log"
	[ "$status" -eq 1 ]
}

# --- PAM ---

# pam_service LINE...: the rules of the service facteur; then checkpass asks it.
pam_service()
{
	[ -x "$(prog lib/pamcheck)" ] || skip 'pamcheck was not built'
	mkdir -p "$T/pam.d"
	printf '%s\n' "$@" > "$T/pam.d/facteur"
	grep -q ^checkpassword "$C" || echo "checkpassword $(prog lib/pamcheck) -d $T/pam.d" >> "$C"
}

@test "PAM: permit, deny, an account that may not, no rules" {
	me=facteur-bob
	[ "$EUID" -eq 0 ] || me=$ME
	pam_service 'auth required pam_permit.so' 'account required pam_permit.so'
	yes "$me" secret
	[[ $line == *$'\t'"$me:x:$(id -u "$me"):$(id -g "$me")::"* ]]
	no root secret
	no nobody-here secret
	ask "$me" '' -k scram
	[ "$status" -eq 0 ]
	no "$me" 'x y' -k proof
	pam_service 'auth required pam_deny.so' 'account required pam_permit.so'
	no "$me" secret
	pam_service 'auth required pam_permit.so' 'account required pam_deny.so'
	no "$me" secret
	rm "$T/pam.d/facteur"
	run yes "$me" secret
	[ "$status" -ne 0 ]
	run "$(prog lib/pamcheck)" -x
	[ "$status" -eq 2 ]
	run "$(prog lib/pamcheck)" true 3< /dev/null
	[ "$status" -eq 2 ]
	[ "$("$(prog lib/pamcheck)" -V)" = "$("$CHECK" -V)" ]
}

@test "PAM: pam_unix with a real shadow, through popd" {
	as_root
	pam_service 'auth required pam_unix.so' 'account required pam_unix.so'
	sed '/^facteur-bob:/s/^[^:]*:[^:]*/facteur-bob:x/' /etc/passwd > "$T/passwd.sys"
	echo 'gone:x:20003:20003::/:/bin/sh' >> "$T/passwd.sys"
	cat > "$T/shadow" <<-'END'
		facteur-bob:$1$abcdefgh$cHJi5PXp/ki/ktXzqlk6I1:19000:0:99999:7:::
		gone:$1$abcdefgh$cHJi5PXp/ki/ktXzqlk6I1:19000:0:99999:7::1:
		root:$1$abcdefgh$cHJi5PXp/ki/ktXzqlk6I1:19000:0:99999:7:::
	END
	chmod 640 "$T/shadow"
	cat > "$T/inside" <<-'END'
		umount /etc/passwd 2> /dev/null
		mount --bind "$T/passwd.sys" /etc/passwd && mount --bind "$T/shadow" /etc/shadow || exit 1
		for x in facteur-bob:secret facteur-bob:wrong gone:secret root:secret; do
			printf 'USER %s\nPASS %s\nQUIT\n' "${x%:*}" "${x#*:}" |
			    python3 "$REPO/tests/pop.py" "$POPD" -C "$C" | sed -n 3p
		done
	END
	REPO=$REPO POPD=$(prog popd) unshare -m bash "$T/inside" > "$T/got"
	cat "$T/got"
	[[ $(sed -n 1p "$T/got") == '+OK facteur-bob has'* ]]
	[ "$(grep -c '^-ERR \[AUTH\]' "$T/got")" -eq 3 ]
	[ "$(stat -c %U "$D/state/facteur-bob")" = facteur-bob ]
}

# --- shadow(5) ---

@test "a shadow file that cannot be opened now makes no password wrong" {
	as_root
	need strace
	export ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=0
	sed -i 's|^users .*||' "$C"
	cp /etc/passwd "$T/passwd.sys"
	echo 'there:x:20003:20003::/:/bin/sh' >> "$T/passwd.sys"
	echo 'there:$1$abcdefgh$cHJi5PXp/ki/ktXzqlk6I1:19000:0:99999:7:::' > "$T/shadow"
	chmod 640 "$T/shadow"
	cat > "$T/inside" <<-'END'
		umount /etc/passwd 2> /dev/null
		mount --bind "$T/passwd.sys" /etc/passwd && mount --bind "$T/shadow" /etc/shadow || exit 1
		for fault in openat:error=ENFILE openat:error=EIO read:error=EIO ''; do
			printf 'there\0secret\0' | strace -o "$T/calls" -P /etc/shadow \
			    ${fault:+-e inject=$fault} "$CHECK" -C "$C" -s imap -i "$IP" 3<&0
			echo "$?"
		done
		rm "$D/state/.failures"
		umount /etc/shadow
		printf 'there\0secret\0' | "$CHECK" -C "$C" -s imap -i "$IP" 3<&0
		echo "$?"
	END
	IP=$IP unshare -m bash "$T/inside" > "$T/got"
	cat "$T/got"
	[ "$(grep -cx 111 "$T/got")" -eq 3 ]
	[ "$(grep -cx 0 "$T/got")" -ge 1 ]
	[ "$(tail -n 1 "$T/got")" -eq 1 ]
	[ "$(grep -c 'Login delayed user=there' "$D/log")" -eq 3 ]
}

# --- the log ---

@test "fail2ban knows failed logins of smtpd, whatever the mechanism, and only these" {
	need fail2ban-regex
	user bob '{PLAIN}secret'
	no bob wrong -s smtp -h client.example
	no bob 'x y' -s smtp -k proof
	no 'b [6.6.6.6] x' wrong -s smtp
	yes bob secret -s smtp
	no bob wrong -s imap
	f2b=$T/fail2ban
	conf=$PEERS/etc/fail2ban
	[ -d "$conf" ] || conf=/etc/fail2ban
	cp -r "$conf" "$f2b"
	cp "$REPO/etc/fail2ban/filter.conf" "$f2b/filter.d/facteur.conf"
	cp "$REPO/etc/fail2ban/login.conf" "$f2b/filter.d/facteur-login.conf"
	PYTHONPATH=$PEERS/usr/lib/python3/dist-packages \
	    run python3 "$(peer fail2ban-regex)" -v -c "$f2b" "$D/log" \
	    "$f2b/filter.d/facteur.conf[mode=extra]"
	echo "$output"
	grep -qE 'Failregex: 3 total' <<< "$output"
	[ "$(grep -c '^| *192\.0\.2\.1 ' <<< "$output")" -eq 3 ]
	grep -qF 'filter = facteur[mode=extra]' "$REPO/etc/fail2ban/jail.conf"
	grep -q 'client\.example\[192\.0\.2\.1\]: SASL PLAIN authentication failed: ' "$D/log"
	run grep -E 'wrong( |$)|secret' <(sed 's/wrong password//' "$D/log")
	[ "$status" -eq 1 ]
}
