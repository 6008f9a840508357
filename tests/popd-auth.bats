# popd-auth - who may log in: hashes, accounts, checkpassword programs, SASL; the
# hand-over from root to the user; what a wrong password costs.

load lib

setup()
{
	test_begin
	instance a a.test
}

teardown() { test_end; }

# password USER HASH: of one of the instance's users.
password() { awk -F: -v OFS=: -v u="$1" -v h="$2" '$1 == u { $2 = h } { print }' "$D/passwd" > "$T/p"; cat "$T/p" > "$D/passwd"; }

id_of() { awk -F: -v u="$1" '$1 == u { print $3 ":" $4 }' "$D/passwd"; }

pop() { python3 "$REPO/tests/pop.py" "$(prog popd)" -C "$C"; }

# Does the login succeed?
enters() { printf 'USER %s\nPASS %s\nQUIT\n' "$1" "$2" | pop > "$T/got"; [ "$(grep -c '^+OK' "$T/got")" -eq 4 ]; }
refused() { ! enters "$@" || return 1; [ "$(sed -n 3p "$T/got")" = '-ERR [AUTH] wrong user name or password' ]; }

# hash SETTING: of "se cret", by libcrypt.
hash()
{
	python3 - "$1" <<-'END'
		import ctypes, sys
		c = ctypes.CDLL("libcrypt.so.1")
		c.crypt.restype = ctypes.c_char_p
		print(c.crypt(b"se cret", sys.argv[1].encode()).decode())
	END
}

as_root() { [ "$EUID" -eq 0 ] || skip 'needs root'; }

@test "every hash that crypt(3) knows, with and without its scheme" {
	local s h
	while read -r scheme s; do
		h=$(hash "$s")
		[[ $h != '*'* ]]
		password bob "$h"
		enters bob 'se cret'
		[ "$scheme" = - ] || {
			password bob "{$scheme}$h"
			enters bob 'se cret'
		}
	done <<-'END'
		CRYPT ab
		MD5-CRYPT $1$abcdefgh$
		BLF-CRYPT $2y$04$abcdefghijklmnopqrstuu
		SHA256-CRYPT $5$abcdefgh$
		SHA512-CRYPT $6$rounds=1000$abcdefgh$
		- $y$j75$abcdefgh$
		- $7$2/..../....abcdefgh$
		- $gy$j75$abcdefgh$
	END
	refused bob 'se cre'
	for s in PLAIN CLEARTEXT CLEAR; do
		password bob "{$s}se cret"
		enters bob 'se cret'
	done
	refused bob 'se cre'
}

@test "what never matches: nothing, locks, no hash, an unknown scheme, a hash itself" {
	h=$(hash '$1$abcdefgh$')
	n=0
	for x in '' '!' '*' "!$h" "*$h" '!!' 'x' '*0' '*1' '{CRYPT}' '{PLAIN}' "{NOSUCH}$h" \
	    "{CRYPT$h" '{}' '{PLAIN'; do
		n=$((n + 1))
		echo "u$n:$x:$(id_of bob)::$D/home/bob:" >> "$D/passwd"
		for p in 'se cret' "$x" "$h"; do
			printf 'USER u%d\nPASS %s\n' "$n" "${p:-x}"
		done | pop > "$T/out-$n" &
	done
	wait
	[ "$(grep -h '^-ERR \[AUTH\]' "$T"/out-* | wc -l)" -eq $((3 * n)) ]
	[ "$(grep -c 'Login failed' "$D/log")" -eq $((3 * n)) ]
	grep -q 'unknown password scheme {NOSUCH}' "$D/log"
	run grep -F "$h" "$D/log"
	[ "$status" -eq 1 ]
}

@test "an empty password is none" {
	password bob '{PLAIN}'
	[ "$(printf 'USER bob\nPASS \nPASS\n' | pop | grep -c '^-ERR')" -eq 2 ]
}

@test "root may not" {
	echo 'root:{PLAIN}secret:0:0::/root:/bin/sh' >> "$D/passwd"
	refused root secret
}

@test "SASL PLAIN and LOGIN, asked and unasked" {
	password bob '{PLAIN}secret'
	b64() { printf "$1" | base64; }
	good() { [ "$(pop | grep -c '^+OK bob has')" -eq 1 ]; }
	echo "AUTH PLAIN $(b64 '\0bob\0secret')" | good
	echo "auth plain $(b64 'bob\0bob\0secret')" | good
	printf 'AUTH PLAIN\n%s\n' "$(b64 '\0bob\0secret')" | good
	printf 'AUTH LOGIN\n%s\n%s\n' "$(b64 bob)" "$(b64 secret)" | good
	printf 'AUTH LOGIN %s\n%s\n' "$(b64 bob)" "$(b64 secret)" | good
	printf 'AUTH PLAIN\n*\nAUTH LOGIN\n*\nAUTH LOGIN\nYm9i\n*\nQUIT\n' | pop > "$T/got"
	[ "$(cut -c 1-3 "$T/got" | xargs)" = '+OK + -ER + V -ER + V + U -ER +OK' ]
	[ "$(echo AUTH | pop | sed 1,2d | xargs)" = 'PLAIN LOGIN .' ]
}

@test "SASL: what cannot be read is refused at once" {
	password bob '{PLAIN}secret'
	b64() { printf "$1" | base64 -w 0; }
	for x in "$(b64 'kim\0bob\0secret')" "$(b64 'bob\0secret')" "$(b64 '\0bob')" \
	    "$(b64 '\0bob\0secret\0')" "$(b64 '\0bob\0')" "$(b64 '\0\0secret')" '=' '====' \
	    "$(b64 '\0bo\nb\0secret')" 'AGJvYgBzZWNyZXQ' '!' "$(b64 '\0b\xff\0secret')" \
	    "$(printf '\0bob\0%01024d' 1 | base64 -w 0)" "$(printf '%03000d' 1)"; do
		echo "AUTH PLAIN $x" | pop > "$T/got"
		echo "$x"
		[ "$(grep -c . "$T/got")" -eq 2 ]
		[[ $(sed -n 2p "$T/got") == -ERR* ]]
	done
	[ "$(printf 'AUTH CRAM-MD5\nAUTH PLAIN x y\nAUTH LOGIN\n%s\n' "$(b64 'bob\0x')" | pop | grep -c '^-ERR')" -eq 2 ]
	[ ! -s "$D/log" ]
}

@test "UTF-8 in names and passwords" {
	password bob '{PLAIN}gr\xc3\xbc\xc3\x9fe'
	h=$(printf '{PLAIN}gr\xc3\xbc\xc3\x9fe')
	password bob "$h"
	sed -i 's/^bob:/b\xc3\xb6b:/' "$D/passwd"
	enters "$(printf 'b\xc3\xb6b')" "$(printf 'gr\xc3\xbc\xc3\x9fe')"
}

@test "a wrong password costs a second and more, an unknown user the same" {
	password bob "$(hash '$6$abcdefgh$')"
	python3 - "$(prog popd)" "$C" "$D/log" <<-'END'
		import socket, subprocess, sys, time
		def tries(name):
		    a, b = socket.socketpair()
		    subprocess.Popen([sys.argv[1], "-C", sys.argv[2]], stdin=b,
				     stdout=b, stderr=b)
		    b.close()
		    f = a.makefile("rb")
		    f.readline()
		    out = []
		    while True:
		        t = time.time()
		        try:
		            a.sendall(b"USER %s\r\nPASS wrong\r\n" % name)
		        except OSError:
		            break
		        try:
		            if not f.readline():
		                break
		            line = f.readline()
		        except OSError:
		            break
		        out.append((line, time.time() - t))
		    return out
		import threading
		got = {}
		def run(n): got[n] = tries(n)
		def same():
		    """Do all names take the same time?"""
		    open(sys.argv[3], "w").close()
		    ts = [threading.Thread(target=run, args=(n,))
			  for n in (b"bob", b"nobody-here", b"root")]
		    for t in ts: t.start()
		    for t in ts: t.join()
		    for n, r in got.items():
		        print(n, r)
		        assert len(r) == 4, r
		        for i, (x, y) in enumerate(zip(r, got[b"bob"])):
		            assert x[0] == y[0]
		            assert x[1] >= 1 << i, r
		    return all(abs(x[1] - y[1]) < 0.5 for r in got.values()
			       for x, y in zip(r, got[b"bob"]))
		# A machine may be busy, but not each time with the same names.
		assert any(same() for _ in range(4))
	END
	[ "$(grep -c 'Login failed user=bob auth=bob host=' "$D/log")" -eq 4 ]
}

@test "a right password after a wrong one is right" {
	password bob '{PLAIN}secret'
	printf 'USER bob\nPASS wrong\nUSER bob\nPASS secret\nQUIT\n' | pop > "$T/got"
	[ "$(grep -c '^+OK' "$T/got")" -eq 5 ]
	[ "$(grep -c '^-ERR' "$T/got")" -eq 1 ]
}

@test "one line of the log, whatever the name" {
	printf 'USER x host=h [6.6.6.6] y\nPASS p\n' | pop > /dev/null
	grep -q 'Login failed user=x?host=h?\[6\.6\.6\.6\]?y auth=x?host=h?\[6\.6\.6\.6\]?y host=[a-z]* \[[a-z]*\]$' "$D/log"
	[ "$(wc -l < "$D/log")" -eq 1 ]
}

@test "users that cannot be asked: later, not never" {
	sed -i 's|^users .*|users /nonexistent/passwd|' "$C"
	printf 'USER bob\nPASS secret\nQUIT\n' | pop > "$T/got"
	cat "$T/got"
	[ "$(sed -n 3p "$T/got")" = '-ERR [SYS/TEMP] cannot check passwords now' ]
	grep -q 'Login delayed user=bob' "$D/log"
}

@test "users that are a FIFO keep nobody from being greeted" {
	sed -i '/^users /d' "$C"
	mkfifo "$T/users"
	echo "users $T/users" >> "$C"
	printf 'CAPA\nQUIT\n' | timeout 10 python3 "$REPO/tests/pop.py" "$(prog popd)" -C "$C" > "$T/got"
	grep -q '^+OK goodbye' "$T/got"
}

# --- checkpassword ---

# A checkpassword program that takes bob with "secret" and is told to run us.
checker()
{
	cp "$(prog deliver)" "$T/deliver"
	mkdir "$T/progs"
	cp "$(prog deliver)" "$(prog popd)" "$(prog lib/checkpass)" "$T/progs/"
	chmod -R a+rX "$T/progs"
	sed -i "s|^programs .*|programs $T/progs|" "$C"
	cat > "$T/check" <<-END
		#!/usr/bin/python3
		import os, sys
		data = b""
		while True:
		    d = os.read(3, 4096)
		    if not d:
		        break
		    data += d
		open("$T/seen", "wb").write(data)
		$1
		name, secret, stamp = data.split(b"\0")[:3]
		if name != b"bob" or secret != b"se cret":
		    sys.exit(1)
		os.environ.update(USER="bob", HOME="$D/home/bob", SHELL="/bin/sh")
		if os.getuid() == 0:
		    os.setgroups([])
		    os.setgid(20002)
		    os.setuid(20002)
		os.execv(sys.argv[1], sys.argv[1:])
	END
	chmod 755 "$T/check"
	: > "$T/seen"
	chmod 666 "$T/seen"
	echo "checkpassword $T/check" >> "$C"
}

@test "checkpassword: yes and no" {
	checker
	enters bob 'se cret'
	[ "$(tr '\0' '\n' < "$T/seen" | sed -n 2p)" = 'se cret' ]
	[ "$(tr -dc '\0' < "$T/seen" | wc -c)" -eq 3 ]
	refused bob secret
	refused kim 'se cret'
	grep -q 'Login user=bob' "$D/log"
	[ "$(stat -c %U:%a "$D/state/bob")" = "$(stat -c %U:%a "$D/home/bob" | sed 's/:.*/:700/')" ]
}

@test "checkpassword: a program that fails, dies, or does not run, is 'later'" {
	checker 'sys.exit(111)'
	enters bob 'se cret' || true
	[ "$(sed -n 3p "$T/got")" = '-ERR [SYS/TEMP] cannot check passwords now' ]
	for x in 'sys.exit(2)' 'sys.exit(0)' 'os.kill(os.getpid(), 9)' 'print("garbage"); sys.exit(0)'; do
		sed -i "s/^sys.exit(111)\$\|^.*#x\$/$x#x/" "$T/check"
		run enters bob 'se cret'
		[ "$status" -ne 0 ]
		[[ $(sed -n 3p "$T/got") == '-ERR [SYS/TEMP] '* ]]
	done
	rm "$T/check"
	run enters bob 'se cret'
	[[ $(sed -n 3p "$T/got") == '-ERR [SYS/TEMP] '* ]]
}

@test "checkpassword: who comes back as root is not let in" {
	as_root
	checker 'os.environ.update(USER="root", HOME="/root"); os.execv(sys.argv[1], sys.argv[1:])'
	refused bob 'se cret'
}

@test "checkpassword: who says to be another is not let in" {
	as_root
	checker 'os.setgid(20002); os.setuid(20002)
os.execv("/bin/echo", ["echo", "kim:x:20003:20003::'"$D"'/home/kim:/bin/sh"])'
	run enters bob 'se cret'
	[ "$status" -ne 0 ]
	[[ $(sed -n 3p "$T/got") == '-ERR [SYS/TEMP] '* ]]
	! grep -q 'user=kim' "$D/log" || false
}

@test "checkpassword: what a program leaves running holds up nobody" {
	checker 'import subprocess
open("'"$T"'/pid/left", "w").write(str(subprocess.Popen(["sleep", "1000"], start_new_session=True).pid))'
	t=$SECONDS
	refused bob secret
	enters bob 'se cret'
	[ $((SECONDS - t)) -lt 500 ]
}

@test "checkpassword: a name that can be none is not let in" {
	as_root
	for name in 'bo\tb' 'b\udcfcb' 'bo\x01b'; do
		checker 'os.setgid(20002); os.setuid(20002)
os.environ.update(USER="'"$name"'", HOME="'"$D"'/home/bob")
os.execv(sys.argv[1], sys.argv[1:])'
		run enters bob 'se cret'
		[ "$status" -ne 0 ]
		[[ $(sed -n 3p "$T/got") == '-ERR [SYS/TEMP] '* ]]
		rm -r "$T/progs"
	done
}

@test "checkpassword: what is longer than 512 bytes is not asked" {
	checker
	long=$(printf '%0600d' 1)
	refused bob "$long"
	[ ! -s "$T/seen" ]
}

@test "deliver -i says who it is" {
	run env USER=bob HOME=/h SHELL=/s "$(prog deliver)" -i
	[ "$output" = "bob:x:$(id -u):$(id -g)::/h:/s" ]
	run env USER=a:b HOME=/h "$(prog deliver)" -i
	[ "$status" -eq 75 ]
	[ -z "$output" ]
}

# --- as root ---

# under_inetd: popd at $NET.1, port 2110.
under_inetd()
{
	echo "$NET.1:2110 stream tcp nowait.1000000 $ME $(prog popd) popd -C $C" \
	    > "$T/inetd.conf"
	start inetd "$(peer inetd)" -i "$T/inetd.conf"
	wait_for listens "$NET.1" 2110
}

@test "under inetd: the talker is nobody, in an empty place; the session is the user's" {
	as_root
	password bob '{PLAIN}secret'
	under_inetd
	python3 - "$NET.1" "$D/state/.empty" <<-'END'
		import os, socket, sys, time
		s = socket.create_connection((sys.argv[1], 2110), 20)
		f = s.makefile("rwb", 0)
		f.readline()
		def status(pid):
		    out = {}
		    for line in open(f"/proc/{pid}/status"):
		        k, v = line.rstrip("\n").split(":", 1)
		        out[k] = v.split()
		    return out
		def popds():
		    r = []
		    for p in os.listdir("/proc"):
		        try:
		            if p.isdigit() and sys.argv[2].rsplit("/", 2)[0] in \
				    open(f"/proc/{p}/cmdline").read() and \
				    open(f"/proc/{p}/comm").read() == "popd\n":
		                r.append(int(p))
		        except OSError:
		            pass
		    return r
		two = popds()
		assert len(two) == 2, two
		talker = [p for p in two if int(status(p)["PPid"][0]) in two][0]
		root = [p for p in two if p != talker][0]
		st = status(talker)
		assert "0" not in st["Uid"], st["Uid"]
		assert "0" not in st["Gid"], st["Gid"]
		assert st["Groups"] == st["Gid"][:1], st["Groups"]
		assert os.readlink(f"/proc/{talker}/root") == sys.argv[2]
		# The root half never reads the network: it waits for the talker.
		assert status(root)["Uid"][0] == "0"
		f.write(b"USER bob\r\nPASS secret\r\nSTAT\r\n")
		assert f.readline().startswith(b"+OK")
		assert f.readline().startswith(b"+OK bob has")
		assert f.readline().startswith(b"+OK 0 ")
		end = time.monotonic() + 60
		while popds() != [root]:
		    assert time.monotonic() < end, popds()
		    time.sleep(0.01)
		st = status(root)
		assert st["Uid"] == ["20002"] * 4, st["Uid"]
		assert st["Gid"][0] == "20002"
		assert st["Groups"] == ["20002"], st["Groups"]
		f.write(b"QUIT\r\n")
		assert f.readline().startswith(b"+OK")
		assert f.readline() == b""
	END
	grep -q 'Login user=bob host=unknown \[127\.0\.0\.1\]' "$D/log"
}

@test "under inetd: a client that leaves before, while or after it logs in" {
	as_root
	password bob '{PLAIN}secret'
	under_inetd
	python3 - "$NET.1" <<-'END'
		import socket, struct, sys
		for data in (b"", b"USER bob\r\n", b"USER bob\r\nPASS secr",
			     b"USER bob\r\nPASS wrong\r\n", b"USER bob\r\nPASS secret\r\n"):
		    for how in (0, 1):
		        s = socket.create_connection((sys.argv[1], 2110), 20)
		        s.recv(100)
		        s.sendall(data)
		        if how:
		            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
					 struct.pack("ii", 1, 0))
		        s.close()
	END
	gone() { ! pgrep -f "popd -C $C" > /dev/null; }
	wait_for gone
	run grep warning "$D/log"
	[ "$status" -eq 1 ]
}

@test "a talker that is killed ends the session, and root stays quiet" {
	as_root
	under_inetd
	python3 - "$NET.1" "$C" <<-'END'
		import os, signal, socket, subprocess, sys
		s = socket.create_connection((sys.argv[1], 2110), 20)
		s.recv(100)
		pids = [int(p) for p in subprocess.check_output(
			["pgrep", "-f", "popd -C " + sys.argv[2]]).split()]
		# The one whose parent is the other.
		for p in pids:
		    if int(open(f"/proc/{p}/stat").read().split()[3]) in pids:
		        os.kill(p, signal.SIGKILL)
		assert s.recv(100) == b"", "something was said"
	END
}

@test "system accounts: shadow's hashes, expiry and locks" {
	as_root
	sed -i 's|^users .*||' "$C"
	day=$(($(date +%s) / 86400))
	good=$(hash '$1$abcdefgh$')
	cp /etc/passwd "$T/passwd.sys"
	: > "$T/shadow"
	n=21000
	while read -r name hash rest; do
		n=$((n + 1))
		[ "$hash" = GOOD ] && hash=$good
		[ "$hash" = LOCK ] && hash=!$good
		echo "$name:x:$n:$n::/nonexistent:/usr/sbin/nologin" >> "$T/passwd.sys"
		echo "$name:$hash:${rest//DAY/$day}" >> "$T/shadow"
	done <<-END
		good GOOD 19000:0:99999:7:::
		bare GOOD ::::::
		fresh GOOD DAY:0:30:7:0::
		tomorrow GOOD 19000:0:99999:7::$((day + 1)):
		locked LOCK 19000:0:99999:7:::
		star * 19000:0:99999:7:::
		expired GOOD 19000:0:99999:7::DAY:
		longago GOOD 19000:0:99999:7::1:
		old GOOD 19000:0:30:7:::
		older GOOD 19000:0:30:7:5::
		change GOOD 0:0:99999:7:::
	END
	echo "yes:$(hash '$y$j75$abcdefgh$'):19000:0:99999:7:::" >> "$T/shadow"
	echo 'yes:x:21100:21100::/nonexistent:/bin/sh' >> "$T/passwd.sys"
	echo 'empty::19000:0:99999:7:::' >> "$T/shadow"
	echo 'empty:x:21101:21101::/nonexistent:/bin/sh' >> "$T/passwd.sys"
	echo 'noshadow:x:21102:21102::/nonexistent:/bin/sh' >> "$T/passwd.sys"
	echo "root:$good:19000:0:99999:7:::" >> "$T/shadow"
	chmod 640 "$T/shadow"
	cat > "$T/inside" <<-'END'
		umount /etc/passwd 2> /dev/null
		mount --bind "$T/passwd.sys" /etc/passwd &&
		    mount --bind "$T/shadow" /etc/shadow || exit 1
		for u in "$@"; do
			printf 'USER %s\nPASS se cret\nQUIT\n' "$u" |
			    python3 "$REPO/tests/pop.py" "$POPD" -C "$C" > "$T/out-$u" &
		done
		wait
	END
	REPO=$REPO POPD=$(prog popd) C=$C unshare -m bash "$T/inside" good bare fresh \
	    tomorrow yes locked star expired longago old older change empty noshadow root
	for u in good bare fresh tomorrow yes; do
		echo "$u"
		grep -q "^+OK $u has" "$T/out-$u"
	done
	for u in locked star expired longago old older change empty noshadow root; do
		echo "$u"
		grep -q '^-ERR \[AUTH\]' "$T/out-$u"
	done
}

@test "system accounts: hashes that cannot be read are no wrong password" {
	as_root
	sed -i 's|^users .*||' "$C"
	cp /etc/passwd "$T/passwd.sys"
	echo 'good:x:21001:21001::/nonexistent:/bin/sh' >> "$T/passwd.sys"
	echo 'shadow: files' > "$T/nsswitch"
	# Not even root can open a socket.
	python3 -c 'import socket, sys
socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$T/shadow"
	cat > "$T/inside" <<-'END'
		umount /etc/passwd 2> /dev/null
		mount --bind "$T/passwd.sys" /etc/passwd &&
		    mount --bind "$T/nsswitch" /etc/nsswitch.conf &&
		    mount --bind "$T/shadow" /etc/shadow || exit 1
		printf 'USER good\nPASS se cret\nQUIT\n' |
		    python3 "$REPO/tests/pop.py" "$POPD" -C "$C" > "$T/out"
	END
	REPO=$REPO POPD=$(prog popd) C=$C unshare -m bash "$T/inside"
	cat "$T/out"
	grep -q '^-ERR \[SYS/TEMP\]' "$T/out"
}

@test "fail2ban knows the lines of failed logins, and only these" {
	need fail2ban-regex
	password bob '{PLAIN}secret'
	under_inetd
	for p in wrong secret; do
		printf 'USER bob\nPASS %s\nQUIT\n' "$p" |
		    python3 "$REPO/tests/pop.py" -t "$NET.1" 2110
	done
	f2b=$T/fail2ban
	conf=$PEERS/etc/fail2ban
	[ -d "$conf" ] || conf=/etc/fail2ban
	cp -r "$conf" "$f2b"
	cp "$REPO/etc/fail2ban/login.conf" "$f2b/filter.d/facteur-login.conf"
	PYTHONPATH=$PEERS/usr/lib/python3/dist-packages \
	    run python3 "$(peer fail2ban-regex)" -c "$f2b" "$D/log" \
	    "$f2b/filter.d/facteur-login.conf"
	echo "$output"
	grep -qE 'Failregex: 1 total' <<< "$output"
}

# --- without root ---

@test "without root only users of the same number" {
	[ "$EUID" -ne 0 ] || skip 'needs an ordinary user'
	password bob '{PLAIN}secret'
	echo "eve:{PLAIN}secret:$((EUID + 1)):$(id -g)::/nonexistent:" >> "$D/passwd"
	enters bob secret
	refused eve secret
}
