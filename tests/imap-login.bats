# imap-login - LOGIN and AUTHENTICATE, the hand-over from root to the user, what a wrong
# password costs, and who is not asked for one.  (Hashes, accounts and checkpassword
# programs: popd-auth; it is the same gate.)

load lib
load imap

setup()
{
	test_begin
	instance a a.test
	imap_ready
	imap_secret
}

teardown() { test_end; }

as_root() { [ "$EUID" -eq 0 ] || skip 'needs root'; }

b64() { printf "$1" | base64 -w 0; }

# password USER HASH
password() { awk -F: -v OFS=: -v u="$1" -v h="$2" '$1 == u { $2 = h } { print }' "$D/passwd" > "$T/p"; cat "$T/p" > "$D/passwd"; }

# Does the dialogue of stdin end with bob's session?
enters()
{
	{ cat; echo 'z NAMESPACE'; echo 'y LOGOUT'; } | imap_stranger > "$T/got"
	grep -q '^z OK' "$T/got"
}

# The first words of the tagged answers.
answers() { sed -n 's/^[a-z] \(OK\|NO\|BAD\).*/\1/p' "$T/got" | xargs; }

@test "before the login: what is offered, and what is not" {
	run imap_stranger < /dev/null
	[ "${#lines[@]}" -eq 1 ]
	[[ ${lines[0]} == '* OK [CAPABILITY IMAP4rev1 IMAP4rev2 LITERAL+ SASL-IR '*' AUTH=PLAIN AUTH=LOGIN] a.test IMAP facteur' ]]
	imap_stranger > "$T/got" <<-END
		a CAPABILITY
		b LOGIN bob secret
		c CAPABILITY
	END
	sed -n '2s/^\* //p' "$T/got" > "$T/one"
	diff "$T/one" <(sed -n '1s/.*\[\(.*\)\].*/\1/p' "$T/got")
	# The login tells the new ones (RFC 9051 6.2.3).
	diff <(sed -n 's/^b OK \[\(.*\)\].*/\1/p' "$T/got") <(sed -n '5s/^\* //p' "$T/got")
	run grep -E 'AUTH=|SASL-IR' <(sed 1,3d "$T/got")
	[ "$status" -eq 1 ]
}

@test "LOGIN in all its spellings" {
	enters <<< 'a LOGIN bob secret'
	enters <<< 'a login "bob" "secret"'
	enters <<< 'a Login bob "secret"'
	enters <<< $'a LOGIN {3}\nbob {6}\nsecret'
	enters <<< $'a LOGIN {3+}\nbob {6+}\nsecret'
	enters <<< $'a LOGIN bob {6}\nsecret'
	enters <<< 'a LOGIN "\"bob" x
b LOGIN bob secret' || grep -q '^a NO' "$T/got"
	password bob '{PLAIN}a"b\c d'
	# awk has undone the backslash.
	sed -i '/^bob:/s/{PLAIN}[^:]*/{PLAIN}a"b\\c d/' "$D/passwd"
	enters <<< 'a LOGIN bob "a\"b\\c d"'
	enters <<< $'a LOGIN bob {7+}\na"b\\c d'
	sed -i '/^bob:/s/{PLAIN}[^:]*/{PLAIN}gr\xc3\xbc\xc3\x9fe/; s/^bob:/b\xc3\xb6b:/' "$D/passwd"
	enters <<< $'a LOGIN "b\xc3\xb6b" "gr\xc3\xbc\xc3\x9fe"'
	enters <<< $'a LOGIN {4+}\nb\xc3\xb6b {7+}\ngr\xc3\xbc\xc3\x9fe'
}

@test "AUTHENTICATE PLAIN and LOGIN, with and without an initial response" {
	plain=$(b64 '\0bob\0secret')
	enters <<< "a AUTHENTICATE PLAIN $plain"
	enters <<< "a authenticate plain $(b64 'bob\0bob\0secret')"
	enters <<< "a AUTHENTICATE PLAIN
$plain"
	enters <<< "a AUTHENTICATE LOGIN
$(b64 bob)
$(b64 secret)"
	[ "$(grep '^+' "$T/got" | xargs)" = '+ VXNlcm5hbWU6 + UGFzc3dvcmQ6' ]
	imap_stranger > "$T/got" <<-END
		a AUTHENTICATE PLAIN
		*
		b AUTHENTICATE LOGIN
		*
		c AUTHENTICATE LOGIN
		Ym9i
		*
		d AUTHENTICATE CRAM-MD5
		e AUTHENTICATE GSSAPI abcd
		f NOOP
	END
	[ "$(answers)" = 'BAD BAD BAD NO NO OK' ]
	[ ! -s <(grep failed "$D/log") ]
}

@test "what cannot be a name and a password is refused at once, and not looked up" {
	for x in "$(b64 'kim\0bob\0secret')" "$(b64 'bob\0secret')" "$(b64 '\0bob')" \
	    "$(b64 '\0bob\0secret\0')" "$(b64 '\0bob\0')" "$(b64 '\0\0secret')" '=' '====' \
	    "$(b64 '\0bo\nb\0secret')" 'AGJvYgBzZWNyZXQ' '!' "$(b64 '\0b\xff\0secret')" \
	    "$(printf '\0bob\0%01024d' 1 | base64 -w 0)" "$(printf '%03000d' 1)"; do
		[ "$x" = = ] || printf 'a AUTHENTICATE PLAIN\r\n%s\r\n' "$x"
		printf 'b AUTHENTICATE PLAIN %s\r\n' "$x"
	done > "$T/in"
	printf 'c LOGIN {4+}\r\nbo\0b secret\r\n' >> "$T/in"
	printf 'd LOGIN {4+}\r\nbo\0b {6+}\r\nsecret\r\n' >> "$T/in"
	printf 'e LOGIN {4+}\r\nbo\nb {6+}\r\nsecret\r\n' >> "$T/in"
	printf 'f LOGIN bob {7+}\r\nsecret\0\r\n' >> "$T/in"
	printf 'g LOGIN "b\to" "secret"\r\n' >> "$T/in"
	printf 'h LOGIN "b\xff" "secret"\r\n' >> "$T/in"
	printf 'i LOGIN %0300d secret\r\n' 1 >> "$T/in"
	printf 'j LOGIN bob %01100d\r\n' 1 >> "$T/in"
	echo 'error_limit 100' >> "$C"
	IMAP_RAW=1 imap_stranger < "$T/in" > "$T/got"
	run grep -v '^[a-j] BAD\|^+ \|^\* OK \[CAP' "$T/got"
	[ "$status" -eq 1 ]
	[ "$(grep -c '^[a-j] BAD' "$T/got")" -eq 35 ]
	[ ! -s "$D/log" ]
}

@test "wrong passwords: the same words and time for all names, and longer each time; then BYE" {
	# (Each wait is in a process of its own; side by side.)
	password bob "$(python3 -c 'import ctypes
c = ctypes.CDLL("libcrypt.so.1"); c.crypt.restype = ctypes.c_char_p
print(c.crypt(b"secret", b"$6$abcdefgh$").decode())')"
	imap_py <<-'END'
		got = {}
		def run(name, how, s):
		    out = got[name] = []
		    while True:
		        t = time.monotonic()
		        try:
		            a = s.cmd(how(name))
		        except OSError:
		            break
		        if a is None:
		            break
		        out.append((a, time.monotonic() - t, s.said))
		    s.cut()
		import base64
		def login(n): return "LOGIN %s wrong" % n
		def plain(n): return "AUTHENTICATE PLAIN " + \
		    base64.b64encode(("\0%s\0wrong" % n).encode()).decode()
		def same():
		    """Do all names take the same time?"""
		    ts = []
		    open(os.environ["D"] + "/log", "w").close()
		    for i, a in enumerate((("bob", login), ("nobody-here", login), ("root", login),
				           ("kim", plain))):
		        os.environ["TCPREMOTEIP"] = "192.0.2.%d" % (i + 1)
		        ts.append(threading.Thread(target=run, args=a + (Imap(),)))
		    for t in ts: t.start()
		    for t in ts: t.join()
		    os.unlink(os.environ["D"] + "/state/.failures")
		    for n, r in got.items():
		        print(n, r)
		        assert len(r) == 4, r
		        for i, x in enumerate(r):
		            assert x[0] == "NO [AUTHENTICATIONFAILED] wrong user name or password"
		            assert x[1] >= 1 << i, r
		            assert (len(x[2]) == 1 and x[2][0].startswith("* BYE")) == (i == 3), x
		    return all(abs(x[1] - y[1]) < 0.7 for r in got.values() for x, y in zip(r, got["bob"]))
		# A machine may be busy, but not each time with the same names.
		assert any(same() for _ in range(4))
	END
	[ "$(grep -c 'Login failed user=bob auth=bob host=unknown \[192.0.2.1\]' "$D/log")" -eq 4 ]
	[ "$(grep -c 'Login failed user=nobody-here' "$D/log")" -eq 4 ]
	run grep -c 'wrong\|cJHi5' "$D/log"
	[ "$output" -eq 0 ]
}

@test "a right password after a wrong one; root may not; users that cannot be asked" {
	echo 'root:{PLAIN}secret:0:0::/root:/bin/sh' >> "$D/passwd"
	imap_stranger > "$T/root" <<< 'a LOGIN root secret' &
	sed 's|^users .*|users /nonexistent/passwd|' "$C" > "$D/other.conf"
	[ "$EUID" -ne 0 ] || chown --reference "$C" "$D/other.conf"
	C=$D/other.conf imap_stranger > "$T/none" <<< 'a LOGIN bob secret' &
	enters <<< $'a LOGIN bob wrong\nb LOGIN bob secret'
	[ "$(answers)" = 'NO OK OK OK' ]
	wait
	grep -q '^a NO \[AUTHENTICATIONFAILED\]' "$T/root"
	grep -q '^a NO \[UNAVAILABLE\]' "$T/none"
}

@test "one line of the log, whatever the name" {
	imap_stranger <<< 'a LOGIN "x host=h [6.6.6.6] y" p' > /dev/null
	grep -q 'Login failed user=x?host=h?\[6\.6\.6\.6\]?y auth=x?host=h?\[6\.6\.6\.6\]?y host=[a-z]* \[192.0.2.1\]$' "$D/log"
	[ "$(wc -l < "$D/log")" -eq 1 ]
}

@test "commands behind the login are not lost, however many" {
	box bob 3
	{
		printf 'a LOGIN bob secret\r\nb SELECT INBOX\r\n'
		for ((i = 0; i < 4000; i++)); do printf 'c%d NOOP\r\n' "$i"; done
		printf 'd APPEND INBOX {40000+}\r\n%040000d\r\n' 1
		printf 'e LOGIN {3+}\r\nbob {6+}\r\nsecret\r\n'
		printf 'f STATUS INBOX (MESSAGES)\r\ng LOGOUT\r\nh NOOP\r\n'
	} > "$T/in"
	IMAP_RAW=1 imap_stranger < "$T/in" > "$T/got"
	[ "$(grep -c '^c[0-9]* OK' "$T/got")" -eq 4000 ]
	grep -q '^d OK' "$T/got"
	grep -q '^e BAD' "$T/got"
	grep -q '^\* STATUS "INBOX" (MESSAGES 4)' "$T/got"
	[ "$(tail -n 1 "$T/got")" = 'g OK goodbye' ]
	# The login in the middle of a piece, and cut at each byte.
	imap_py <<-'END'
		os.environ["TCPREMOTEIP"] = "192.0.2.1"
		data = b"x NOOP\r\na LOGIN bob {6+}\r\nsecret\r\nb NAMESPACE\r\nc LOGOUT\r\n"
		def run(k):
		    s = Imap()
		    s.put(data[:k])
		    time.sleep(0.03)
		    s.put(data[k:])
		    got = []
		    while (x := s.line()) is not None:
		        got.append(x)
		    s.cut()
		    assert got[0] == "x OK here I am" and got[1].startswith("a OK "), got
		    assert got[3].startswith("b OK ") and got[5].startswith("c OK "), got
		    done.append(k)
		done = []
		ks = range(1, len(data), 3)
		for at in range(0, len(ks), 8):
		    ts = [threading.Thread(target=run, args=(k,)) for k in ks[at:at + 8]]
		    for t in ts: t.start()
		    for t in ts: t.join()
		assert len(done) == len(ks), done
	END
}

@test "limits before the login: lines, literals, time, memory" {
	echo 'idle_timeout 2' >> "$C"
	{
		printf 'a NOOP\r\nb %09000d\r\nc NOOP\r\n' 1
		printf 'd LOGIN bob {9000}\r\ne LOGIN bob {9000+}\r\n%09000d\r\nf NOOP\r\n' 1
		printf 'g LOGIN bob {4294967302+}\r\n'
		head -c 3000000 /dev/zero
	} > "$T/in"
	IMAP_RAW=1 imap_stranger < "$T/in" | tr -d '\0' > "$T/got"
	[ "$(sed -n 's/^\([a-z] [A-Z]*\) .*/\1/p' "$T/got" | xargs)" = 'a OK b BAD c OK d BAD e BAD f OK' ]
	imap_py <<-'END'
		os.environ["TCPREMOTEIP"] = "192.0.2.1"
		ends = []
		def slow(data, every):
		    """The whole of the time before the login has an end, whatever comes."""
		    t = time.monotonic()
		    s = Imap()
		    line = None
		    try:
		        while time.monotonic() - t < 60:
		            s.put(data)
		            if select.select([s.sock], [], [], every)[0] and \
				    (line := s.line()) is None or line and "BYE" in line:
		                break
		    except OSError:
		        while (x := s.line()) is not None:
		            line = x
		    s.cut()
		    ends.append((time.monotonic() - t, line))
		ts = [threading.Thread(target=slow, args=a) for a in
		      (("", 60), ("x", .1), ("a NOOP\r\n", .1), ("a LOGIN {8000}\r\n", 60))]
		for t in ts: t.start()
		for t in ts: t.join()
		print(ends)
		assert len(ends) == 4
		for took, line in ends:
		    assert 2 <= took < 50 and line and (line.startswith("* BYE")
			or line.startswith("+")), ends
	END
	# After the login the time is another one.
	imap_py <<-'END'
		os.environ["TCPREMOTEIP"] = "192.0.2.1"
		s = Imap(ahead=b"a LOGIN bob secret\r\n")
		assert s.line().startswith("a OK ")
		time.sleep(2.5)
		s.ok("NOOP")
		s.cut()
	END
}

@test "no password for one's own: on a pipe, and on the socket pair of sshd" {
	box bob 2
	[[ $(imap_raw bob < /dev/null) == '* PREAUTH '* ]]
	imap_py <<-'END'
		s = Imap("bob")
		assert s.greeting.startswith("* PREAUTH "), s.greeting
		s.bad("LOGIN bob secret")
		s.bad("AUTHENTICATE PLAIN")
		s.ok("SELECT INBOX")
		assert s.said[0] == "* 2 EXISTS"
		s.end()
		# A socket that has a name may be anybody's.
		path = os.environ["T"] + "/sock"
		l = socket.socket(socket.AF_UNIX)
		l.bind(path)
		l.listen()
		os.chmod(path, 0o777)
		c = socket.socket(socket.AF_UNIX)
		c.connect(path)
		theirs = l.accept()[0]
		p = subprocess.Popen([os.environ["IMAP_PROG"], "-C", os.environ["IMAP_CONF"]],
				     stdin=theirs, stdout=theirs, stderr=theirs, **become(ids_of("bob")))
		theirs.close()
		got = c.recv(9999)
		assert got.startswith(b"* OK ["), got
		c.close(), p.wait()
		# Nor where somebody says that there is a network behind the pipe.
		for name in "TCPREMOTEIP", "REMOTE_HOST", "SOCAT_PEERADDR":
		    for value in "192.0.2.1", "", "garbage":
		        os.environ[name] = value
		        s = Imap("bob")
		        assert s.greeting.startswith("* OK ["), (name, s.greeting)
		        s.cut()
		        del os.environ[name]
	END
	# TCP, without root.
	id=$(id_of bob)
	IMAP_AS=$id python3 - "$REPO/tests" <<-'END'
		import os, socket, subprocess, sys
		sys.path.insert(0, sys.argv[1])
		from imap import *
		l = socket.create_server((os.environ["NET"] + ".7", 0))
		c = socket.create_connection(l.getsockname())
		theirs = l.accept()[0]
		p = subprocess.Popen([os.environ["IMAP_PROG"], "-C", os.environ["IMAP_CONF"]],
				     stdin=theirs, stdout=theirs, stderr=theirs, **become(os.environ["IMAP_AS"]))
		theirs.close()
		got = c.recv(9999)
		assert got.startswith(b"* OK ["), got
		c.sendall(b"a LOGIN bob secret\r\nb SELECT INBOX\r\nc LOGOUT\r\n")
		f = c.makefile("rb").read()
		assert b"a OK" in f and b"* 2 EXISTS" in f, f
		p.wait()
	END
}

@test "root is always asked" {
	as_root
	python3 - <<-'END' > "$T/got"
		import os, subprocess
		print(subprocess.run([os.environ["IMAP_PROG"], "-C", os.environ["IMAP_CONF"]],
				     input=b"a SELECT INBOX\r\n", capture_output=True).stdout.decode())
	END
	grep -q '^\* OK \[CAPABILITY' "$T/got"
	grep -q '^a BAD' "$T/got"
}

@test "who has no mailbox here: 67; a broken configuration: BYE and 78" {
	as_root
	run setpriv --reuid=31000 --regid=31000 --clear-groups "$(prog imapd)" -C "$C" < /dev/null
	[ "$status" -eq 67 ]
	[[ $output == '* BYE'* ]]
	[ "${#lines[@]}" -eq 1 ]
	echo 'nonsense 1' >> "$C"
	run "$(prog imapd)" -C "$C" < /dev/null
	[ "$status" -eq 78 ]
	[[ $output == '* BYE'* ]]
}

@test "users that cannot be asked are not unknown: 75, and nobody else's mail" {
	as_root
	echo "eve:x:$(id_of bob)::$D/home/bob:" >> "$D/passwd"
	own() { setpriv --reuid=20002 --regid=20002 --clear-groups env LOGNAME="$1" "$(prog imapd)" -C "$C" < /dev/null; }
	[[ $(own eve) == '* PREAUTH '* ]]
	grep -q 'user=eve' "$D/log"
	mv "$D/passwd" "$D/away"
	for u in bob eve; do
		run own "$u"
		[ "$status" -eq 75 ]
		[[ $output == '* BYE [UNAVAILABLE]'* ]]
	done
}

@test "-V and wrong options" {
	run "$(prog imapd)" -V
	[[ $output == 'facteur '* ]]
	[ "$status" -eq 0 ]
	run "$(prog imapd)" -x
	[ "$status" -eq 64 ]
}

# --- under inetd ---

@test "under inetd: the talker is nobody, in an empty place; the session is the user's" {
	as_root
	box bob 1
	imap_inetd a "$NET.1"
	python3 - "$NET.1" "$D/state/.empty" "$IMAP_PORT" <<-'END'
		import os, sys
		sys.path.insert(0, os.environ["PYTHONPATH"])
		from imap import *
		s = Imap(addr=(sys.argv[1], int(sys.argv[3])))
		def status(pid):
		    out = {}
		    for line in open(f"/proc/{pid}/status"):
		        k, v = line.rstrip("\n").split(":", 1)
		        out[k] = v.split()
		    return out
		def imapds():
		    r = []
		    for p in os.listdir("/proc"):
		        try:
		            if p.isdigit() and sys.argv[2].rsplit("/", 2)[0] in \
				    open(f"/proc/{p}/cmdline").read() and \
				    open(f"/proc/{p}/comm").read() == "imapd\n":
		                r.append(int(p))
		        except OSError:
		            pass
		    return r
		two = imapds()
		assert len(two) == 2, two
		talker = [p for p in two if int(status(p)["PPid"][0]) in two][0]
		root = [p for p in two if p != talker][0]
		st = status(talker)
		assert "0" not in st["Uid"] and "0" not in st["Gid"], st
		assert st["Groups"] == st["Gid"][:1], st["Groups"]
		assert os.readlink(f"/proc/{talker}/root") == sys.argv[2]
		assert status(root)["Uid"][0] == "0"
		s.ok("LOGIN bob secret")
		soon(lambda: imapds() == [root])
		st = status(root)
		assert st["Uid"] == ["20002"] * 4 and st["Gid"][0] == "20002", st
		assert st["Groups"] == ["20002"], st["Groups"]
		s.ok("SELECT INBOX")
		s.end()
	END
	grep -q 'Login user=bob host=unknown \[127\.' "$D/log"
	wait_for grep 'Logout user=bob host=unknown \[127\..*\] end=logout' "$D/log"
}

@test "under inetd: clients that leave before, while or after they log in; a killed talker" {
	imap_inetd a "$NET.1"
	imap_py "$NET.1" "$IMAP_PORT" <<-'END'
		import struct, signal
		addr = (sys.argv[1], int(sys.argv[2]))
		for data in ("", "a LOGIN bob\r\n", "a LOGIN bob secr", "a LOGIN bob {6}\r\n", "a LOGIN bob wrong\r\n",
			     "a LOGIN bob secret\r\n", "a AUTHENTICATE PLAIN\r\n", "a LOGIN bob secret\r\nb IDLE\r\n"):
		    for how in 0, 1:
		        s = Imap(addr=addr)
		        s.put(data)
		        if how:
		            s.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
					      struct.pack("ii", 1, 0))
		        s.cut()
		if os.getuid() == 0:
		    s = Imap(addr=addr)
		    conf = os.environ["IMAP_CONF"]
		    for p in subprocess.run(["pgrep", "-x", "imapd"], capture_output=True).stdout.split():
		        p = int(p)
		        try:
		            if conf in open("/proc/%d/cmdline" % p).read() and os.stat("/proc/%d" % p).st_uid != 0 \
				    and os.readlink("/proc/%d/root" % p) != "/":
		                os.kill(p, signal.SIGKILL)
		        except OSError:
		            pass
		    assert s.line() is None
	END
	gone() { ! pgrep -f "imapd -C $C" > /dev/null; }
	wait_for gone
}

@test "200 connections at once" {
	box bob 1
	imap_inetd a "$NET.1"
	imap_py "$NET.1" "$IMAP_PORT" <<-'END'
		addr = (sys.argv[1], int(sys.argv[2]))
		all = [Imap(addr=addr) for n in range(200)]
		for s in all: s.tag = s.tell("LOGIN bob secret")
		for s in all: assert s.answer(s.tag).startswith("OK ")
		for s in all: s.tag = s.tell("SELECT INBOX")
		for s in all: assert s.answer(s.tag).startswith("OK "), s.said
		all[0].ok("STORE 1 +FLAGS (\\Flagged)")
		for s in all[1:]: s.tag = s.tell("NOOP")
		for s in all[1:]:
		    assert s.answer(s.tag).startswith("OK ")
		    assert any("\\Flagged" in x for x in s.said), s.said
		for s in all: s.end()
	END
}
