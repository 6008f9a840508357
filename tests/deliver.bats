# deliver - by hand and as queuerun uses it: mailboxes, files, programs.

load lib

setup()
{
	test_begin
	# shellcheck disable=SC2119
	instance a a.test
	BOX=$D/mail/alice
}
teardown() { test_end; }

deliver()
{
	"$(prog deliver)" -C "$C" "$@"
}

# frame ID [KEY VALUE]... < content: one letter as queuerun sends it.
frame()
{
	local id=$1
	shift
	cat > "$T/content"
	echo "message $id $(wc -c < "$T/content")"
	{ echo 'sender s@x.test'; echo 'to alice@a.test'; echo 'time 1763765040'; } |
	    while read -r k v; do
		case " $* " in *" $k "*) ;; *) echo "$k $v" ;; esac
	done
	while [ $# -gt 0 ]; do
		echo "$1 $2"
		shift 2
	done
	echo
	cat "$T/content"
}

# The header of the first message, without the From_ line and the room.
header()
{
	sed -n '2,/^$/p' "$BOX" | grep -v '^X-Keywords: *$'
}

letter=$'Subject: hello\n\nhello there\n'

@test "a letter by hand: fields, From_ line, mode" {
	printf %s "$letter" > "$T/in"
	deliver -f jo@b.test alice < "$T/in"
	[[ "$(head -n 1 "$BOX")" =~ ^'From jo@b.test '[A-Z][a-z]{2}\ [A-Z] ]]
	diff <(header) - <<-'END'
		Return-Path: <jo@b.test>
		Delivered-To: alice@a.test
		Subject: hello

	END
	body "$BOX" | diff - <(echo "hello there")
	[ "$(tail -c 2 "$BOX" | od -An -c | tr -d ' ')" = '\n\n' ]
	[ "$(stat -c %a "$BOX")" = 600 ]
	[ ! -e "$BOX.lock" ]
	grep -q 'facteur/deliver.*to=<alice@a.test>.*status=sent' "$D/log"
}

@test "a batch whose queue run has gone puts nothing in" {
	need python3
	local box
	printf %s "$letter" | frame A1 > "$T/in"
	cat > "$T/unheard" <<-'END'
		import os, subprocess, sys
		r, w = os.pipe()
		os.close(r)
		subprocess.run(sys.argv[1:], stdout=w)
	END
	for box in "$D/mail/%u" %h/Maildir/; do
		sed -i "s,^mailbox .*,mailbox $box," "$C"
		python3 "$T/unheard" "$(prog deliver)" -C "$C" -b alice < "$T/in"
		[ -z "$(find "$D/mail" "$D/home/alice" -type f -size +0)" ]
		deliver -b alice < "$T/in" > "$T/out"
		[ "$(cat "$T/out")" = 'A1 0 2.0.0 delivered to mailbox' ]
		[ "$(find "$D/mail" "$D/home/alice" -type f -size +0 | wc -l)" -eq 1 ]
		rm -f "$D/mail/alice"
	done
}

@test "a letter from a pipe, with CRLF, a detail and the null sender" {
	printf 'From x@y Sat Nov 21 19:54:01 2026\r\nSubject: x\r\n\r\na\r\nb\rc\r' |
	    deliver -f '<>' -a lists alice
	grep -q '^From MAILER-DAEMON ' "$BOX"
	grep -q '^Return-Path: <>$' "$BOX"
	grep -q '^Delivered-To: alice+lists@a.test$' "$BOX"
	body "$BOX" | diff - <(printf 'a\nb\rc\r\n')
}

@test "header fields that only mailbox programs write are taken out" {
	deliver alice <<-'END'
		status: RO
		X-STATUS: D
		 folded
		X-UID: 1
		X-IMAPbase: 1 2
		X-IMAP: 1 2
		X-Keywords: a
		Content-Length: 3
		Return-Path: <evil@x>
		>From x@y Sat Nov 21 19:54:01 2026
		Subject: kept
		 too
		Delivered-To: bob@a.test

		Status: RO
	END
	diff <(header) - <<-'END'
		Return-Path: <>
		Delivered-To: alice@a.test
		Subject: kept
		 too
		Delivered-To: bob@a.test

	END
	body "$BOX" | diff - <(echo "Status: RO")
}

@test "a field or a line that begins as a From_ line does is not taken for one" {
	printf 'Subject: s\nFrom : jo@x.test\nTo: kim\n\nbody\n' | deliver alice
	printf 'Subject: s\nFrom now on I am away.\nSee you\n' | deliver alice
	printf 'Subject: s\nFrom jo@x Sat Nov 21 19:54:01 2026\nTo: kim\n\nb\n' |
	    deliver alice
	printf 'From jo remote from x\nSubject: s\n\nb\n' | deliver alice
	printf 'Received: x\nFrom jo\nTo: kim\n\nb\n' | deliver alice
	printf 'Received: x\nFrom now on\n\nSee: you\n' | deliver alice
	printf 'Received: x\nFrom now on\n indented\n' | deliver alice
	printf 'Received: x\nFrom now on\nFrom then on\n' | deliver alice
	printf 'Received: x\nFrom now on\n' | deliver alice
	printf 'Received: x\nFrom now on' | deliver alice
	[ "$(letters "$BOX")" -eq 10 ]
	grep -A1 '^>From : jo@x.test$' "$BOX" | grep '^To: kim$'
	body "$BOX" 2 | diff - <(printf 'From now on I am away.\nSee you\n')
	body "$BOX" 3 | diff - <(echo b)
	body "$BOX" 4 | diff - <(echo b)
	body "$BOX" 5 | diff - <(echo b)
	body "$BOX" 6 | diff - <(printf 'From now on\n\nSee: you\n')
	body "$BOX" 7 | diff - <(printf 'From now on\n indented\n')
	body "$BOX" 8 | diff - <(printf 'From now on\nFrom then on\n')
	body "$BOX" 9 | diff - <(echo From now on)
	body "$BOX" 10 | diff - <(echo From now on)
	run grep -c 'remote from\|^>*From jo$\|^>*From jo@x Sat' "$BOX"
	[ "$output" -eq 0 ]
}

@test "a From_ line is one that is read: a sender of any length, a time of any year" {
	printf %s "$letter" | deliver -f "$(printf 'x%.0s' {1..5000})@b.test" alice
	printf 'message i %d\nto alice@a.test\ntime 9223372036854775807\n\n%s' \
	    ${#letter} "$letter" | deliver -b alice
	printf %s "$letter" | deliver -f jo@b.test alice
	local as=()
	[ "$EUID" -ne 0 ] || as=(setpriv --reuid=20001 --regid=20001 --clear-groups)
	printf 'STAT\nQUIT\n' | LOGNAME=alice "${as[@]}" "$(prog popd)" -C "$C" > "$T/out"
	grep -q '^+OK 3 ' "$T/out"
	grep -q '^From jo@b.test ' "$BOX"
}

@test "nothing to read is no empty letter" {
	status=0
	deliver alice <&- || status=$?
	[ "$status" -eq 75 ]
	status=0
	deliver alice <&- >&- 2>&- || status=$?
	[ "$status" -eq 75 ]
	[ ! -e "$BOX" ]
}

@test "From_ lines are quoted so that every quoting can be undone" {
	printf 'A: b\n\nFrom a\n>From b\n\nFrom c\nFromage\n>>>From d\n> From e' > "$T/in"
	deliver alice < "$T/in"
	printf %s "$letter" | deliver alice
	[ "$(letters "$BOX")" -eq 2 ]
	grep -q '^>From a$' "$BOX"
	grep -q '^>>From b$' "$BOX"
	grep -q '^Fromage$' "$BOX"
	body "$BOX" | diff - <(sed 1,2d "$T/in"; echo)
}

@test "odd letters: empty, header only, no header, no end" {
	deliver alice < /dev/null
	printf 'Subject: only' | deliver alice
	printf 'no header\n' | deliver alice
	printf ' blank first\n' | deliver alice
	printf '\n\n\nbody' | deliver alice
	[ "$(letters "$BOX")" -eq 5 ]
	body "$BOX" 1 | diff - /dev/null
	body "$BOX" 2 | diff - /dev/null
	body "$BOX" 3 | diff - <(echo "no header")
	body "$BOX" 4 | diff - <(echo " blank first")
	body "$BOX" 5 | diff - <(printf '\n\nbody\n')
}

@test "bytes of every kind and a line of 10 MB, in little memory" {
	python3 - > "$T/in" <<-'END'
		import sys
		o = sys.stdout.buffer
		o.write(b"Subject: big\n\n" + bytes(range(14, 256)) * 10 + b"\0\0\n")
		o.write(b"x" * 10_000_000 + b"\n>" * 3 + b"From z\n" + b">" * 100_000)
		o.write(b"From q\n")
	END
	# A sanitizer needs room of its own.
	(
		[[ "$BIN" == */asan ]] || ulimit -v 30000
		deliver alice < "$T/in"
	)
	[ "$(letters "$BOX")" -eq 1 ]
	body "$BOX" | cmp - <(tail -n +3 "$T/in")
}

@test "a mail reader sees new mail" {
	printf %s "$letter" | deliver alice
	[ "$(stat -c %X "$BOX")" -lt "$(stat -c %Y "$BOX")" ]
	touch -a -d '2001-01-01' "$BOX"
	printf %s "$letter" | deliver alice
	[ "$(stat -c %x "$BOX" | cut -c1-4)" = 2001 ]
	touch "$BOX"
	printf %s "$letter" | deliver alice
	[ "$(stat -c %X "$BOX")" -lt "$(stat -c %Y "$BOX")" ]
}

@test "mail(1) sees two new letters" {
	need bsd-mailx
	printf %s "$letter" | deliver -f jo@b.test alice
	printf 'Subject: two\n\nFrom here\n' | deliver -f jo@b.test alice
	run env LD_LIBRARY_PATH="$(peer_libs)" "$(peer bsd-mailx)" -n -f "$BOX" \
	    <<< $'h\nx'
	echo "$output"
	[[ "$output" == *"2 messages 2 new"* ]]
	[[ "$output" == *"N  1 jo@b.test"*"hello"* ]]
	[[ "$output" == *"N  2 jo@b.test"*"two"* ]]
}

@test "mutt sees new letters, sets flags, and more mail comes" {
	need mutt script
	printf %s "$letter" | deliver -f jo@b.test alice
	printf 'Subject: two\n\nFrom here\n' | deliver -f jo@b.test alice
	# The letters that are new are copied, then one is flagged.
	cat > "$T/muttrc" <<-END
		set copy=no confirmappend=no mark_old=no quit=yes move=no
		set mbox_type=mbox folder=$T tmpdir=$T
		push "<tag-pattern>~N<enter><tag-prefix><copy-message>$T/new<enter><untag-pattern>.<enter><last-entry><flag-message><sync-mailbox><quit>"
	END
	TERM=xterm timeout 60 script -qec \
	    "mutt -n -F $T/muttrc -f $BOX" "$T/mutt.out" < /dev/null > /dev/null
	[ "$(letters "$T/new")" -eq 2 ]
	grep -q '^X-Status: F' "$BOX"
	printf %s "$letter" | deliver alice
	[ "$(letters "$BOX")" -eq 3 ]
}

@test "no such user 67, a broken configuration 75, usage 64" {
	run deliver zoe < /dev/null
	[ "$status" -eq 67 ]
	[[ "$output" == "5.1.1 zoe: no such user" ]]
	for u in ../alice /etc/passwd -- '' .; do
		run deliver "$u" < /dev/null
		[ "$status" -eq 67 ] || [ "$status" -eq 64 ]
	done
	run deliver
	[ "$status" -eq 64 ]
	run deliver -P true alice
	[ "$status" -eq 64 ]
	for u in -f -a; do
		run deliver "$u" $'x@b.test>\nX-Evil: 1' alice < /dev/null
		[ "$status" -eq 64 ]
	done
	[ ! -e "$D/mail/alice" ]
	echo nonsense 1 >> "$C"
	run deliver alice < /dev/null
	[ "$status" -eq 75 ]
	[ "$output" = '4.3.5 alice: the configuration has errors' ]
	[ ! -e "$BOX" ]
}

@test "another's mail is delivered by root only" {
	[ "$EUID" -eq 0 ] || skip "needs root"
	printf %s "$letter" > "$T/in"
	chmod 644 "$T/in"
	run setpriv --reuid=20002 --regid=20002 --clear-groups \
	    "$(prog deliver)" -C "$C" alice < "$T/in"
	[ "$status" -eq 77 ]
	[ ! -e "$BOX" ]
}

@test "a loop is told and nothing delivered" {
	printf 'Received: x\nDelivered-To:  Alice@A.TEST \nSubject: x\n\ny\n' > "$T/in"
	run deliver alice < "$T/in"
	[ "$status" -eq 65 ]
	[[ "$output" == "5.4.6 "* ]]
	[ ! -s "$BOX" ]
	deliver -a other alice < "$T/in"
	[ "$(letters "$BOX")" -eq 1 ]
}

@test "links, other owners, devices and directories are refused" {
	local other=$D/home/alice/other
	printf %s "$letter" > "$T/in"
	echo x > "$other"
	[ "$EUID" -ne 0 ] || chown 20001 "$other"
	ln -s "$other" "$BOX"
	run deliver alice < "$T/in"
	[ "$status" -eq 75 ]
	[[ "$output" == "4.2.0 mailbox is a symbolic link" ]]
	grep -q "warning: .*symbolic link" "$D/log"
	rm "$BOX"
	ln "$other" "$BOX"
	run deliver alice < "$T/in"
	[ "$status" -eq 75 ]
	[[ "$output" == *"more than one link" ]]
	rm "$BOX"
	mkfifo "$BOX"
	run deliver alice < "$T/in"
	[ "$status" -eq 75 ]
	rm "$BOX"
	mkdir "$BOX"
	run deliver alice < "$T/in"
	[ "$status" -eq 75 ]
	rmdir "$BOX"
	if [ "$EUID" -eq 0 ]; then
		: > "$BOX"
		chmod 666 "$BOX"
		run deliver alice < "$T/in"
		[ "$status" -eq 75 ]
		[[ "$output" == *"belongs to another user" ]]
	fi
	echo x | cmp - "$other"
}

@test "a live lock is waited for, then told; a dead one is broken" {
	frame L1 <<< "$letter" > "$T/in"
	echo $$ > "$BOX.lock"
	run deliver -b alice < "$T/in"
	[[ "$output" == "L1 75 4.2.0 mailbox is locked" ]]
	[ ! -s "$BOX" ]
	[ -e "$BOX.lock" ]
	bash -c 'echo $$' > "$BOX.lock"
	[ "$EUID" -ne 0 ] || chown 20001 "$BOX.lock"
	run deliver -b alice < "$T/in"
	[[ "$output" == "L1 0 2.0.0 "* ]]
	grep -q "broke a stale lock" "$D/log"
	: > "$BOX.lock"
	[ "$EUID" -ne 0 ] || chown 20001 "$BOX.lock"
	touch -d '10 minutes ago' "$BOX.lock"
	frame L2 <<< "$letter" | deliver -b alice
	[ "$(letters "$BOX")" -eq 2 ]
	[ ! -e "$BOX.lock" ]
}

@test "no dot-lock in a directory of others: by hand fcntl alone, a batch waits" {
	printf %s "$letter" | deliver alice
	mkdir "$D/shut"
	mv "$BOX" "$D/shut/alice"
	sed -i "s,^mailbox .*,mailbox $D/shut/%u," "$C"
	chmod 555 "$D/shut"
	printf %s "$letter" | deliver alice
	run deliver -b alice < <(frame N1 <<< "$letter")
	chmod 755 "$D/shut"
	[[ "$output" == "N1 75 4.3.0 cannot lock mailbox: Permission denied" ]]
	[ "$(letters "$D/shut/alice")" -eq 2 ]
}

@test "a mail directory of root:mail, mode 2775" {
	[ "$EUID" -eq 0 ] || skip "needs root"
	getent group mail || skip "no group mail"
	chown root:mail "$D/mail"
	chmod 2775 "$D/mail"
	printf %s "$letter" | deliver alice
	[ "$(stat -c '%a %u %G' "$BOX")" = "600 20001 mail" ]
	[ "$(letters "$BOX")" -eq 1 ]
}

@test "a batch: one lock, one commit, results in order" {
	export TZ=UTC
	need strace
	{
		frame A1 for ali@a.test < <(printf %s "$letter")
		frame A2 sender '' to alice+x@a.test detail x < <(printf %s "$letter")
		frame A3 < <(printf 'Delivered-To: alice@a.test\n\n')
		frame A4 < /dev/null
	} > "$T/in"
	strace -qq -f -o "$T/trace" -e trace=fsync,fdatasync,link,linkat \
	    "$(prog deliver)" -C "$C" -b alice < "$T/in" > "$T/out"
	diff "$T/out" - <<-'END'
		A1 0 2.0.0 delivered to mailbox
		A2 0 2.0.0 delivered to mailbox
		A3 65 5.4.6 mail forwarding loop for alice@a.test
		A4 0 2.0.0 delivered to mailbox
	END
	[ "$(grep -c link "$T/trace")" -eq 1 ]
	[ "$(letters "$BOX")" -eq 3 ]
	head -n 1 "$BOX" | grep -qx 'From s@x.test Fri Nov 21 22:44:00 2025'
	grep -q '^X-Original-To: ali@a.test$' "$BOX"
	grep -q '^Delivered-To: alice+x@a.test$' "$BOX"
	# The mailbox is there now: the record, and the mailbox.
	strace -qq -f -o "$T/trace" -e trace=fsync,fdatasync \
	    "$(prog deliver)" -C "$C" -b alice < <(sed 's/^message A/message B/' "$T/in") > "$T/out"
	[ "$(grep -c sync "$T/trace")" -eq 2 ]
}

@test "300 letters are several batches, each told when it is safe" {
	local i
	for i in $(seq 300); do
		printf 'message I%d %d\nsender s@x.test\nto alice@a.test\n\n%s' \
		    "$i" "${#letter}" "$letter"
	done > "$T/in"
	deliver -b alice < "$T/in" > "$T/out"
	seq -f 'I%g 0 2.0.0 delivered to mailbox' 300 | diff - "$T/out"
	[ "$(letters "$BOX")" -eq 300 ]
}

@test "the same letter again is not delivered again" {
	{ frame A1 <<< "$letter"; frame A2 <<< "$letter"; } | deliver -b alice
	run deliver -b alice < <(frame A2 <<< "$letter"; frame A3 <<< "$letter"; frame A2 to alice+y@a.test <<< "$letter")
	[ "${lines[0]}" = "A2 0 2.0.0 already delivered" ]
	[ "${lines[1]}" = "A3 0 2.0.0 delivered to mailbox" ]
	[ "${lines[2]}" = "A2 0 2.0.0 delivered to mailbox" ]
	[ "$(letters "$BOX")" -eq 4 ]
}

@test "a stream that breaks off: what was whole is delivered, the rest not" {
	run deliver -b alice < <(frame A1 <<< "$letter"; printf 'message A2 100\n\nSubject: torn\n')
	[ "$status" -eq 75 ]
	[ "$output" = "A1 0 2.0.0 delivered to mailbox" ]
	[ "$(letters "$BOX")" -eq 1 ]
	[ "$(grep -c torn "$BOX")" -eq 0 ]
	for bad in 'message A2 -1' 'message A2 99999999999999999999' 'message A2' \
	    'message 01234567890123456789012345678901 1' 'nonsense' 'time x' ''; do
		run deliver -b alice < <(printf '%s\n\nx' "$bad")
		[ "$status" -eq 75 ]
		[ -z "$output" ]
	done
	[ "$(letters "$BOX")" -eq 1 ]
}

@test "a feeder that pauses does not keep the mailbox locked" {
	mkfifo "$T/fifo"
	deliver -b alice < "$T/fifo" > "$T/out" 3>&- &
	exec 5> "$T/fifo"
	frame A1 <<< "$letter" >&5
	wait_for grep -q A1 "$T/out"
	wait_for test ! -e "$BOX.lock"
	[ "$(letters "$BOX")" -eq 1 ]
	frame A2 <<< "$letter" >&5
	exec 5>&-
	wait
	[ "$(letters "$BOX")" -eq 2 ]
}

@test "a feeder that stops in the first letter is waited for no longer than in another" {
	need strace
	mkfifo "$T/fifo"
	strace -o "$T/trace" -e trace=poll "$(prog deliver)" -C "$C" -b alice \
	    < "$T/fifo" > "$T/out" 3>&- &
	exec 5> "$T/fifo"
	frame A1 <<< "$letter" | head -c -5 >&5
	wait_for test -e "$BOX.lock"
	wait_for grep -qE 'POLLIN.*, (60000|59[0-9]{3})' "$T/trace"
	! grep -q 'fd=0.*, -1' "$T/trace" || false
	exec 5>&-
	wait
	[ ! -e "$BOX.lock" ]
}

@test "a message typed slowly does not keep the mailbox locked" {
	mkfifo "$T/fifo"
	deliver alice < "$T/fifo" 3>&- &
	exec 5> "$T/fifo"
	echo 'Subject: slow' >&5
	printf %s "$letter" | deliver alice
	[ "$(letters "$BOX")" -eq 1 ]
	exec 5>&-
	wait
	[ "$(letters "$BOX")" -eq 2 ]
}

@test "mailbox_limit: the letter that is too much, and only that one" {
	echo 'mailbox_limit 3000' >> "$C"
	head -c 2900 /dev/zero | tr '\0' x > "$T/big"
	{ frame A1 <<< "$letter"; frame A2 < "$T/big"; frame A3 <<< "$letter"; } > "$T/in"
	run deliver -b alice < "$T/in"
	[ "${lines[0]}" = "A1 0 2.0.0 delivered to mailbox" ]
	[ "${lines[1]}" = "A2 75 4.2.2 mailbox is full" ]
	[ "${lines[2]}" = "A3 0 2.0.0 delivered to mailbox" ]
	[ "$(letters "$BOX")" -eq 2 ]
	echo 'mailbox_full bounce' >> "$C"
	run deliver alice < "$T/big"
	[ "$status" -eq 73 ]
	[[ "$output" == "5.2.2 "* ]]
	[ "$(letters "$BOX")" -eq 2 ]
}

@test "a letter that there is no room for does not keep back the others of its batch" {
	local box
	head -c 3000000 /dev/zero | tr '\0' x > "$T/big"
	{ frame A1 <<< "$letter"; frame A2 < "$T/big"; frame A3 <<< "$letter"; } > "$T/in"
	for box in alice bob; do
		[ $box = alice ] || printf 'mailbox %s/mail/%%u/\n' "$D" >> "$C"
		run sh -c 'ulimit -f 2000; exec "$@"' sh "$(prog deliver)" -b -C "$C" $box < "$T/in"
		[[ "${lines[0]}" == "A1 0 "* ]]
		[[ "${lines[1]}" == "A2 75 4.2.2 "* ]]
		[[ "${lines[2]}" == "A3 0 "* ]]
	done
}

@test "a mailbox that does not end in an empty line is mended" {
	printf 'From x Sat Nov 21 19:54:01 2026\nA: b\n\nno end' > "$BOX"
	[ "$EUID" -ne 0 ] || chown 20001 "$BOX"
	printf %s "$letter" | deliver alice
	[ "$(letters "$BOX")" -eq 2 ]
	body "$BOX" 1 | diff - <(echo "no end")
}

@test "a user without a state directory still gets mail, with a warning" {
	sed -i "s,^state .*,state /proc/nowhere," "$C"
	printf %s "$letter" | deliver alice
	[ "$(letters "$BOX")" -eq 1 ]
	grep -q 'warning: .*no record' "$D/log"
	# Another's directory is no place for a record either.
	[ "$EUID" -eq 0 ] || return 0
	sed -i "s,^state .*,state $D/state," "$C"
	mkdir -m 777 "$D/state/alice"
	printf %s "$letter" | deliver alice
	[ "$(letters "$BOX")" -eq 2 ]
	[ -z "$(ls "$D/state/alice")" ]
}

@test "Maildir: made when missing, unique names with sizes, no dot-lock" {
	sed -i "s,^mailbox .*,mailbox %h/Maildir/," "$C"
	M=$D/home/alice/Maildir
	printf 'A: b\n\nFrom me\n' | deliver -f jo@b.test alice
	{ frame A1 <<< "$letter"; frame A2 <<< "$letter"; } | deliver -b alice
	run deliver -b alice < <(frame A2 <<< "$letter")
	[ "$output" = "A2 0 2.0.0 already delivered" ]
	[ "$(find "$M/new" -type f | wc -l)" -eq 3 ]
	[ -z "$(ls "$M/tmp")" ]
	[ -d "$M/cur" ]
	[ "$(stat -c %a "$M")" = 700 ]
	for f in "$M"/new/*; do
		[ "${f##*,S=}" = "$(stat -c %s "$f"),W=$(sed 's/$/\r/' "$f" | wc -c)" ]
		[ "$(stat -c %a "$f")" = 600 ]
	done
	grep -qx 'From me' "$M"/new/*
	[ "$(cat "$M"/new/* | grep -c X-Keywords)" -eq 0 ]
	python3 - "$M" <<-'END'
		import mailbox, sys
		m = mailbox.Maildir(sys.argv[1])
		assert sorted(x["Return-Path"] for x in m) == ["<jo@b.test>"] + ["<s@x.test>"] * 2
	END
}

@test "Maildir: a new one is durable before the letter is said to be there" {
	need strace
	local d
	sed -i "s,^mailbox .*,mailbox %h/Maildir/," "$C"
	M=$D/home/alice/Maildir
	strace -qq -f -y -o "$T/trace" -e trace=fsync,mkdirat,renameat \
	    "$(prog deliver)" -C "$C" alice <<< "$letter"
	for d in "$D/home/alice" "$M" "$M/new"; do
		grep -q "fsync([0-9]*<$d>) *= 0" "$T/trace"
	done
	# Nothing was made in them later.
	[ "$(grep -n mkdirat "$T/trace" | tail -n 1 | cut -d: -f1)" -lt \
	    "$(grep -nE "fsync\([0-9]*<$M>" "$T/trace" | cut -d: -f1)" ]
	# Whoever made the directories may have died before they were durable.
	rm "$M"/new/*
	strace -qq -f -y -o "$T/trace" -e trace=fsync,renameat \
	    "$(prog deliver)" -C "$C" alice <<< "$letter"
	for d in "$D/home/alice" "$M"; do
		sed '/renameat/,$d' "$T/trace" | grep -q "fsync([0-9]*<$d>) *= 0"
	done
	# The next letter costs no more than before.
	strace -qq -f -y -o "$T/trace" -e trace=fsync \
	    "$(prog deliver)" -C "$C" alice <<< "$letter"
	[ "$(grep -c "fsync([0-9]*<${M}[>/]" "$T/trace")" -eq 2 ]
	# What is wrong is said, whichever directory it is.
	rmdir "$M/tmp"
	ln -s new "$M/tmp"
	run deliver alice <<< "$letter"
	[ "$status" -eq 75 ]
	[[ "$output" != *"File exists"* ]]
}

@test "Maildir: limit, links, and a torn stream" {
	sed -i "s,^mailbox .*,mailbox %h/Maildir/," "$C"
	echo 'mailbox_limit 3000' >> "$C"
	M=$D/home/alice/Maildir
	head -c 2990 /dev/zero | tr '\0' x > "$T/big"
	run deliver -b alice < <(frame A1 <<< "$letter"; frame A2 < "$T/big"; printf 'message A3 10\n\nx')
	[ "$status" -eq 75 ]
	[ "${lines[1]}" = "A2 75 4.2.2 mailbox is full" ]
	[ "$(find "$M" -type f | wc -l)" -eq 1 ]
	mv "$M" "$M.2"
	ln -s "$M.2" "$M"
	run deliver alice < "$T/big"
	[ "$status" -eq 75 ]
}

# at_once N COMMAND...: so many, all to their end.
at_once()
{
	local i pids=()
	for ((i = 0; i < $1; i++)); do
		"${@:2}" < "$T/in" 2> /dev/null 5<&- &
		pids+=($!)
	done
	for i in "${pids[@]}"; do
		wait "$i" || :
	done
}

@test "Maildir: the limit and the ids hold for several at once" {
	local n M=$D/home/alice/Maildir
	sed -i "s,^mailbox .*,mailbox %h/Maildir/," "$C"
	echo 'mailbox_limit 3000' >> "$C"
	# Who cannot have the lock in time says so.
	: | deliver bob
	exec 5< "$(echo "$D/state/bob"/mbox.*)"
	flock 5
	frame B1 > "$T/in" <<< "$letter"
	cp "$T/in" "$T/bob"
	deliver -b bob < "$T/bob" > "$T/locked" 5<&- &
	head -c 1000 /dev/zero | tr '\0' x > "$T/in"
	for n in 1 2 3; do
		rm -rf "$M"
		at_once 8 deliver alice
		[ "$(find "$M/new" -type f | wc -l)" -eq 2 ]
		[ -z "$(ls "$M/tmp")" ]
	done
	for n in 1 2 3; do
		rm -rf "$M"
		frame "A$n" > "$T/in" <<< "$letter"
		at_once 4 deliver -b alice > "$T/said"
		[ "$(find "$M/new" -type f | wc -l)" -eq 1 ]
		[ "$(grep -c "^A$n 0 2.0.0 already delivered" "$T/said")" -eq 3 ]
	done
	wait_for grep -x 'B1 75 4.2.0 mailbox is locked' "$T/locked"
	exec 5<&-
	deliver bob <<< "$letter"
}

@test "a file: mbox form, without room; /dev/null discards" {
	local f=$D/home/alice/archive
	run deliver -b -F "$f" alice < <(frame A1 <<< "$letter")
	[ "$output" = "A1 0 2.0.0 delivered to file" ]
	[ "$(letters "$f")" -eq 1 ]
	[ "$(grep -c X-Keywords "$f")" -eq 0 ]
	run deliver -b -F "$f.d/" alice < <(frame A1 <<< "$letter")
	[[ $output == 'A1 0 2.0.0 '* ]]
	grep -q . "$f.d/new/"*
	run deliver -b -F /dev/null alice < <(frame A1 <<< "$letter")
	[ "$output" = "A1 0 2.0.0 discarded" ]
	run deliver -b -F /dev/zero alice < <(frame A1 <<< "$letter")
	[[ "$output" == "A1 75 "* ]]
	run deliver -b -F "$D/home/alice" alice < <(frame A1 <<< "$letter")
	[[ "$output" == "A1 75 "* ]]
}

@test "-F and -P run without group mail" {
	[ "$EUID" -eq 0 ] || skip "needs root"
	run deliver -b -P 'id -u; id -G; exit 1' alice < <(frame A1 <<< "$letter")
	[ "$output" = "A1 1 5.3.0 20001" ]
	run deliver -b -P 'id -G; exit 1' alice < <(frame A1 <<< "$letter")
	[ "$output" = "A1 1 5.3.0 20001" ]
	chgrp mail "$D/home"
	chmod 775 "$D/home"
	run deliver -b -F "$D/home/x" alice < <(frame A1 <<< "$letter")
	[[ "$output" == "A1 75 "* ]]
}

# shellcheck disable=SC2016
@test "a program gets the letter and a clean environment" {
	export TZ=UTC
	SECRET=1 deliver -b -P 'cat > out; env > env; pwd > pwd' alice < <(
	    frame A1 sender '$(touch pwned)`x` "()"@b.test' to 'alice+d@a.test' \
	    for ali@a.test detail d < <(printf %s "$letter"))
	cd "$D/home/alice"
	diff out - <<-'END'
		From $(touch-pwned)`x`-"()"@b.test Fri Nov 21 22:44:00 2025
		Return-Path: <"$(touch pwned)`x` \"()\""@b.test>
		X-Original-To: ali@a.test
		Delivered-To: alice+d@a.test
		Subject: hello

		hello there
	END
	[ ! -e pwned ]
	diff <(grep -v '^_=' env | sort) - <<-END
		DOMAIN=a.test
		EXTENSION=d
		HOME=$D/home/alice
		LOCAL=alice+d
		LOGNAME=alice
		ORIGINAL_RECIPIENT=ali@a.test
		PATH=/usr/local/bin:/usr/bin:/bin
		PWD=$D/home/alice
		RECIPIENT=alice+d@a.test
		SENDER=__touch_pwned__x______@b.test
		SHELL=/bin/sh
		TZ=UTC
		USER=alice
	END
	[ "$(cat pwd)" = "$D/home/alice" ]
}

# says COMMAND: what deliver answers for a letter to it.
says()
{
	deliver -b -P "$1" alice < <(frame A1 <<< "$letter")
}

@test "exit codes and words of a program" {
	[ "$(says 'cat > /dev/null')" = "A1 0 2.0.0 delivered to program" ]
	[ "$(says true)" = "A1 0 2.0.0 delivered to program" ]
	[ "$(says 'exit 67')" = "A1 67 5.1.1 program failed with exit code 67" ]
	[ "$(says 'exit 68')" = "A1 68 5.1.2 program failed with exit code 68" ]
	[ "$(says 'exit 71')" = "A1 75 4.3.0 program failed with exit code 71" ]
	[ "$(says 'exit 73')" = "A1 73 5.2.0 program failed with exit code 73" ]
	[ "$(says 'exit 75')" = "A1 75 4.3.0 program failed with exit code 75" ]
	[ "$(says 'exit 77')" = "A1 77 5.7.0 program failed with exit code 77" ]
	[ "$(says 'exit 1')" = "A1 1 5.3.0 program failed with exit code 1" ]
	[[ "$(says /no/such)" == "A1 127 5.3.0 "*"not found"* ]]
	[ "$(says 'kill -9 $$')" = "A1 75 4.3.0 program was killed" ]
	[ "$(says 'echo out; echo more >&2; exit 70')" = "A1 70 5.3.0 out" ]
	[ "$(says 'echo 5.7.1 not you; exit 75')" = "A1 69 5.7.1 not you" ]
	[ "$(says 'echo 4.2.2 full; exit 67')" = "A1 75 4.2.2 full" ]
	[ "$(says 'echo 2.0.0 fine; exit 67')" = "A1 67 5.1.1 2.0.0 fine" ]
	[ "$(says 'echo 5.7; exit 67')" = "A1 67 5.1.1 5.7" ]
	[ "$(says 'printf "a\033b\tc"; exit 1')" = "A1 1 5.3.0 a?b?c" ]
}

@test "a program that says too much, reads nothing, or leaves a child" {
	head -c 3000000 /dev/zero | tr '\0' x > "$T/big"
	run deliver -b -P 'head -c 1000000 /dev/zero | tr "\0" y; exit 1' alice \
	    < <(frame A1 < "$T/big")
	[[ "$output" == "A1 1 5.3.0 yyyy"* ]]
	[ "${#output}" -lt 300 ]
	run deliver -b -P 'exit 0' alice < <(frame A1 < "$T/big")
	[ "$output" = "A1 0 2.0.0 delivered to program" ]
	SECONDS=0
	run deliver -b -P 'sleep 30 & exit 0' alice < <(frame A1 <<< "$letter")
	[ "$output" = "A1 0 2.0.0 delivered to program" ]
	[ "$SECONDS" -lt 25 ]
}

@test "each letter is a run; a torn one never starts" {
	run deliver -b -P 'echo run >> runs; cat >> runs' alice \
	    < <(frame A1 <<< "$letter"; frame A2 <<< "$letter"; printf 'message A3 10\n\nx')
	[ "$status" -eq 75 ]
	[ "${#lines[@]}" -eq 2 ]
	[ "$(grep -c '^run$' "$D/home/alice/runs")" -eq 2 ]
}

@test "an account is not unknown because /etc/passwd cannot be read: 75" {
	need strace
	export ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=0
	sed -i '/^users/d' "$C"
	run strace -f -o /dev/null -P /etc/passwd -e inject=openat:error=EIO \
	    "$(prog queuerun)" -C "$C" -u daemon
	[ "$status" -eq 75 ]
}

@test "an account that only the name service knows" {
	local me kim
	me=$(awk -F: '$1 == "kim"' "$D/passwd")
	kim=${me/#kim:/ghost:}
	# What queuerun -u prints for one that it finds.
	[ "$("$(prog queuerun)" -C "$C" -u kim)" = "$(awk -F: -v OFS=: \
	    '{ $2 = "x"; print $1, $2, $3, $4, $5, $6, $7 }' <<< "$me")" ]
	run "$(prog queuerun)" -C "$C" -u nobody-here
	[ "$status" -eq 67 ]
	sed -i '/^users/d' "$C"
	mkdir "$T/progs"
	sed -i "s|^programs .*|programs $T/progs|" "$C"
	cat > "$T/progs/queuerun" <<-END
		#!/bin/sh
		echo "\$*" >> $T/asked
		case \$4 in
		ghost) echo '$kim' ;;
		later) exit 75 ;;
		*) exit 67 ;;
		esac
	END
	chmod 755 "$T/progs/queuerun"
	deliver ghost <<< "$letter"
	[ "$(letters "$D/mail/ghost")" -eq 1 ]
	[ "$(cat "$T/asked")" = "-C $C -u ghost" ]
	run deliver nobody-here <<< "$letter"
	[ "$status" -eq 67 ]
	run deliver later <<< "$letter"
	[ "$status" -eq 75 ]
}
