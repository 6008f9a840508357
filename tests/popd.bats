# popd - the commands in every state, messages, UIDL, limits, what a session leaves.

load lib

setup()
{
	test_begin
	instance a a.test
	accounts_plain
}

teardown() { test_end; }

# Every user of the instance has the password "secret".
accounts_plain()
{
	sed -i 's/^\([a-z]*\):x:/\1:{PLAIN}secret:/' "$D/passwd"
}

# box USER COUNT: a mailbox with letters 1 to COUNT, each of 4 body lines.
box()
{
	local i
	for ((i = 1; i <= $2; i++)); do
		cat <<-END
			From jo@x.test Sat Nov 21 10:00:00 2026
			Date: Sat, 21 Nov 2026 10:00:00 +0000
			Message-ID: <$i@x.test>
			Subject: letter $i

			one
			.dot
			.
			four of $i

		END
	done > "$D/mail/$1"
	own "$D/mail/$1" "$1"
}

# own FILE USER: give it to the user.
own()
{
	[ "$EUID" -ne 0 ] || chown "$(id_of "$2")" "$1"
}

id_of() { awk -F: -v u="$1" '$1 == u { print $3 ":" $4 }' "$D/passwd"; }

# The dialogue of stdin, the password of bob said before; replies to stdout.
bob()
{
	(printf 'USER bob\nPASS secret\n'; cat) | stranger | sed 1,2d
}

stranger() { python3 "$REPO/tests/pop.py" "$(prog popd)" -C "$C"; }

# The first words of the lines that begin with one of the two signs.
signs() { sed -n 's/^\(+OK\|-ERR\)\( .*\)\{0,1\}$/\1/p' | tr '\n' ' ' | sed 's/+OK/+/g; s/-ERR/-/g; s/ //g'; }

@test "the greeting names the host and holds no timestamp of APOP" {
	run stranger < /dev/null
	[ "${#lines[@]}" -eq 1 ]
	[ "${lines[0]}" = '+OK a.test POP3 facteur' ]
}

@test "USER, PASS, STAT, LIST, QUIT" {
	box bob 3
	size=$(($(sed 's/$/\r/' "$D/mail/bob" | wc -c) / 3 - 41 - 2))
	run bob <<-END
		STAT
		LIST
		LIST 2
		QUIT
	END
	echo "$output"
	[ "${lines[0]}" = "+OK bob has 3 messages ($((3 * size)) octets)" ]
	[ "${lines[1]}" = "+OK 3 $((3 * size))" ]
	[[ ${lines[2]} == '+OK '* ]]
	[ "${lines[3]}" = "1 $size" ]
	[ "${lines[5]}" = "3 $size" ]
	[ "${lines[6]}" = . ]
	[ "${lines[7]}" = "+OK 2 $size" ]
	[[ ${lines[8]} == '+OK '* ]]
	[ "${#lines[@]}" -eq 9 ]
}

# Commands and signs of stdin, "SIGN COMMAND", in one session; with the command that
# begins it.
all_of()
{
	local want='' line
	while IFS= read -r line; do
		want+=${line%% *}
		echo "${line#* }"
	done > "$T/commands"
	"$@" < "$T/commands" > "$T/got"
	cat "$T/got"
	# Behind the greeting, or the login.
	[ "$(sed 1d "$T/got" | signs)" = "$want" ]
}

named() { { echo 'USER bob'; cat; } | stranger | sed 1d; }

@test "every command in every state" {
	box bob 2
	echo 'error_limit 1000' >> "$C"
	all_of stranger <<-'END'
		- PASS secret
		+ CAPA
		+ AUTH
		+ UTF8
		+ LANG
		+ LANG en
		+ LANG *
		- LANG de
		+ HELP
		- STAT
		- LIST
		- UIDL
		- RETR 1
		- TOP 1 0
		- DELE 1
		- NOOP
		- RSET
		- STLS
		- APOP bob c4c9334bac560ecc979e58001b3e22fb
		+ USER bob
	END
	all_of named <<-'END'
		- STAT
		- RETR 1
		+ CAPA
		+ USER kim
		+ PASS secret
	END
	all_of bob <<-'END'
		- USER bob
		- PASS secret
		- AUTH PLAIN
		- UTF8
		+ CAPA
		+ LANG
		+ STAT
		+ LIST
		+ LIST 1
		+ UIDL
		+ UIDL 1
		+ RETR 1
		+ TOP 1 0
		+ DELE 1
		+ NOOP
		+ RSET
		+ HELP
	END
	local who
	for who in stranger named bob; do
		all_of $who <<< '+ QUIT'
	done
}

@test "commands in any case, with blanks behind, numbers with zeroes before" {
	box bob 2
	[ "$(printf 'stat \t\nlist 2  \nReTr 002\nnoop\nquit\n' | bob | signs)" = ++++++ ]
}

@test "CAPA offers the same before and behind the login" {
	box bob 1
	echo CAPA | stranger | sed 1d > "$T/before"
	echo CAPA | bob | sed 1d > "$T/behind"
	diff "$T/before" "$T/behind"
	for k in TOP UIDL USER 'SASL PLAIN LOGIN' PIPELINING RESP-CODES \
	    AUTH-RESP-CODE 'EXPIRE NEVER' 'LOGIN-DELAY 0' 'UTF8 USER' LANG; do
		grep -qx "$k" "$T/before"
	done
	grep -q '^IMPLEMENTATION facteur-' "$T/before"
	[ "$(tail -n 1 "$T/before")" = . ]
}

@test "RETR: the very octets, a dot before each dot" {
	box bob 2
	sed -n '12,19p' "$D/mail/bob" > "$T/want"
	bob <<< 'RETR 2' > "$T/got"
	size=$(sed 's/$/\r/' "$T/want" | wc -c)
	[ "$(sed -n 2p "$T/got")" = "+OK $size octets" ]
	diff <(sed 's/^\./../' "$T/want"; echo .) <(sed 1,2d "$T/got")
}

@test "TOP: the header and so many lines" {
	box bob 1
	for n in 0 1 2 3 4 5 99999999 18446744073709551615; do
		echo "TOP 1 $n"
	done | bob | awk '/^Subject/ { on = 1; next } on { printf "%s|", $0 }
	    on && /^\.$/ { print ""; on = 0 }' > "$T/got"
	diff "$T/got" - <<-'END'
		|.|
		|one|.|
		|one|..dot|.|
		|one|..dot|..|.|
		|one|..dot|..|four of 1|.|
		|one|..dot|..|four of 1|.|
		|one|..dot|..|four of 1|.|
		|one|..dot|..|four of 1|.|
	END
	all_of bob <<-'END'
		- TOP 1 18446744073709551616
		- TOP 1
		- TOP 1 -1
	END
}

@test "numbers out of range are an error and never wrap" {
	box bob 2
	echo 'error_limit 1000' >> "$C"
	for n in 0 3 -1 +1 1x 0x1 4294967296 4294967297 4294967298 \
	    18446744073709551616 18446744073709551617 \
	    99999999999999999999999999999999999 '1 1' '' ' ' '*' '1.0' '1:2'; do
		printf -- "- %s $n\n" RETR DELE
		# Without a number they are other commands.
		[ -z "${n// }" ] || printf -- "- %s $n\n" LIST UIDL
	done > "$T/numbers"
	all_of bob < "$T/numbers"
	[ "$(letters "$D/mail/bob")" -eq 2 ]
}

@test "DELE: gone from the lists, back with RSET, out of the mailbox at QUIT" {
	box bob 4
	run bob <<-END
		DELE 2
		DELE 2
		RETR 2
		TOP 2 0
		LIST 2
		UIDL 2
		STAT
		RSET
		LIST 2
		DELE 1
		DELE 3
		LIST
		QUIT
	END
	echo "$output"
	[ "$(signs <<< "$output")" = ++-----+++++++ ]
	[ "$(grep -cE '^[0-9]+ ' <<< "$output")" -eq 2 ]
	[ "$(letters "$D/mail/bob")" -eq 2 ]
	grep -q 'letter 2' "$D/mail/bob"
	grep -q 'letter 4' "$D/mail/bob"
}

@test "a dropped connection deletes nothing" {
	box bob 3
	printf 'RETR 1\nDELE 1\nDELE 2\n' | bob > /dev/null
	[ "$(letters "$D/mail/bob")" -eq 3 ]
	grep -q 'Logout user=bob .* del=0/3 .* end=lost' "$D/log"
	printf 'DELE 1\nQUIT x\n' | bob > /dev/null
	[ "$(letters "$D/mail/bob")" -eq 3 ]
}

@test "RETR marks a message as read, TOP and a dropped RETR do not" {
	box bob 3
	printf 'RETR 2\nTOP 3 99999999\n' | bob > /dev/null
	[ "$(grep -c '^Status: .*R' "$D/mail/bob")" -eq 1 ]
	printf 'RETR 1\nQUIT\n' | bob > /dev/null
	[ "$(grep -c '^Status: .*R' "$D/mail/bob")" -eq 2 ]
}

@test "pipelining over the login: nothing is lost, everything in order" {
	box bob 30
	run bash -c "$(declare -f bob stranger); REPO=$REPO D=$D C=$C; prog() { echo $(prog popd); }
	    { for i in {1..30}; do echo \"TOP \$i 0\"; echo \"DELE \$i\"; done; echo QUIT; } | bob"
	[ "$(grep -c '^+OK' <<< "$output")" -eq 62 ]
	[ "$(sed -n 's/^Subject: letter //p' <<< "$output" | xargs)" = "$(seq -s ' ' 30)" ]
	[ "$(letters "$D/mail/bob")" -eq 0 ]
}

@test "commands one byte at a time" {
	box bob 1
	python3 - "$(prog popd)" "$C" <<-'END'
		import socket, subprocess, sys, time
		a, b = socket.socketpair()
		p = subprocess.Popen([sys.argv[1], "-C", sys.argv[2]], stdin=b,
				     stdout=b, stderr=b)
		b.close()
		for c in b"USER bob\r\nPASS secret\r\nSTAT\r\nQUIT\r\n":
		    a.send(bytes([c]))
		    time.sleep(0.001)
		got = b""
		while True:
		    d = a.recv(4096)
		    if not d:
		        break
		    got += d
		assert got.count(b"+OK") == 5, got
		assert p.wait() == 0
	END
}

@test "no mailbox is an empty one" {
	[ "$(printf 'STAT\nLIST\nUIDL\nRETR 1\nQUIT\n' | bob | signs)" = ++++-+ ]
	grep -q '^' "$D/log"
	[ ! -s "$D/mail/bob" ]
}

@test "the mailbox of somebody else, a link, a directory, no mbox: not opened" {
	box kim 1
	ln -s kim "$D/mail/bob"
	run bob < /dev/null
	[[ ${lines[0]} == '-ERR [SYS/'* ]]
	[ "${#lines[@]}" -eq 1 ]
	rm "$D/mail/bob"
	mkdir "$D/mail/bob"
	run bob < /dev/null
	[[ ${lines[0]} == '-ERR [SYS/'* ]]
	rmdir "$D/mail/bob"
	echo no mailbox > "$D/mail/bob"
	own "$D/mail/bob" bob
	run bob < /dev/null
	[[ ${lines[0]} == '-ERR [SYS/PERM]'* ]]
}

@test "a locked mailbox is in use" {
	box bob 1
	python3 - "$D/mail/bob" > "$T/locked" <<-'END' &
		import fcntl, sys, time
		f = open(sys.argv[1], "r+")
		fcntl.lockf(f, fcntl.LOCK_EX)
		print("locked", flush=True)
		time.sleep(600)
	END
	locker=$!
	wait_for test -s "$T/locked"
	run bob < /dev/null
	kill "$locker"
	echo "$output"
	[[ ${lines[0]} == '-ERR [IN-USE] '* ]]
}

@test "UIDL: the forms, stable over sessions and deletions" {
	box bob 3
	echo UIDL | bob | sed 1,2d | head -n 3 > "$T/first"
	[ "$(cut -d' ' -f2 "$T/first" | sort -u | wc -l)" -eq 3 ]
	printf 'DELE 1\nQUIT\n' | bob > /dev/null
	echo UIDL | bob | sed 1,2d | head -n 2 > "$T/second"
	diff <(sed 1d "$T/first" | cut -d' ' -f2) <(cut -d' ' -f2 "$T/second")
	[ "$(echo 'UIDL 2' | bob | sed -n 's/^+OK 2 //p')" = \
	    "$(sed -n 's/^3 //p' "$T/first")" ]
	read -r v uid < <(sed -n '1s/^1 \([0-9]*\)\.\([0-9]*\)$/\1 \2/p' "$T/second")
	[ "$uid" -eq 2 ]
	echo 'uidl uw' >> "$C"
	[ "$(echo 'UIDL 1' | bob | sed -n 's/^+OK 1 //p')" = \
	    "$(printf '%08x%08x' "$v" "$uid")" ]
	echo 'uidl dovecot' >> "$C"
	[ "$(echo 'UIDL 1' | bob | sed -n 's/^+OK 1 //p')" = \
	    "$(printf '%08x%08x' "$uid" "$v")" ]
}

@test "UIDL xuidl: the field where it will do, else our own; never twice the same" {
	echo 'uidl xuidl' >> "$C"
	for x in 'abc!~' 'abc!~' 12.34 "$(printf '%071d' 1)a" 'two words' '' $'b\xc3\xa9'; do
		printf 'From jo@x.test Sat Nov 21 10:00:00 2026\nX-UIDL: %s\nSubject: x\n\nhello\n\n' "$x"
	done > "$D/mail/bob"
	own "$D/mail/bob" bob
	echo UIDL | bob | sed 1,2d | sed '$d' > "$T/names"
	cat "$T/names"
	[ "$(sed -n 1p "$T/names")" = '1 abc!~' ]
	[ "$(sed -n 5p "$T/names")" = '5 two' ]
	[ "$(grep -cE '^[0-9]+ [0-9]+\.[0-9]+$' "$T/names")" -eq 5 ]
	[ "$(cut -d' ' -f2 "$T/names" | sort -u | wc -l)" -eq 7 ]
	[ "$(echo 'UIDL 1' | bob | sed -n 's/^+OK 1 //p')" = 'abc!~' ]
}

@test "UIDL popa3d: as popa3d says them" {
	echo 'uidl popa3d' >> "$C"
	cat > "$D/mail/bob" <<-'END'
		From jo@x.test Sat Nov 21 10:00:00 2026
		Delivered-To: bob@a.test
		Received: from x
		 by a.test; Sat, 21 Nov 2026 10:00:00 +0000
		Received: from y by x
		Message-ID: <1@x.test>
		Date: Sat, 21 Nov 2026 10:00:00 +0000
		Subject: one

		hello

		From jo@x.test Sat Nov 21 10:00:00 2026
		Message-ID: <2@x.test>
		Subject: two
		Date: Sat, 21 Nov 2026 10:00:00 +0000

		hello

	END
	own "$D/mail/bob" bob
	want=$(python3 - <<-'END'
		import hashlib
		for t in (b"Delivered-To: bob@a.test\nReceived: from x\n by a.test;"
			  b" Sat, 21 Nov 2026 10:00:00 +0000\n",
			  b"Message-ID: <2@x.test>\n"
			  b"Date: Sat, 21 Nov 2026 10:00:00 +0000\n"):
		    h = hashlib.md5(t).digest()
		    print((h[3::-1] + h[7:3:-1]).hex())
	END
	)
	got=$(echo UIDL | bob | sed -n 's/^[12] //p')
	echo "$got, not $want"
	[ "$got" = "$want" ]
}

@test "a message that another program removed: an error, and the session goes on" {
	box bob 3
	python3 - "$(prog popd)" "$C" "$D/mail/bob" <<-'END'
		import mailbox, os, socket, subprocess, sys
		a, b = socket.socketpair()
		subprocess.Popen([sys.argv[1], "-C", sys.argv[2]], stdin=b,
				 stdout=b, stderr=b)
		b.close()
		f = a.makefile("rwb", 0)
		def say(t):
		    f.write(t + b"\r\n")
		    return f.readline()
		f.readline()
		say(b"USER bob")
		assert say(b"PASS secret").startswith(b"+OK bob has 3"), "login"
		st = os.stat(sys.argv[3])
		m = mailbox.mbox(sys.argv[3])
		m.lock()
		m.remove(1)
		m.flush()
		m.unlock()
		m.close()
		os.chown(sys.argv[3], st.st_uid, st.st_gid)
		assert say(b"RETR 2").startswith(b"-ERR"), "removed"
		assert say(b"LIST 3").startswith(b"+OK 3 "), "numbers stay"
		assert say(b"RETR 3").startswith(b"+OK"), "another"
		while True:
		    line = f.readline()
		    if line == b"Subject: letter 3\r\n":
		        got = True
		    if line == b".\r\n":
		        break
		assert got
		assert say(b"QUIT").startswith(b"+OK"), "quit"
	END
	[ "$(letters "$D/mail/bob")" -eq 2 ]
}

@test "new mail during a session is not seen, and not lost" {
	box bob 1
	python3 - "$(prog popd)" "$C" "$(prog deliver)" "$ME" <<-'END'
		import socket, subprocess, sys
		a, b = socket.socketpair()
		subprocess.Popen([sys.argv[1], "-C", sys.argv[2]], stdin=b,
				 stdout=b, stderr=b)
		b.close()
		f = a.makefile("rwb", 0)
		def say(t):
		    f.write(t + b"\r\n")
		    return f.readline()
		f.readline()
		say(b"USER bob")
		say(b"PASS secret")
		subprocess.run([sys.argv[3], "-C", sys.argv[2], "bob"], check=True,
			       input=b"Subject: new\n\nhello\n")
		assert say(b"STAT").startswith(b"+OK 1 "), "stat"
		assert say(b"RETR 2").startswith(b"-ERR"), "new"
		say(b"DELE 1")
		assert say(b"QUIT").startswith(b"+OK"), "quit"
	END
	[ "$(letters "$D/mail/bob")" -eq 1 ]
	grep -q 'Subject: new' "$D/mail/bob"
}

@test "poplib" {
	box bob 3
	python3 - "$(prog popd)" "$C" "$NET.1" <<-'END'
		import poplib, socket, subprocess, sys, threading
		l = socket.create_server((sys.argv[3], 0))
		def serve():
		    while True:
		        s = l.accept()[0]
		        subprocess.Popen([sys.argv[1], "-C", sys.argv[2]],
					 stdin=s, stdout=s, stderr=s)
		        s.close()
		threading.Thread(target=serve, daemon=True).start()
		p = poplib.POP3(*l.getsockname())
		assert b"facteur" in p.getwelcome()
		assert p.capa()["SASL"] == ["PLAIN", "LOGIN"]
		p.utf8()
		p.user("bob")
		p.pass_("secret")
		n, size = p.stat()
		assert n == 3
		assert sum(int(x.split()[1]) for x in p.list()[1]) == size
		ids = [x.split()[1] for x in p.uidl()[1]]
		assert len(set(ids)) == 3
		assert p.uidl(2).split()[2] == ids[1]
		r = p.retr(1)[1]
		assert r[-4:] == [b"one", b".dot", b".", b"four of 1"], r
		assert len(b"\r\n".join(r)) + 2 == int(p.list(1).split()[2])
		assert p.top(2, 1)[1][-1] == b"one"
		p.dele(2)
		p.rset()
		p.dele(3)
		p.noop()
		p.quit()
	END
	[ "$(letters "$D/mail/bob")" -eq 2 ]
}

# --- what is wrong ---

@test "overlong lines, before and behind the login" {
	box bob 1
	python3 -c 'print("USER " + "x" * 100000); print("QUIT")' |
	    stranger > "$T/got"
	[ "$(signs < "$T/got")" = +-+ ]
	python3 -c 'print("NOOP " + " " * 300); print("STAT"); print("NOOP" + " " * 249)' |
	    bob > "$T/got"
	[ "$(signs < "$T/got")" = +-++ ]
	python3 -c 'print("USER " + "x" * 255); print("USER " + "x" * 256); print("PASS " + "x" * 1023)' |
	    stranger > "$T/got"
	[ "$(signs < "$T/got")" = ++-- ]
}

@test "a gigabyte without an end of line: little memory, a clean end" {
	python3 -c '
import sys
for i in range(300): sys.stdout.buffer.write(b"x" * 1000000)' |
	    POP_RAW=1 python3 "$REPO/tests/peak.py" 20000 "$(prog popd)" -C "$C" > "$T/got"
	[ "$(wc -l < "$T/got")" -le 2 ]
}

@test "NUL, control characters and bad UTF-8 are refused" {
	echo 'error_limit 1000' >> "$C"
	got=$(printf '%b' 'USER bob\0\r\n' 'USER b\x01ob\r\n' 'USER bob\x7f\r\n' \
	    'USER bo\nb\r\n' 'USER bo\rb\r\n' 'USER b\xff\r\n' 'USER b\xc3\r\n' \
	    'USER b\xc0\xaf\r\n' '\0\r\n' 'US\0ER bob\r\n' 'USER \r\n' 'USER\r\n' \
	    'NOOP\r\n' | POP_RAW=1 stranger | signs)
	[ "$got" = +------------- ]
	[ "$(printf 'USER bob\nPASS \xff\xfe\n' | stranger | signs)" = ++- ]
	run cat "$D/log"
	[[ $output != *Login* ]]
}

@test "a bare LF is no end of a line on a socket" {
	[ "$(printf 'CAPA\nQUIT\r\nQUIT\r\n' | POP_RAW=1 stranger | signs)" = +-+ ]
}

@test "too many errors end the session" {
	echo 'error_limit 5' >> "$C"
	got=$(printf 'FOO\n%.0s' {1..50} | stranger | signs)
	[ "$got" = +----- ]
	box bob 1
	got=$(printf 'FOO\n%.0s' {1..50} | bob | signs)
	[ "$got" = +----- ]
}

@test "hundreds of malformed inputs: -ERR or a clean end, nothing on stderr" {
	box bob 2
	python3 - "$(prog popd)" "$C" <<-'END'
		import random, socket, subprocess, sys, time
		rnd = random.Random(7)
		verbs = [b"USER", b"PASS", b"AUTH", b"AUTH PLAIN", b"AUTH LOGIN", b"CAPA",
			 b"STAT", b"LIST", b"UIDL", b"RETR", b"TOP", b"DELE", b"NOOP",
			 b"RSET", b"LANG", b"UTF8", b"STLS", b"APOP", b"XTND", b"QUIT", b""]
		junk = [b"\0", b"\xff" * 9, b"-1", b"4294967297", b"18446744073709551617",
			b"%s%n%s%n", b"../../etc/passwd", b"A" * 240, b"A" * 3000,
			b"\r", b"\n", b"\x1b[2J", b"'\"`$(id)", b"1 2 3", b"\t", b"=", b"*",
			b"AAAA====", b"1e9", b"0", b" ", b"\xc2\x80", b"\xe2\x80\xa8"]
		sys.argv[1:]
		def talk(data):
		    a, b = socket.socketpair()
		    a.settimeout(120)
		    p = subprocess.Popen([sys.argv[1], "-C", sys.argv[2]], stdin=b,
					 stdout=b, stderr=b)
		    b.close()
		    try:
		        a.sendall(data)
		    except BrokenPipeError:
		        pass
		    a.shutdown(socket.SHUT_WR)
		    got = b""
		    while True:
		        try:
		            d = a.recv(65536)
		        except ConnectionResetError:
		            break
		        if not d:
		            break
		        got += d
		    assert p.wait(120) == 0, data
		    return got
		login = b"USER bob\r\nPASS secret\r\n"
		for n in range(330):
		    line = rnd.choice(verbs) + b" " + b" ".join(
			rnd.choice(junk) for i in range(rnd.randrange(1, 4)))
		    if line[:4] in (b"QUIT", b"CAPA", b"AUTH"):
		        line += b" x y z"
		    # Wrong passwords take their time on purpose.
		    pre = login if n % 2 else b""
		    got = talk(pre + line + b"\r\n")
		    lines = got.split(b"\r\n")
		    assert lines.pop() == b"", (line, got)
		    rest = lines[3 if pre else 1:]
		    if line.startswith((b"LIST ", b"UIDL ", b"LANG", b"STAT", b"NOOP",
					b"RSET", b"TOP", b"DELE", b"RETR", b"USER",
					b"UTF8", b"QUIT")) and rest and \
			    not rest[0].startswith(b"-ERR"):
		        ok = b" ".join(line.split())
		        assert ok in (b"LIST", b"UIDL", b"LANG", b"STAT", b"NOOP", b"RSET",
				      b"UTF8", b"QUIT", b"LANG *") or \
			    line.startswith(b"USER"), (line, got)
		        continue
		    for l in rest:
		        assert l.startswith((b"-ERR", b"+OK", b"+ ")), (line, got)
	END
	[ "$(letters "$D/mail/bob")" -eq 2 ]
}

@test "a client that does not read, does not take memory" {
	box bob 1
	python3 -c '
import sys
sys.stdout.write("From jo@x.test Sat Nov 21 10:00:00 2026\nSubject: big\n\n")
for i in range(400000): sys.stdout.write("x" * 75 + "\n")
sys.stdout.write("\n")' >> "$D/mail/bob"
	{ printf 'USER bob\r\nPASS secret\r\n'; for i in {1..5}; do printf 'RETR 2\r\n'; done; printf 'QUIT\r\n'; } |
	    POP_RAW=1 python3 "$REPO/tests/pop.py" python3 "$REPO/tests/peak.py" 16000 \
	    "$(prog popd)" -C "$C" > "$T/got"
	[ "$(grep -c '^x' "$T/got")" -eq 2000000 ]
	[ "$(tail -n 1 "$T/got")" = '+OK goodbye' ]
}

@test "a client that does not read is sent away in its time, on a socket as inetd has" {
	box bob 1
	head -c 4000000 /dev/zero | tr '\0' x | fold -w 75 >> "$D/mail/bob"
	echo 'idle_timeout 1s' >> "$C"
	timeout 60 python3 - "$(prog popd)" "$C" <<-'END'
		import socket, subprocess, sys
		for said in b"CAPA\r\n" * 30000, b"USER bob\r\nPASS secret\r\nRETR 1\r\n":
		    a, b = socket.socketpair()
		    p = subprocess.Popen([sys.argv[1], "-C", sys.argv[2]], stdin=b,
					 stdout=b, stderr=b)
		    b.close()
		    a.settimeout(20)
		    try:
		        a.sendall(said)
		    except BrokenPipeError:
		        pass
		    assert p.wait(20) == 0
	END
}

@test "a message that vanishes while it is sent does not look whole" {
	box bob 1
	python3 - "$(prog popd)" "$C" "$D/mail/bob" <<-'END'
		import os, socket, subprocess, sys
		with open(sys.argv[3], "a") as m:
		    m.write("From jo@x.test Sat Nov 21 10:00:00 2026\nSubject: big\n\n")
		    for i in range(60000):
		        m.write("x" * 75 + "\n")
		    m.write("\n")
		a, b = socket.socketpair()
		p = subprocess.Popen([sys.argv[1], "-C", sys.argv[2]], stdin=b,
				     stdout=b, stderr=b)
		b.close()
		a.sendall(b"USER bob\r\nPASS secret\r\nRETR 2\r\nQUIT\r\n")
		got = b""
		while len(got) < 1000000:
		    got += a.recv(65536)
		os.truncate(sys.argv[3], 0)
		while True:
		    d = a.recv(65536)
		    if not d:
		        break
		    got = got[-1000:] + d
		assert not got.endswith(b"\r\n.\r\n"), got[-100:]
		assert b"-ERR" not in got and b"+OK" not in got, got[-100:]
		assert p.wait() == 0
	END
	grep -q 'end=error' "$D/log"
}

@test "silence ends a session without a word and deletes nothing" {
	echo 'idle_timeout 1s' >> "$C"
	box bob 1
	run env POP_STAY=20 bash -c "python3 $REPO/tests/pop.py $(prog popd) -C $C < /dev/null"
	[ "$(signs <<< "$output")" = + ]
	run env POP_STAY=20 bash -c "printf 'USER bob\nPASS secret\nDELE 1\n' | python3 $REPO/tests/pop.py $(prog popd) -C $C"
	[ "$(signs <<< "$output")" = ++++ ]
	[ "$(letters "$D/mail/bob")" -eq 1 ]
	grep -q 'end=timeout' "$D/log"
}

@test "nobody talks for ever before the login" {
	echo 'idle_timeout 1s' >> "$C"
	python3 - "$(prog popd)" "$C" <<-'END'
		import socket, subprocess, sys, time
		a, b = socket.socketpair()
		p = subprocess.Popen([sys.argv[1], "-C", sys.argv[2]], stdin=b,
				     stdout=b, stderr=b)
		b.close()
		end = time.time() + 100
		try:
		    while time.time() < end:
		        a.sendall(b"CAPA\r\n")
		        a.recv(4096)
		        time.sleep(0.05)
		    sys.exit("still there")
		except OSError:
		    pass
	END
}

@test "no session is longer than session_timeout" {
	echo 'session_timeout 1s' >> "$C"
	box bob 1
	run env POP_STAY=20 bash -c "printf 'USER bob\nPASS secret\nDELE 1\n' | python3 $REPO/tests/pop.py $(prog popd) -C $C"
	[ "$(signs <<< "$output")" = ++++ ]
	[ "$(letters "$D/mail/bob")" -eq 1 ]
}

@test "a broken configuration: -ERR and nothing else" {
	echo 'no_such_key 1' >> "$C"
	run stranger < /dev/null
	[ "$status" -eq 78 ]
	[ "${#lines[@]}" -eq 1 ]
	[[ ${lines[0]} == '-ERR [SYS/TEMP] '* ]]
}

@test "the log: a line at the login, a line at the end" {
	box bob 3
	printf 'TOP 1 0\nRETR 1\nRETR 2\nDELE 1\nQUIT\n' | bob > /dev/null
	grep -q ' facteur/popd\[[0-9]*\]: Login user=bob host=.* \[.*\]$' "$D/log"
	grep -qE ': Logout user=bob host=.* \[.*\] top=1/[0-9]+ retr=2/[0-9]+ del=1/3 size=[0-9]+ end=quit$' "$D/log"
	[ "$(wc -l < "$D/log")" -eq 2 ]
}

@test "a Maildir" {
	printf 'mailbox %s/maildir/%%u/\n' "$D" >> "$C"
	mkdir -p "$D/maildir/bob/"{cur,new,tmp}
	for i in 1 2 3; do
		printf 'Subject: letter %d\n\n.dot\n' "$i" > "$D/maildir/bob/new/100$i.x.y"
	done
	[ "$EUID" -ne 0 ] || chown -R "$(id_of bob)" "$D/maildir/bob"
	run bob <<-END
		STAT
		RETR 2
		DELE 1
		QUIT
	END
	echo "$output"
	[ "${lines[1]}" = '+OK 3 81' ]
	grep -qx '\.\.dot' <<< "$output"
	[ "$(find "$D/maildir/bob/"{cur,new} -type f | wc -l)" -eq 2 ]
	[ "$(find "$D/maildir/bob/" -name '*,S' | wc -l)" -eq 1 ]
}

@test "a Maildir: what could not be read is there as soon as it can" {
	local cur=$D/maildir/bob/cur i
	printf 'mailbox %s/maildir/%%u/\n' "$D" >> "$C"
	mkdir -p "$D/maildir/bob/"{cur,new,tmp}
	for i in 1 2; do
		printf 'Subject: letter %d\n\ntext\n' "$i" > "$cur/100$i.x.y:2,S"
	done
	[ "$EUID" -ne 0 ] || chown -R "$(id_of bob)" "$D/maildir/bob"
	touch -d '-1 hour' "$cur" "$D/maildir/bob/new"
	[ "$EUID" -ne 0 ] || chown 0:0 "$cur/1002.x.y:2,S"
	chmod 0 "$cur/1002.x.y:2,S"
	for i in 1 2; do
		run bob <<< $'STAT\nQUIT'
		[ "${lines[1]}" = '+OK 1 27' ]
	done
	chmod 600 "$cur/1002.x.y:2,S"
	[ "$EUID" -ne 0 ] || chown "$(id_of bob)" "$cur/1002.x.y:2,S"
	run bob <<< $'STAT\nQUIT'
	echo "$output"
	[ "${lines[1]}" = '+OK 2 54' ]
}

@test "a Maildir: names that another server gave are not lost by an error of reading" {
	need strace
	local box=$D/maildir/bob error
	printf 'mailbox %s/maildir/%%u/\n' "$D" >> "$C"
	mkdir -p "$box/"{cur,new,tmp}
	printf 'Subject: a\n\ntext\n' > "$box/cur/1001.x.y:2,S"
	printf '3 V1275660208 N25022 Gabc\n25017 :1001.x.y\n' > "$box/dovecot-uidlist"
	[ "$EUID" -ne 0 ] || chown -R "$(id_of bob)" "$box"
	for error in EMFILE EIO; do
		python3 "$REPO/tests/pop.py" strace -f -qq -o "$T/hit" \
		    -e trace=open,openat -P dovecot-uidlist \
		    -e inject=open,openat:error=$error "$(prog popd)" -C "$C" \
		    <<< $'USER bob\nPASS secret\nUIDL\nQUIT' > "$T/out"
		grep -q '(INJECTED)' "$T/hit"
		grep -q '^-ERR \[SYS/TEMP\]' "$T/out"
	done
	bob <<< $'UIDL\nQUIT' | grep -qx '1 1275660208.25017'
}

@test "a Maildir: what is remembered of it and cannot be opened now is not lost" {
	need strace
	local box=$D/maildir/bob error call n hits=0
	printf 'mailbox %s/maildir/%%u/\n' "$D" >> "$C"
	mkdir -p "$box/"{cur,new,tmp}
	printf 'Subject: a\n\ntext\n' > "$box/cur/1001.x.y:2,S"
	[ "$EUID" -ne 0 ] || chown -R "$(id_of bob)" "$box"
	bob <<< $'UIDL\nQUIT' | grep '^1 ' > "$T/was"
	# A new one would be the time.
	n=$(sed 's/1 \(.*\)\..*/\1/' "$T/was")
	wait_for eval '[ "$(date +%s)" -gt "$n" ]'
	# Who cannot build the wall of it ends.
	for call in {EIO,ESTALE}:{open,openat,fstat,newfstatat,mkdir}; do
		error=${call%:*} call=${call#*:}
		for ((n = 1; n < 10; n++)); do
			python3 "$REPO/tests/pop.py" strace -f -qq -o "$T/hit" \
			    -e trace="?$call" -P "$D/state/bob" \
			    -P "$(echo "$D"/state/bob/index.*)" \
			    -e inject="?$call:error=$error:when=$n" \
			    "$(prog popd)" -C "$C" \
			    <<< $'USER bob\nPASS secret\nUIDL\nQUIT' > "$T/out" ||
				[ "$?" -eq 75 ]
			grep '(INJECTED)' "$T/hit" || break
			hits=$((hits + 1))
			cat "$T/out"
			grep -qxf "$T/was" "$T/out" ||
				grep -q '^-ERR \[SYS/TEMP\]' "$T/out"
		done
	done
	[ "$hits" -gt 2 ]
	bob <<< $'UIDL\nQUIT' | grep '^1 ' | diff "$T/was" -
}

@test "flags that could not be written for an error of reading are written later" {
	need strace
	local n
	for n in $(seq 1 12); do
		rm -rf "$D/state/bob"
		box bob 2
		python3 "$REPO/tests/pop.py" strace -f -qq -o "$T/hit" \
		    -e trace=pread64 -P "$D/mail/bob" \
		    -e inject=pread64:error=EIO:when="$n" "$(prog popd)" -C "$C" \
		    <<< $'USER bob\nPASS secret\nRETR 1\nQUIT' > "$T/out"
		bob <<< $'RETR 1\nQUIT' > "$T/out"
		grep -q '^Status: R' "$D/mail/bob" || { echo "read $n"; return 1; }
		grep -q '(INJECTED)' "$T/hit" || break
	done
	[ "$n" -gt 2 ]
}

@test "what was not sent whole is not marked as read" {
	box bob 2
	yes 'a line of the second' | head -c 1000000 >> "$D/mail/bob"
	echo >> "$D/mail/bob"
	mkfifo "$T/in"
	start popd env LOGNAME=bob sh -c '"$1" -C "$2" < "$3" | head -c 3000' - \
	    "$(prog popd)" "$C" "$T/in"
	printf '%s\r\n' 'USER bob' 'PASS secret' 'RETR 1' 'RETR 2' > "$T/in"
	wait_for grep -q 'Logout user=bob' "$D/log"
	bob <<< QUIT
	grep '^Status: R\|^Subject' "$D/mail/bob" > "$T/read"
	printf '%s\n' 'Subject: letter 1' 'Status: R' 'Subject: letter 2' |
		diff - "$T/read"
}

@test "what may only be read is read, and nothing of it is deleted" {
	box bob 2
	chmod 400 "$D/mail/bob"
	cp -p "$D/mail/bob" "$T/before"
	run bob <<-END
		STAT
		RETR 2
		DELE 1
		QUIT
	END
	echo "$output"
	grep -q "^four of 2" <<< "$output"
	[ "${lines[-1]}" = '-ERR [SYS/TEMP] some messages were not deleted' ]
	cmp "$D/mail/bob" "$T/before"
}

# --- by hand ---

@test "a user's own popd needs no password, and takes LF" {
	box alice 2
	run setpriv_alice "$(prog popd)" -C "$C" <<-END
		STAT
		RETR 1
		DELE 1
		QUIT
	END
	echo "$output"
	[ "$(signs <<< "$(tr -d '\r' <<< "$output")")" = +++++ ]
	[ "$(letters "$D/mail/alice")" -eq 1 ]
}

# As alice, whoever runs the test.
setpriv_alice()
{
	if [ "$EUID" -eq 0 ]; then
		local id
		id=$(id_of alice)
		setpriv --reuid="${id%:*}" --regid="${id#*:}" --clear-groups "$@"
	else
		"$@"
	fi
}
