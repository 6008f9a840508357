# smtpd - content: dots, line ends, BDAT, limits, and a spool that fails.

load lib

setup()
{
	test_begin
	instance a a.test
}

teardown()
{
	test_end
}

# raw: feed stdin to smtpd byte for byte, as a client from outside ($OUTSIDE)
# or as one here, and print the codes of the replies behind RCPT's.
raw()
{
	smtpd_bytes | grep -oE '^[0-9]{3} ' | tail -n +5 | xargs
}

smtpd_bytes()
{
	{
		printf 'EHLO me\r\nMAIL FROM:<jo@b.test>\r\n'
		printf 'RCPT TO:<bob@a.test>\r\n'
		cat
	} | env ${OUTSIDE:+TCPREMOTEIP=192.0.2.7} "$(prog smtpd)" -C "$C"
}

# The content of the one message in the spool, behind our Received.
content()
{
	python3 - "$T"/a/spool/new/* <<-'END'
		import re, sys
		b = open(sys.argv[1], "rb").read().split(b"\n\n", 1)[1]
		sys.stdout.buffer.write(re.sub(rb"\AReceived:.*?\n(?![ \t])",
		    b"", b, flags=re.S))
	END
}

accepted()
{
	local got
	got=$(raw)
	echo "$got"
	[ "$got" = '354 250 221' ]
}

@test "dots are unstuffed, lines end in LF" {
	printf 'DATA\r\nSubject: x\r\n\r\n.\t\r\n..\r\n...\r\n..x\r\na.\r\n.x\r\n.\r\nQUIT\r\n' |
	    accepted
	content > "$T/out"
	printf 'Subject: x\n\n\t\n.\n..\n.x\na.\nx\n' | cmp - "$T/out"
}

@test "an empty message, and headers only" {
	printf 'DATA\r\n.\r\nQUIT\r\n' | accepted
	[ "$(content | wc -c)" -eq 0 ]
	rm "$T"/a/spool/new/*
	printf 'DATA\r\nSubject: x\r\n.\r\nQUIT\r\n' | accepted
	[ "$(content)" = 'Subject: x' ]
}

@test "junk, 8-bit and long lines come through byte for byte" {
	python3 - "$T" <<-'END'
		import random, sys
		r = random.Random(1)
		all = bytes(b for b in range(1, 256) if b not in (10, 13))
		body = b"".join(bytes(r.choices(all, k=r.randrange(200))) + b"\n"
		    for _ in range(3000))
		body += all * 40000 + b"\n" + b".\n..\n"
		open(sys.argv[1] + "/body", "wb").write(body)
		wire = b"".join((b"." if l[:1] == b"." else b"") + l + b"\r\n"
		    for l in body.split(b"\n")[:-1])
		open(sys.argv[1] + "/in", "wb").write(
		    b"DATA\r\n" + wire + b".\r\nQUIT\r\n")
	END
	OUTSIDE=1 accepted < "$T/in"
	content | cmp - "$T/body"
}

@test "outside: a bare LF or CR is refused after the dot, and ends nothing" {
	local end n=0
	for end in '\n.\n' '\n.\r\n' '\r\n.\n' '\r.\r' '\r\n.\r' '\r.\r\n' '\n\n.\n' \
	    '\r\r\n.\r\r\n' '\r\n.\r\r\n' '\n.\r\r\n' '\r\n\r.\r\n' '\n' '\r' \
	    '\r\n.\rx' 'a\nb' 'a\rb' '\r\r\n' '\n\r' '\r\n.\n.\r\nx'; do
		got=$(printf '%b' 'DATA\r\nSubject: x\r\n\r\nfirst' "$end" \
		    'MAIL FROM:<evil@b.test>\r\nRCPT TO:<bob@a.test>\r\n' \
		    'DATA\r\nsmuggled\r\n.\r\nQUIT\r\n' |
		    OUTSIDE=1 raw)
		[ "$got" = '354 550 221' ] || { echo "$end: $got"; return 1; }
		n=$((n + 1))
	done
	[ -z "$(ls "$T/a/spool/new")" ]
	[ "$(grep -c 'reject: END-OF-MESSAGE from unknown.192.0.2.7.: 550 5.6.0 message holds a bare [CL][RF]: lines end in CRLF; from=<jo@b.test> to=<bob@a.test>' "$T/a/log")" -eq $n ]
}

@test "relay_from: a bare LF becomes a line end, a bare CR vanishes, neither ends DATA" {
	printf 'DATA\r\na\nb\rc\r\r\n\n.\r\nd\n.\ne\r.\r\n\r.\r\n.\rMAIL\r\n\r\n..\n.\r\n.\r\nQUIT\r\n' |
	    accepted
	content > "$T/out"
	printf 'a\nbc\n\n.\nd\n.\ne.\n.\nMAIL\n\n.\n.\n' | cmp - "$T/out"
}

@test "a NUL is refused from everybody" {
	[ "$(printf 'DATA\r\na\0b\r\n.\r\nQUIT\r\n' | raw)" = '354 550 221' ]
	[ "$(printf 'DATA\r\na\0b\r\n.\r\nQUIT\r\n' | OUTSIDE=1 raw)" = '354 550 221' ]
	[ "$(printf 'BDAT 3 LAST\r\na\0bQUIT\r\n' | raw)" = '550 221' ]
	[ -z "$(ls "$T/a/spool/new")" ]
}

@test "Received: who, whose, how, for whom" {
	printf 'DATA\r\n.\r\nQUIT\r\n' | OUTSIDE=1 accepted
	f=$(echo "$T"/a/spool/new/*)
	sed '1,/^$/d' "$f" | tr '\n' '~' > "$T/out"
	cat "$T/out"
	grep -qE "^Received: from me \(unknown \[192\.0\.2\.7\]\)~	by a\.test \(facteur\)~	with ESMTP id ${f##*/}~	for <bob@a\.test>; [A-Z][a-z]{2}, [ 0-9][0-9] [A-Z][a-z]{2} [0-9]{4} [0-9:]{8} [+-][0-9]{4}~$" "$T/out"
}

@test "Received: HELO is SMTP, SMTPUTF8 is UTF8SMTP, IPv6 is tagged, two are not named" {
	printf '%s\n' 'HELO me' 'MAIL FROM:<>' 'RCPT TO:<bob@a.test>' \
	    'RCPT TO:<kim@a.test>' DATA . 'EHLO me' 'MAIL FROM:<> SMTPUTF8' \
	    'RCPT TO:<bob@a.test>' DATA . |
	    TCPREMOTEIP=2001:db8::1 smtpd a
	grep -q '^Received: from me (unknown \[IPv6:2001:db8::1\])$' "$T"/a/spool/new/*
	cat "$T"/a/spool/new/* > "$T/out"
	grep -q '^	with SMTP id [^ ]*;$' "$T/out"
	grep -q '^	with UTF8SMTP id' "$T/out"
	[ "$(grep -c '^	for ' "$T/out")" -eq 1 ]
}

@test "Received: from a user here" {
	printf 'DATA\r\n.\r\nQUIT\r\n' | accepted
	grep -qx "Received: by a.test (facteur, from userid $EUID)" "$T"/a/spool/new/*
	grep -qx "uid $EUID" "$T"/a/spool/new/*
}

@test "a header that goes in circles is 554 5.4.6" {
	echo 'hop_limit 5' >> "$C"
	hops() {
		printf 'DATA\r\n'
		for ((i = 0; i < $1; i++)); do
			printf 'received : from x\r\n\tby y\r\nX: y\r\n'
		done
		printf '\r\nReceived: in the body\r\nReceived: again\r\n.\r\nQUIT\r\n'
	}
	[ "$(hops 5 | raw)" = '354 250 221' ]
	[ "$(hops 6 | raw)" = '354 554 221' ]
}

@test "message_limit counts as RFC 1870 does, and the rest is swallowed" {
	echo 'message_limit 1000' >> "$C"
	fill() { head -c "$1" /dev/zero | tr '\0' "${2-x}"; }
	[ "$( (printf 'DATA\r\n..'; fill 997; printf '\r\n.\r\nQUIT\r\n') | raw)" = '354 250 221' ]
	[ "$( (printf 'DATA\r\n'; fill 999; printf '\r\n.\r\nQUIT\r\n') | raw)" = '354 552 221' ]
	[ "$( (printf 'DATA\r\n'; fill 999; printf '\r\nMAIL FROM:<>\r\nDATA\r\n'; fill 9999999; printf '\r\n.\r\nQUIT\r\n') | raw)" = '354 552 221' ]
	[ "$( (printf 'BDAT 1001 LAST\r\n'; fill 1001; printf 'QUIT\r\n') | raw)" = '552 221' ]
	[ "$(find "$T/a/spool/new" -type f | wc -l)" -eq 1 ]
}

@test "memory stays flat with 40 MB, one line or many" {
	for nl in 0 1; do
		python3 - "$(prog smtpd)" "$C" $nl <<-'END'
			import re, subprocess, sys
			p = subprocess.Popen([sys.argv[1], "-C", sys.argv[2]],
			    stdin=subprocess.PIPE, stdout=subprocess.PIPE)
			p.stdin.write(b"EHLO me\r\nMAIL FROM:<>\r\n"
			    b"RCPT TO:<bob@a.test>\r\nDATA\r\n")
			for i in range(40):
			    if sys.argv[3] == "1":
			        p.stdin.write((b"x" * 62 + b"\r\n") * (1 << 14))
			    else:
			        p.stdin.write(b"x" * (1 << 20))
			p.stdin.write(b"\r\n.\r\n")
			p.stdin.flush()
			while not (l := p.stdout.readline()).startswith(b"250 2.0.0"):
			    assert l, "no answer"
			status = open("/proc/%d/status" % p.pid).read()
			peak = int(re.search(r"VmHWM:\s*(\d+)", status).group(1))
			print(peak)
			assert "asan" in sys.argv[1] or peak < 5000
		END
	done
	[ "$(find "$T/a/spool/new" -type f | wc -l)" -eq 2 ]
}

# --- BDAT ---

@test "BDAT in one chunk and in many, dots and line ends as they are" {
	[ "$(printf 'BDAT 10 LAST\r\na\r\n.\r\n.b\r\nQUIT\r\n' | raw)" = '250 221' ]
	content > "$T/out"
	printf 'a\n.\n.b\n' | cmp - "$T/out"
	rm "$T"/a/spool/new/*
	[ "$(printf 'BDAT 2\r\na\rBDAT 1\r\n\nBDAT 0\r\nBDAT 3\r\n..bBDAT 0 LAST\r\nQUIT\r\n' |
	    OUTSIDE=1 raw)" = '250 250 250 250 250 221' ]
	content > "$T/out"
	printf 'a\n..b\n' | cmp - "$T/out"
}

@test "BDAT 0 LAST is an empty message" {
	[ "$(printf 'bdat 0 last\r\nQUIT\r\n' | raw)" = '250 221' ]
	[ "$(content | wc -c)" -eq 0 ]
}

@test "BDAT and DATA do not mix, RSET forgets chunks" {
	[ "$(printf 'BDAT 1\r\naDATA\r\nRSET\r\nDATA\r\nBDAT 1 LAST\r\naNOOP\r\nQUIT\r\n' |
	    raw)" = '250 503 250 503 503 250 221' ]
	[ -z "$(ls "$T/a/spool/new")" ]
}

@test "the octets of a refused BDAT are never commands" {
	[ "$(printf 'RSET\r\nBDAT 6 LAST\r\nNOOP\r\nBDAT 12\r\nQUIT\r\nQUIT\r\nNOOP\r\nQUIT\r\n' |
	    raw)" = '250 503 503 250 221' ]
}

@test "chunks behind a failed one are 503, and RSET starts anew" {
	[ "$(printf 'BDAT 3\r\na\nbBDAT 2\r\nccBDAT 1 LAST\r\ndRSET\r\nMAIL FROM:<>\r\nRCPT TO:<bob@a.test>\r\nBDAT 1 LAST\r\nxQUIT\r\n' |
	    OUTSIDE=1 raw)" = '550 503 503 250 250 250 250 221' ]
	[ "$(content)" = x ]
}

@test "BDAT that cannot be counted ends the session" {
	local a
	for a in '' LAST x -1 1x 6LAST '1 FIRST' '1 LAST LAST' 99999999999999999999 +1 0x1; do
		got=$(printf 'BDAT %s\r\nNOOP\r\nQUIT\r\n' "$a" | raw)
		[ "$got" = 501 ] || { echo "$a: $got"; return 1; }
	done
}

@test "a bare CR at the end of the last chunk is seen" {
	[ "$(printf 'BDAT 2 LAST\r\na\rQUIT\r\n' | OUTSIDE=1 raw)" = '550 221' ]
	[ "$(printf 'BDAT 2\r\na\rBDAT 1 LAST\r\nbQUIT\r\n' | OUTSIDE=1 raw)" = '250 550 221' ]
}

@test "pipelined: two messages by BDAT, one by DATA, in one write" {
	[ "$(printf 'BDAT 3 LAST\r\na\r\nMAIL FROM:<>\r\nRCPT TO:<kim@a.test>\r\nBDAT 3 LAST\r\nb\r\nMAIL FROM:<>\r\nRCPT TO:<kim@a.test>\r\nDATA\r\nc\r\n.\r\nQUIT\r\n' |
	    raw)" = '250 250 250 250 250 250 354 250 221' ]
	[ "$(find "$T/a/spool/new" -type f | wc -l)" -eq 3 ]
}

# --- cut short ---

@test "content cut short is no message" {
	local c
	for c in 'DATA\r\n' 'DATA\r\nabc' 'DATA\r\nabc\r\n' 'DATA\r\nabc\r\n.' \
	    'DATA\r\nabc\r\n.\r' 'BDAT 9 LAST\r\nabc' 'BDAT 3\r\nabc' \
	    'BDAT 3\r\nabcQUIT\r\n' 'BDAT 3\r\nabcRSET\r\n'; do
		# shellcheck disable=SC2059
		printf "$c" | OUTSIDE=1 raw
		[ -z "$(ls "$T/a/spool/new")" ] || { echo "$c"; return 1; }
	done
	grep -q 'lost connection after DATA from unknown.192.0.2.7.' "$T/a/log"
}

# --- a spool that fails ---

# inject CALL:ERROR[:when=N] ...: one message with system calls that fail.
inject()
{
	local e args=()
	for e; do
		args+=(-e "inject=$e")
	done
	{
		printf 'EHLO me\r\nMAIL FROM:<jo@b.test>\r\n'
		printf 'RCPT TO:<bob@a.test>\r\nDATA\r\n'
		printf 'hi\r\n.\r\nQUIT\r\n'
	} | strace -f -o "$T/trace" -P "$T/a/spool/new" "${args[@]}" \
	    "$(prog smtpd)" -C "$C" | tr -d '\r' > "$T/out"
	grep -oE '^[0-9]{3} ' "$T/out" | tail -n +3 | xargs
}

@test "fsync, rename, open that fail: 4xx, and nothing is left" {
	need strace
	strace -e inject=getpid:error=EIO true 2> /dev/null ||
	    skip 'strace cannot inject here'
	local call err got
	for call in fsync renameat; do
		for err in EIO ENOSPC EDQUOT; do
			got=$(inject "$call:error=$err")
			[[ "$got" = 250\ 250\ 354\ 45[12]\ 221 ]] || {
				echo "$call $err: $got"
				return 1
			}
			[ -z "$(ls "$T/a/spool/new")" ]
		done
	done
	grep -q 'warning: .*cannot store the message' "$T/a/log"
}

@test "a spool that is not there is 451 at MAIL" {
	mv "$T/a/spool" "$T/a/gone"
	run smtpd a <<-END
		EHLO me
		MAIL FROM:<>
		QUIT
	END
	[[ "${lines[-2]}" = 451\ 4.3.0\ * ]]
	[[ "${lines[-1]}" = 221\ * ]]
}

@test "a spool without room is 452 at MAIL" {
	echo 'spool_free 900T' >> "$C"
	run smtpd a <<-END
		EHLO me
		MAIL FROM:<jo@b.test>
	END
	[[ "${lines[-1]}" = 452\ 4.3.1\ * ]]
	grep -q 'NOQUEUE: reject: MAIL from local.local.: 452 4.3.1 .*; from=<jo@b.test> proto=ESMTP helo=<me>$' "$T/a/log"
}

@test "a full disk is 452 behind the dot, in one chunk or many" {
	[ "$EUID" -eq 0 ] && unshare -m true 2> /dev/null || skip 'no mounts here'
	echo 'spool_free 0' >> "$C"
	{
		printf 'EHLO me\r\n'
		for n in 100000 3000000 100; do
			printf 'MAIL FROM:<>\r\nRCPT TO:<bob@a.test>\r\nDATA\r\n'
			head -c $n /dev/zero | tr '\0' x
			printf '\r\n.\r\n'
		done
		printf 'QUIT\r\n'
	} > "$T/in"
	run unshare -m bash -c "
		mount -t tmpfs -o size=1m,mode=755 none '$T/a/spool' &&
		mkdir -m 777 '$T/a/spool/new' &&
		'$(prog smtpd)' -C '$C' < '$T/in' | grep -oE '^[0-9]{3} ' | xargs
		ls '$T/a/spool/new' | wc -l"
	echo "$output"
	[ "${lines[0]}" = '220 250 250 250 354 250 250 250 354 452 250 250 354 250 221' ]
	[ "${lines[1]}" -eq 2 ]
}

@test "killed at any system call: no message without its 250 is whole" {
	need strace
	strace -e inject=getpid:error=EIO true 2> /dev/null ||
	    skip 'strace cannot inject here'
	local call when out left
	for call in openat flock newfstatat write renameat fsync; do
		for when in 1 2 3; do
			out=$(inject "$call:signal=KILL:when=$when")
			left=$(find "$T/a/spool/new" -type f ! -name 'tmp.*' | wc -l)
			echo "$call $when: $out; $left"
			# 250 and the file, or no 250; a file without 250 is
			# one that lacks only the word of it.
			[[ "$out" != *354\ 250* ]] || [ "$left" -eq 1 ]
			[[ "$out" = *354\ 250* || $call = fsync || "$left" -eq 0 ]]
			rm -f "$T"/a/spool/new/*
		done
	done
}
