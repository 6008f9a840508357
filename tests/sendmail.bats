# sendmail - what it puts into the spool for what it is given, and the exit
# codes that its callers look at.

load lib

setup()
{
	test_begin
	instance a a.test "message_limit 40M"
	# Whoever runs this has a name here, unlike anybody else's.
	sed -i "1i runner:x:$EUID:$(id -g):&\\&y \"R\" Test,room 7:$D/home/alice:/bin/sh" \
	    "$D/passwd"
}

teardown() { test_end; }

# The one message that was queued.
spooled()
{
	[ "$(queued a)" -eq 1 ]
	find "$D/spool/new" -type f
}

envelope()
{
	sed -n '2,/^$/p' "$(spooled)"
}

# The content, byte for byte.
content()
{
	python3 - "$(spooled)" <<-'END'
		import sys
		b = open(sys.argv[1], "rb").read()
		at = int(b[16:24], 16)
		sys.stdout.buffer.write(b[at:at + int(b[25:41], 16)])
	END
}

header()
{
	content | sed '/^$/,$d'
}

text()
{
	content | sed '1,/^$/d'
}

# lacks PATTERN: no line of stdin matches.
lacks()
{
	if grep "$@"; then
		return 1
	fi
}

# rcpts ADDRESS...: exactly these are in the envelope.
rcpts()
{
	diff <(envelope | sed -n 's/^rcpt [^ ]* [^ ]* //p') <(printf '%s\n' "$@")
}

# fails CODE WHAT COMMAND...: the exit code, the word on stderr, and that
# nothing was queued.
fails()
{
	local code=$1 what=$2
	shift 2
	status=0
	output=$("$@" 2> "$D/stderr") || status=$?
	echo "status $status: $(cat "$D/stderr")"
	[ "$status" -eq "$code" ]
	grep -qF -- "$what" "$D/stderr" || [ -z "$what" ]
	[ -z "$output" ]
	[ "$(queued a)" -eq 0 ]
	[ -z "$(find "$D/spool/new" -type f)" ]
}

@test "a message: quiet, zero, whole, with the fields that it lacked" {
	run send a alice kim@b.test <<< $'Subject: lettre\n\nbonjour'
	[ "$status" -eq 0 ]
	[ -z "$output" ]
	rcpts alice@a.test kim@b.test
	envelope | grep -x 'sender runner@a.test'
	envelope | grep -x "uid $EUID"
	id=$(basename "$(spooled)")
	diff <(content | sed 's/; .*/; DATE/; s/^Date: .*/Date: DATE/') - <<-END
		Received: by a.test (facteur, from userid $EUID)
		${T:+	}id $id; DATE
		Subject: lettre
		Date: DATE
		From: "RunnerRunnery \"R\" Test" <runner@a.test>
		Message-ID: <$id@a.test>

		bonjour
	END
	grep -q "facteur/pickup\[[0-9]*\]: $id: uid=$EUID from=<runner@a.test>" "$D/log"
}

@test "the date of Date and Received is right" {
	local begin
	begin=$(date +%s)
	TZ=XXX-1:30 send a alice < /dev/null
	d=$(header | sed -n 's/^Date: //p')
	[[ $d =~ ^(Mon|Tue|Wed|Thu|Fri|Sat|Sun),\ [0-9]+\ [A-Z][a-z][a-z]\ 20[0-9][0-9]\ [0-9:]{8}\ \+0130$ ]]
	[ "$(date -d "$d" +%s)" -ge "$begin" ]
	[ "$(date -d "$d" +%s)" -le "$(date +%s)" ]
	header | grep -F "; $d"
}

@test "one recipient is named in Received, several are not" {
	send a alice < /dev/null
	header | grep -qE '^	for <alice@a.test>; '
	rm "$(spooled)"
	send a alice bob < /dev/null
	header | lacks 'for <'
}

@test "fields that are there stay as they are" {
	send a alice <<-'END'
		date: yesterday
		MESSAGE-ID : <x@y>
		From: A <b@c>
		X-Long: a
		 b

		text
	END
	diff <(header | sed 1,3d) - <<-'END'
		date: yesterday
		MESSAGE-ID : <x@y>
		From: A <b@c>
		X-Long: a
		 b
	END
}

@test "-t: recipients from To, Cc and Bcc; nobody sees Bcc" {
	send a -t <<-'END'
		To: alice, "Lee, Kim (x)" <kim@b.test> (a, comment),
		 friends: bob@b.test, <x@c.test>;
		Cc: undisclosed-recipients:;
		cc: c@b.test
		BCC: hid@b.test,
		 den@b.test
		Subject: x

		Bcc: text@b.test
	END
	rcpts alice@a.test kim@b.test bob@b.test x@c.test c@b.test hid@b.test \
	    den@b.test
	header | lacks -E 'hid|den'
	content | grep -qx 'Bcc: text@b.test'
}

@test "-t: addresses of the command line are added" {
	send a -t -- bob@b.test <<< $'To: alice\n\nx'
	rcpts bob@b.test alice@a.test
}

@test "-t: of a message that is sent anew the Resent- fields count" {
	send a -t <<-'END'
		Resent-To: kim@b.test
		resent-bcc: hid@b.test
		To: alice

		x
	END
	rcpts kim@b.test hid@b.test
	header | lacks hid
	header | grep -qx 'To: alice'
}

@test "-t: what is sent anew says by whom and when (RFC 5322 3.6.6)" {
	local id
	send a -t -f alice@a.test -F 'Alice A' <<-'END'
		Resent-To: kim@b.test
		From: jo@b.test
		Date: Thu, 1 Jan 2026 00:00:00 +0000
		Message-ID: <1@b.test>

		x
	END
	id=$(basename "$(spooled)")
	header > "$T/h"
	[ "$(grep -cE '^Resent-Date: [A-Z][a-z]{2}, .* [+-][0-9]{4}$' "$T/h")" -eq 1 ]
	grep -qx 'Resent-From: Alice A <alice@a.test>' "$T/h"
	grep -qxF "Resent-Message-ID: <$id@a.test>" "$T/h"
	# They belong together, above what is older.
	[ "$(grep -A3 '^Resent-Date' "$T/h" | grep -c '^Resent-')" -eq 4 ]
	[ "$(grep -A9 '^Resent-Date' "$T/h" | grep -c '^From: jo\|^Date: Thu')" -eq 2 ]
	[ "$(grep -c '^From:\|^Date:\|^Message-ID:' "$T/h")" -eq 3 ]
	# What is there stays alone; without -t nothing is known of who does it.
	rm "$D"/spool/new/*
	send a -t <<-'END'
		resent-from: kim@b.test
		Resent-Date: Thu, 1 Jan 2026 00:00:00 +0000
		Resent-Message-ID: <2@b.test>
		Resent-To: bob@b.test
		From: jo@b.test

		x
	END
	header > "$T/h"
	[ "$(grep -ci '^Resent-' "$T/h")" -eq 4 ]
	rm "$D"/spool/new/*
	printf 'Resent-To: bob@b.test\nFrom: jo@b.test\n\nx\n' | send a bob@b.test
	header > "$T/h"
	[ "$(grep -ci '^Resent-' "$T/h")" -eq 1 ]
}

@test "CRLF on stdin leaves no CR; stray CR and NUL vanish" {
	printf 'To: alice\r\nSubject: a\rBcc: x@b.test\r\n\r\none\r\r\ntw\0o\r\n.\r\nthree' |
	    send a -t
	rcpts alice@a.test
	[ "$(content | tr -d '\n\t -~' | wc -c)" -eq 0 ]
	header | grep -qx 'Subject: aBcc: x@b.test'
	[ "$(text)" = $'one\ntwo' ]
}

@test "a lone dot ends the message, but not with -i or -oi" {
	printf 'A: b\n\none\n..\n.x\n.\ntwo\n' | send a alice
	[ "$(text)" = $'one\n..\n.x' ]
	for i in -i -oi; do
		rm "$(spooled)"
		printf 'A: b\n\none\n.\ntwo\n.' | send a $i alice
		[ "$(text)" = $'one\n.\ntwo\n.' ]
	done
}

@test "a dot is seen wherever the input is cut" {
	printf 'A: b\n\none\n' > "$D/1"
	for cut in '|.\n' '.|\n' '.\r|\n' '.|' '|.\r\n'; do
		{
			cat "$D/1"
			printf '%b' "${cut%|*}"
			sleep 0.1
			printf '%b' "${cut#*|}"
		} | send a alice
		[ "$(text)" = one ]
		rm "$(spooled)"
	done
}

@test "text without a header gets one, and an empty line" {
	printf 'just text\nmore: text' | send a alice
	[ "$(text)" = $'just text\nmore: text' ]
	header | grep -q '^From: '
	rm "$(spooled)"
	printf 'Subject: x\nno empty line\n' | send a alice
	[ "$(text)" = 'no empty line' ]
	header | grep -qx 'Subject: x'
}

@test "empty input, a header alone, no final newline" {
	send a alice < /dev/null
	[ -z "$(text)" ]
	header | grep -q '^Date: '
	rm "$(spooled)"
	printf 'Subject: x' | send a alice
	header | grep -qx 'Subject: x'
	[ -z "$(text)" ]
	[ -z "$(content | tail -c 1)" ]
	rm "$(spooled)"
	printf 'A: b\n\nx' | send a alice
	[ "$(content | tail -c 2)" = x ]
}

@test "a From_ line on top is dropped, text that begins with From is not" {
	printf 'From kim Sat Nov 21 19:54:01 2026\nSubject: x\n\ny\n' | send a alice
	content | lacks '^From kim'
	[ "$(text)" = y ]
	rm "$(spooled)"
	printf 'From now on: no meetings\nBest\n' | send a alice
	[ "$(text)" = $'From now on: no meetings\nBest' ]
	rm "$(spooled)"
	printf 'From : kim@b.test\nSubject: x\n\ny\n' | send a alice
	[ "$(header | grep -c '^From *:')" -eq 1 ]
	header | grep -x 'From : kim@b.test'
}

@test "Return-Path is for the last host to write" {
	send a alice <<< $'Return-Path: <x@y>\nA: b\n\n'
	header | lacks -i '^return-path'
}

@test "-f and -r set the sender in every spelling" {
	local n=0
	for f in '-f kim@b.test' '-fkim@b.test' '-r kim@b.test' \
	    '-f <kim@b.test>' '-f Kim_Lee<kim@b.test>'; do
		# shellcheck disable=SC2086
		send a $f alice < /dev/null
		envelope | grep -x 'sender kim@b.test'
		header | grep -x 'From: kim@b.test'
		rm "$(spooled)"
		n=$((n + 1))
	done
	[ "$n" -eq 5 ]
	send a -f bare alice < /dev/null
	envelope | grep -x 'sender bare@a.test'
}

@test "-f '' and -f '<>' are the null sender" {
	for f in '' '<>'; do
		send a -f "$f" alice < /dev/null
		envelope | grep -x 'sender '
		header | grep 'From: .*<runner@a.test>'
		rm "$(spooled)"
	done
}

@test "who sets another sender than himself is told of, root is not" {
	send a -f runner alice < /dev/null
	header | lacks '^X-Authentication-Warning'
	rm "$(spooled)"
	send a -f kim@b.test alice < /dev/null
	if [ "$EUID" -eq 0 ]; then
		header | lacks '^X-Authentication-Warning'
	else
		header | grep -x 'X-Authentication-Warning: a.test: runner set sender to <kim@b.test> using -f'
	fi
}

@test "-F names the sender, as RFC 2047 has it" {
	send a -FCronDaemon alice < /dev/null
	header | grep -x 'From: CronDaemon <runner@a.test>'
	rm "$(spooled)"
	send a -F 'Jörg "J" Müller' alice < /dev/null
	header | grep -x 'From: =?UTF-8?Q?J=C3=B6rg_=22J=22_M=C3=BCller?= <runner@a.test>'
	rm "$(spooled)"
	send a -F $'a\nBcc: x@b.test' alice < /dev/null
	header | lacks '^Bcc'
}

@test "-N, -R, -V and -B reach the envelope" {
	send a -N success,Delay,failure -R hdrs -V 'id +7' -B8BITMIME alice \
	    < /dev/null
	envelope | grep -x 'rcpt sfd - alice@a.test'
	envelope | grep -x 'ret hdrs'
	envelope | grep -x 'envid id+20+2B7'
	envelope | grep -x 8bit
	rm "$(spooled)"
	send a -N never -R FULL -B 7bit alice < /dev/null
	envelope | grep -x 'rcpt n - alice@a.test'
	envelope | grep -x 'ret full'
	envelope | lacks -x 8bit
}

@test "bytes over 127 are noted without being told" {
	send a alice <<< $'A: b\n\ncaf\xe9'
	envelope | grep -x 8bit
}

@test "values that make no sense: 64" {
	for o in '-N sometimes' '-N success,' '-R body' '-B 9BIT' '-bz' '-bmm' \
	    '-Z' '--help'; do
		# shellcheck disable=SC2086
		fails 64 sendmail send a $o alice < /dev/null
	done
	fails 64 -V send a -V $'a\nb' alice < /dev/null
	fails 64 -V send a -V "$(printf '%0101d' 0)" alice < /dev/null
	fails 64 -V send a -V "$(printf '%098d+' 0)" alice < /dev/null
	fails 64 -f send a -f 'a b' alice < /dev/null
	fails 64 -f send a -f 'a@b, c@d' alice < /dev/null
	fails 64 -f send a -f $'a\nb@c' alice < /dev/null
}

@test "the arguments of every caller that was seen" {
	local n=0
	while read -r args; do
		# shellcheck disable=SC2086
		send a $args <<< $'To: alice\nSubject: x\n\ny'
		rcpts alice@a.test
		rm "$(spooled)"
		n=$((n + 1))
	done <<-'END'
		-i -t
		-i -t -f kim@b.test
		-i -f jo@a.test -- alice
		-oem -oi -B8BITMIME -f a@b.test -N failure -R hdrs -- alice
		-f a@b.test -i alice
		-t -i
		-t -i -fbounce@a.test -oi
		-i -FCronDaemon -B8BITMIME -oem alice
		-FCronDaemon -i -odi -oem -oi -t -f root
		-FAnacron -odi alice
		-i alice
		-oi -odi -oem -N success,delay,failure -V 12.34.x@a -f rp@a.test alice
		-f kim -- alice
		-bm -em -ep -odb -odq -odi -o7 -om -oem alice
		-Ac -G -U -n -m -s -x -h 3 -L tag -X /nonexistent/log -E -p ESMTP:a alice
		-O DeliveryMode=b -OQueueDirectory=/nonexistent -d0.1 -d alice
	END
	[ "$n" -eq 16 ]
}

@test "unknown local users: 67 when there is no other recipient" {
	fails 67 'nobody@a.test... User unknown' send a nobody <<< x
	fails 67 'x@a.test... User unknown' send a -t nobody <<< $'To: x\n\ny'
	send a nobody alice <<< x
	rcpts nobody@a.test alice@a.test
}

@test "recipients that are none" {
	fails 64 'no recipients' send a < /dev/null
	fails 65 'no recipients' send a -t <<< $'Subject: x\n\ny'
	fails 65 'cannot read' send a 'a b' < /dev/null
	fails 65 'cannot read' send a 'alice@a..test' < /dev/null
	fails 65 'cannot read' send a $'alice\nbob' < /dev/null
	fails 65 'in To:' send a -t <<< $'To: Undisclosed Recipients\n\ny'
	fails 65 'cannot read' send a "$(printf 'a%.0s' {1..600})@b.test" < /dev/null
}

@test "nothing behind an address is an option, and all behind -- is one" {
	fails 64 'options go before' send a alice -f kim@b.test < /dev/null
	send a -- -fkim@b.test < /dev/null
	rcpts -fkim@b.test
	envelope | grep -x 'sender runner@a.test'
}

@test "strange addresses stay one line of the envelope" {
	send a '"x> NOTIFY=NEVER"@b.test' "bob's,kim@b.test" < /dev/null
	rcpts '"x> NOTIFY=NEVER"@b.test' "bob's@a.test" kim@b.test
	rm "$(spooled)"
	send a kim@bücher.test jörg@b.test < /dev/null
	rcpts kim@xn--bcher-kva.test jörg@b.test
	envelope | grep -x utf8
}

@test "a broken configuration: 78; no spool, no room: 75" {
	fails 78 'unknown key' send_with 'wrong key' alice < /dev/null
	fails 75 'cannot queue' send_with "spool $D/none" alice < /dev/null
	fails 75 'spool is full' send_with 'spool_free 9999T' alice < /dev/null
	fails 75 'cannot be asked' send_with "users $D/none" alice < /dev/null
}

# send_with LINE...: with this line of configuration in addition.
send_with()
{
	{ cat "$C"; echo "$1"; } > "$D/other.conf"
	shift
	"$(prog sendmail)" -C "$D/other.conf" "$@"
}

@test "a file-size limit of the caller: 75, and nothing is left" {
	limited()
	{
		(
			ulimit -f 100
			head -c 1000000 /dev/zero | tr '\0' x | send a alice
		)
	}
	fails 75 'cannot queue' limited
}

@test "input that cannot be read is no message: 74" {
	fails 74 'cannot read the message' send a alice < "$D"
}

@test "too long a message, too long a header: 65" {
	big()
	{
		{ echo; head -c 41M /dev/zero | tr '\0' x; } | send a alice
	}
	fails 65 'longer than' big
	long()
	{
		{ printf 'X: '; head -c 2M /dev/zero | tr '\0' x; } | send a alice
	}
	fails 65 'header is longer' long
	echo 'message_limit 0' >> "$C"
	big
	[ "$(queued a)" -eq 1 ]
}

@test "a letter that went in circles: 65" {
	hops() { yes 'Received: x' | head -n "$1" | send a alice; }
	fails 65 'mail loop' hops 51
	hops 50
	[ "$(queued a)" -eq 1 ]
}

@test "the largest header that is taken, and a body that is one long line" {
	{ printf 'X: '; head -c 1000000 /dev/zero | tr '\0' x; echo; } |
	    send a alice
	[ "$(header | grep -c '^X: xxx*$')" -eq 1 ]
	rm "$(spooled)"
	head -c 10M /dev/zero | tr '\0' x | send a alice
	[ "$(text | wc -lc | tr -s ' ')" = ' 1 10485761' ]
}

@test "25 MB of anything pass byte for byte, in flat memory" {
	python3 - > "$D/big" <<-'END'
		import random, sys
		random.seed(7)
		b = random.randbytes(25 << 20)
		b = b.replace(b"\r", b"").replace(b"\0", b"")
		sys.stdout.buffer.write(b"Subject: big\n\n" + b + b"\n")
	END
	(
		grep -q __asan "$(prog sendmail)" || ulimit -d 4000 # kB
		send a -i alice < "$D/big"
	)
	cmp <(content | sed '1,/^$/d') <(sed '1,/^$/d' "$D/big")
}

@test "a thousand recipients" {
	send a $(seq -f 'u%g@b.test' 1000) < /dev/null
	# shellcheck disable=SC2046
	rcpts $(seq -f 'u%g@b.test' 1000)
}

@test "every write, sync and rename that fails: 75, and nothing is left" {
	need strace
	for f in fsync:when=1 fsync:when=2 renameat:when=1 write:when=1; do
		: > "$D/log"
		run strace -f -o /dev/null -e trace="${f%:*}" \
		    -e inject="${f%:*}:error=EIO:${f#*:}" \
		    "$(prog sendmail)" -C "$C" alice < /dev/null
		echo "$f: $status $output"
		[ "$status" -eq 75 ]
		[ "$(queued a)" -eq 0 ]
	done
	# A message that is accepted was synced twice: file and directory.
	strace -o "$D/trace" -e trace=fsync,renameat,renameat2 \
	    "$(prog sendmail)" -C "$C" alice < /dev/null
	[ "$(grep -c '^fsync(.*= 0' "$D/trace")" -eq 2 ]
}

@test "killed at any system call it leaves a whole message or none" {
	need strace
	local n
	for n in 1 2 3; do
		for c in openat write fsync renameat close; do
			strace -o /dev/null -e trace=$c \
			    -e "inject=$c:signal=KILL:when=$n" \
			    "$(prog sendmail)" -C "$C" alice \
			    <<< $'A: b\n\nwhole' || :
		done
	done 2> /dev/null
	for f in "$D"/spool/new/[0-9]*; do
		[ ! -e "$f" ] || [ "$(tail -n 1 "$f")" = whole ]
	done
	send a alice <<< x
}

@test "with 0, 1 and 2 closed the spool's file is not mistaken for them" {
	send a alice >&- 2>&- <<< x
	[ "$(text)" = x ]
	rm "$(spooled)"
	# Nothing to read is no empty letter.
	status=0
	send a alice <&- >&- 2>&- || status=$?
	[ "$status" -eq 74 ]
	send a alice <&- 2> "$T/err" || status=$?
	grep -q 'Bad file descriptor' "$T/err"
	fails 67 '' send a nobody 2>&- < /dev/null
}

@test "signals that the caller ignores or blocks change nothing" {
	python3 - "$(prog sendmail)" "$C" <<-'END'
		import signal, subprocess, sys
		for s in range(1, 32):
		    if s not in (signal.SIGKILL, signal.SIGSTOP):
		        signal.signal(s, signal.SIG_IGN)
		signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 32))
		subprocess.run([sys.argv[1], "-C", sys.argv[2], "alice"],
			       input=b"x", check=True, restore_signals=False)
	END
	[ "$(text)" = x ]
}
