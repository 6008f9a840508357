# index - what opening a mailbox costs, and what is left of it when the index is not
# what it was.  popd by a user on a pipe, who needs no password.

load lib

setup()
{
	test_begin
	need strace
	# shellcheck disable=SC2119
	instance a a.test
	BOX=$D/mail/alice STATE=$D/state/alice
	AS=()
	if [ "$EUID" -eq 0 ]; then
		AS=(setpriv --reuid=20001 --regid=20001 --clear-groups)
	fi
	POPD=$(prog popd)
	mkdir "$T/u"
	[ "$EUID" -ne 0 ] || chown 20001 "$T/u"
	export ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=0
}
teardown() { test_end; }

# pop COMMAND...: a session.
pop() { printf '%s\r\n' "$@" QUIT | "${AS[@]}" "$POPD" -C "$C" | tr -d '\r'; }

uidl() { pop UIDL | grep -E '^[0-9]'; }

# box COUNT LINES [FIELDS]: letters of so many lines.
box()
{
	/usr/bin/python3 - "$@" > "$BOX" <<-'END'
		import sys
		n, lines, more = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
		body = "a line of some length, as people write them\n" * lines
		for i in range(n):
		    sys.stdout.write("From a@x Sat Nov 21 19:54:%02d 2026\nSubject: %d\n%s\n%s\n"
		                     % (i % 60, i, "".join(f + "\n" for f in more), body))
	END
	chmod 600 "$BOX"
	[ "$EUID" -ne 0 ] || chown 20001 "$BOX"
}

# traced COMMAND...: a session; $T/u/trace tells what it did.
traced()
{
	printf '%s\r\n' "$@" QUIT | "${AS[@]}" strace -qq -o "$T/u/trace" \
	    -e trace=open,openat,pread64,read,close "$POPD" -C "$C" | tr -d '\r'
}

# Bytes of the mailbox that the traced session has read.
bytes_read()
{
	awk -v box="\"$BOX\"" '
	/^open(at)?\(/ { if (index($0, box)) is[$NF] = 1; else delete is[$NF] }
	/^p?read/ {
		fd = $1
		sub(/^[a-z0-9]*\(/, "", fd)
		if (is[fd + 0]) sum += $NF
	}
	END { print sum + 0 }' "$T/u/trace"
}

@test "a mailbox that did not change is opened without reading it" {
	box 1000 60
	uidl > "$T/first"
	traced STAT UIDL LIST > "$T/out"
	grep -q '^+OK 1000 ' "$T/out"
	[ "$(bytes_read)" -eq 0 ]
}

@test "one that grew costs what is new" {
	box 1000 60
	uidl > "$T/first"
	"${AS[@]}" "$(prog deliver)" -C "$C" alice <<< $'Subject: new\n\nhello'
	traced STAT > "$T/out"
	grep -q '^+OK 1001 ' "$T/out"
	bytes_read
	[ "$(bytes_read)" -gt 0 ]
	[ "$(bytes_read)" -lt 20000 ]
	[ "$(uidl | head -n 1000 | cmp - "$T/first" && echo same)" = same ]
}

@test "a message costs its own bytes" {
	box 1000 60
	uidl > "$T/first"
	traced 'RETR 500' > "$T/out"
	bytes_read
	[ "$(bytes_read)" -lt 10000 ]
}

@test "an index that is deleted, cut, damaged or of another version" {
	box 20 10
	uidl > "$T/first"
	# shellcheck disable=SC2034
	f=$(echo "$STATE"/index.*)
	for what in 'rm "$f"' 'truncate -s 0 "$f"' 'truncate -s 5000 "$f"' \
	    'truncate -s 100 "$f"' 'head -c 6176 /dev/urandom > "$f"' \
	    'printf findx99 | dd of="$f" conv=notrunc' \
	    'printf x | dd of="$f" bs=1 seek=4200 conv=notrunc' \
	    'printf x | dd of="$f" bs=1 seek=100 conv=notrunc' \
	    'rm "$f"; mkdir "$f"; rmdir "$f"; ln -s /etc/passwd "$f"' 'rm "$f"'; do
		eval "$what" 2> "$T/dd"
		echo "$what"
		uidl > "$T/now"
		cmp "$T/first" "$T/now"
		[ "$(pop 'RETR 7' | grep -c 'a line of')" -eq 10 ]
	done
	grep -q root /etc/passwd
}

# Others write the mailbox anew: letter 2 begins elsewhere, and what can be seen from
# outside and be put back is what it was, as mutt does it.
rewrite()
{
	/usr/bin/python3 - "$BOX" <<-'END'
		import os, sys
		st = os.stat(sys.argv[1])
		with open(sys.argv[1], "r+b") as f:
		    parts = f.read().split(b"From a@x")
		    parts[1], parts[2] = parts[1][:-45] + b"\n", parts[2][:-1] + b"and 43 more bytes that were above before...\n\n"
		    f.seek(0)
		    f.write(b"From a@x".join(parts))
		assert os.stat(sys.argv[1]).st_size == st.st_size
		os.utime(sys.argv[1], ns=(st.st_atime_ns, st.st_mtime_ns))
	END
}

# whole N: letters 1 to N are sent as the mailbox has them.
whole()
{
	local i
	for ((i = 1; i <= $1; i++)); do
		pop "RETR $i" | sed '1,2d;/^\.$/,$d' > "$T/got"
		/usr/bin/python3 - "$BOX" "$i" > "$T/want" <<-'END'
			import mailbox, sys
			m = mailbox.mbox(sys.argv[1], create=False)[int(sys.argv[2]) - 1]
			print("Subject: %s\n\n%s" % (m["Subject"], m.get_payload()), end="")
		END
		diff "$T/want" "$T/got"
	done
}

@test "a file that was rewritten and has its old size and time is read anew" {
	box 3 10
	uidl > "$T/first"
	rewrite
	whole 3
	uidl | cmp - "$T/first"
}

# flags: as IMAP tells them.
flags()
{
	printf '%s\r\n' 'x EXAMINE INBOX' 'x FETCH 1:* FLAGS' 'x LOGOUT' |
	    LOGNAME=alice "${AS[@]}" "$(prog imapd)" -C "$C" |
	    sed -n 's/.* \([0-9]\) FETCH .*FLAGS (\([^)]*\)).*/\1 \2/p' |
	    sed 's/ *\\Recent//'
}

@test "flags that were changed in a file that has its old size and time are seen" {
	box 2 10 'Status: O' 'X-Status: F'
	pop STAT > "$T/out"
	[ "$(flags)" = $'1 \\Flagged\n2 \\Flagged' ]
	touch -r "$BOX" "$T/times"
	sed '0,/^X-Status: F/s//X-Status: A/' "$BOX" > "$T/new"
	cat "$T/new" > "$BOX"
	touch -r "$T/times" "$BOX"
	[ "$(flags)" = $'1 \\Answered\n2 \\Flagged' ]
}

@test "one that was rewritten and then grew: what is read is whole" {
	box 3 10
	uidl > "$T/first"
	rewrite
	"${AS[@]}" "$(prog deliver)" -C "$C" alice <<< $'Subject: new\n\nhello'
	whole 3
	uidl | sed 4d | cmp - "$T/first"
}

@test "one that was rewritten and then grew: nothing is lost" {
	box 3 10
	uidl > "$T/first"
	rewrite
	"${AS[@]}" "$(prog deliver)" -C "$C" alice <<< $'Subject: new\n\nhello'
	cp "$BOX" "$T/was"
	pop 'DELE 2' > "$T/out"
	grep -q '^-ERR' "$T/out"
	[ "$(sed '/^X-[A-Z]/d' "$BOX" | cmp - <(sed '/^X-[A-Z]/d' "$T/was") && echo same)" = same ]
	pop STAT | grep -q '^+OK 4 '
}

@test "somebody takes no lock and writes when we just did" {
	local tracer
	box 3 10
	uidl > "$T/first"
	# It stops when it has deleted, before it looks what the file is now.
	printf '%s\r\n' 'DELE 2' QUIT | "${AS[@]}" strace -q -o "$T/u/trace" \
	    -P "$BOX" -e trace=utimensat -e inject=utimensat:signal=STOP:when=1 \
	    "$POPD" -C "$C" > "$T/out" 3>&- &
	tracer=$!
	wait_for grep -q 'stopped by SIGSTOP' "$T/u/trace"
	box 1 10
	pkill -CONT -P "$tracer"
	wait "$tracer"
	pop STAT | grep -q '^+OK 1 '
	whole 1
}

@test "a state directory that cannot be written" {
	box 5 10
	uidl > "$T/first"
	chmod 500 "$STATE"
	[ "$EUID" -ne 0 ] || chown root "$STATE"
	uidl > "$T/now"
	cmp "$T/first" "$T/now"
	[ "$(pop 'RETR 3' | grep -c 'a line of')" -eq 10 ]
	[ "$EUID" -ne 0 ] || chown 20001 "$STATE"
	chmod 700 "$STATE"
}

@test "folder data of UW imapd and alpine is not shown, and stays" {
	{
		printf 'From MAILER-DAEMON Sat Nov 21 19:54:01 2026\n'
		printf 'From: Mail System Internal Data <MAILER-DAEMON@x>\n'
		printf "Subject: DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA\n"
		printf 'X-IMAP: 1111111111 0000000007\nStatus: RO\n\ndata\n\n'
		printf 'From a@x Sat Nov 21 19:54:02 2026\nSubject: 1\nX-UID: 7\n\none\n\n'
		printf 'From a@x Sat Nov 21 19:54:03 2026\nSubject: 2\n\ntwo\n\n'
	} > "$BOX"
	chmod 600 "$BOX"
	[ "$EUID" -ne 0 ] || chown 20001 "$BOX"
	[ "$(pop STAT UIDL | grep -E '^[0-9]')" = $'1 1111111111.7\n2 1111111111.8' ]
	grep -q '^X-IMAP: 1111111111 0000000008$' "$BOX"
	pop 'DELE 1' 'DELE 2'
	grep -q 'FOLDER INTERNAL DATA' "$BOX"
	[ "$(grep -c '^From ' "$BOX")" -eq 1 ]
	# What it says outlives what we remember, at whatever width.
	for last in 8 0000000009 000000000010; do
		sed "s/^X-IMAP: .*/X-IMAP: 1111111111 $last kim jo/" "$BOX" > "$T/box"
		printf 'From a@x Sat Nov 21 19:54:04 2026\n\nx\n\n' >> "$T/box"
		cat "$T/box" > "$BOX"
		rm -r "$STATE"
		[ "$(pop UIDL | grep '^1 ')" = "1 1111111111.$((10#$last + 1))" ]
		grep -q "^X-IMAP: 1111111111 0*$((10#$last + 1)) kim jo\$" "$BOX"
		pop 'DELE 1'
		[ "$(grep -c '^From ' "$BOX")" -eq 1 ]
	done
}

# sober KB COMMAND...: a session takes no more memory than that (of which the
# interpreter that starts it is 10,000).
sober()
{
	local kb=$1
	shift
	printf '%s\r\n' "$@" QUIT | "${AS[@]}" /usr/bin/python3 "$T/u/peak.py" \
	    "$kb" "$POPD" -C "$C" > "$T/got"
}

@test "memory: 10,000 messages, 100,000 messages, one of 100 MB" {
	[[ "$BIN" != */asan ]] || skip 'a sanitizer keeps a book of its own'
	install -m 644 "$REPO/tests/peak.py" "$T/u"
	box 10000 3
	sober 12000 STAT UIDL 'RETR 77' 'DELE 3' RSET
	grep -q '^+OK 10000 ' "$T/got"
	sober 12000 STAT UIDL 'RETR 77' 'DELE 3' RSET
	box 100000 3
	sober 60000 STAT UIDL 'RETR 77' 'DELE 3' RSET
	grep -q '^+OK 100000 ' "$T/got"
	rm -rf "$STATE"
	box 1 2400000
	sober 12000 'RETR 1'
	[ "$(grep -c 'a line of' "$T/got")" -eq 2400000 ]
}

# For each time that something is written all that stands behind it may have to move.
@test "UIDs come into a mailbox of many letters without room for them in one go" {
	local size wrote
	box 30000 1
	printf 'QUIT\r\n' | "${AS[@]}" strace -qq -o "$T/u/trace" \
	    -e trace=pwrite64 -P "$BOX" "$POPD" -C "$C"
	grep -q '^X-UID: 30000' "$BOX"
	size=$(stat -c %s "$BOX")
	wrote=$(awk '/^pwrite64/ { sum += $NF } END { print sum + 0 }' "$T/u/trace")
	echo "wrote $wrote for $size"
	[ "$wrote" -gt 0 ]
	[ "$wrote" -lt $((2 * size)) ]
}
