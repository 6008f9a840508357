# deliver-crash - what is left when deliver dies or the system fails it at any
# one of its system calls; and many writers of different makes at once.

load lib

setup()
{
	test_begin
	# shellcheck disable=SC2119
	instance a a.test
	BOX=$D/mail/alice
	DELIVER=$(prog deliver)
	# What was there, what comes, and what is there then.
	printf 'From x@y Sat Nov 21 19:54:01 2026\nSubject: old\n\nold\n\n' > "$T/old"
	frames A1 A2 > "$T/in"
	frames B1 > "$T/more"
	# A sanitizer's own start has many calls: take samples of them all.
	STEP=1
	[[ "$BIN" != */asan ]] || STEP=5
}
teardown() { test_end; }

deliver()
{
	"$DELIVER" -C "$C" "$@"
}

# frames ID...: letters as queuerun sends them, each of some 6 kB.
frames()
{
	local id
	for id; do
		{
			printf 'Subject: %s\n\nFrom the start\n' "$id"
			printf "$id %0120d\n" $(seq 50)
			echo "end of $id"
		} > "$T/content"
		printf 'message %s %d\nsender s@x.test\nto alice@a.test\ntime 1763765040\n\n' \
		    "$id" "$(wc -c < "$T/content")"
		cat "$T/content"
	done
}

# unfinished: an append of which $T/record tells; $T/want is the mailbox with it.
unfinished()
{
	calls old > /dev/null
	cp "$BOX" "$T/want"
	reset old
	strace -f -qq -o /dev/null -e trace=fsync -P "$BOX" \
	    -e inject=fsync:signal=KILL:when=1 \
	    "$DELIVER" -C "$C" -b alice < "$T/in" > "$T/out" || :
	cp -r "$D/state/alice" "$T/record"
}

# Make the user's things as they were at the start.
reset()
{
	rm -rf "$D/state/alice" "$BOX" "$BOX.lock"
	[ "$1" = new ] || box "$T/old"
	if [ "$1" = again ]; then
		frames C1 | deliver -b alice > /dev/null
	fi
}

box()
{
	cp "$1" "$BOX"
	chmod 600 "$BOX"
	[ "$EUID" -ne 0 ] || chown 20001 "$BOX"
}

# The system calls of one delivery from where the configuration is read, and which ones
# of their name they are: NAME FIRST LAST.
calls()
{
	reset "$1"
	strace -f -qq -o "$T/trace" "$DELIVER" -C "$C" -b alice < "$T/in" > "$T/out"
	grep -c ' 0 2.0.0 delivered' "$T/out" | grep -qx 2
	awk -v begin="mkdir(\"$D/state\"" '
	index($0, begin) { on = 1 }
	{
		name = $2
		if (!sub(/\(.*/, "", name))
			next
		n[name]++
		if (on && !(name in first))
			first[name] = n[name]
	}
	END {
		for (name in first)
			if (name !~ /^(exit_group|brk|mmap|munmap|mprotect)$/)
				print name, first[name], n[name]
	}' "$T/trace"
}

# Kill at each system call in turn; then the same letters come again, and one
# more: each is there once and whole, in order.
kill_everywhere()
{
	local name first last n tried=0
	calls "$1" > "$T/calls"
	deliver -b alice < "$T/more" > /dev/null
	cp "$BOX" "$T/want"
	while read -r name first last; do
		for n in $(seq "$first" "$STEP" "$last"); do
			reset "$1"
			strace -f -qq -o "$T/hit" -e trace="$name" \
			    -e inject="$name:signal=KILL:when=$n" \
			    "$DELIVER" -C "$C" -b alice < "$T/in" > "$T/out" 2>&1 || :
			grep -q '+++ killed by SIGKILL' "$T/hit"
			cat "$T/in" "$T/more" | deliver -b alice > "$T/out2"
			tried=$((tried + 1))
			if ! cmp "$BOX" "$T/want" || [ -e "$BOX.lock" ] ||
			    [ "$(grep -c ' 0 2.0.0 ' "$T/out2")" -ne 3 ]; then
				echo "killed at $name $n"
				cat "$T/out" "$T/out2"
				diff "$BOX" "$T/want" | head -n 20
				return 1
			fi
		done
	done < "$T/calls"
	echo "$tried places"
	[ "$tried" -gt 40 ] || [ "$STEP" -gt 1 ]
}

@test "kill -9 at every system call: a mailbox with mail and a record" {
	need strace
	kill_everywhere again
}

@test "kill -9 at every system call: no mailbox yet" {
	need strace
	kill_everywhere new
}

# Let each call of these names ($1) fail in turn with error $2; with $3, all from
# there on: the letters are delivered, or told as deferred with the mailbox as it
# was; and afterwards they come through.
fail_everywhere()
{
	local names=$1 error=$2 more=${3-} name first last n tried=0
	calls old | grep -E "^($names) " > "$T/calls"
	cp "$BOX" "$T/want"
	while read -r name first last; do
		for n in $(seq "$first" "$STEP" "$last"); do
			reset old
			strace -f -qq -o "$T/hit" -e trace="$name" \
			    -e inject="$name:error=$error:when=$n$more" \
			    "$DELIVER" -C "$C" -b alice < "$T/in" \
			    > "$T/out" 2> "$T/err" || :
			grep -q '(INJECTED)' "$T/hit"
			tried=$((tried + 1))
			check_failed "$name $n$more $error" || return 1
		done
	done < "$T/calls"
	echo "$tried places"
	[ "$tried" -gt 4 ] || [ "$STEP" -gt 1 ]
}

check_failed()
{
	local ok=0
	if [ "$(grep -c ' 0 2.0.0 delivered' "$T/out")" -eq 2 ]; then
		cmp "$BOX" "$T/want" || ok=1
	elif [ ! -s "$T/out" ]; then
		# Nothing was told: it may be there or not.
		cmp -s "$BOX" "$T/want" || cmp "$BOX" "$T/old" || ok=1
	elif [ "$(grep -cE '^A[12] 75 4\.[0-9.]+ ' "$T/out")" -eq 2 ]; then
		# Where cutting back fails too, the next one does it.
		[[ "$1" == *+* ]] || cmp "$BOX" "$T/old" || ok=1
	else
		ok=1
	fi
	rm -f "$BOX.lock"
	grep -q ' 0 2.0.0 ' "$T/out" || deliver -b alice < "$T/in" > "$T/out2"
	cmp "$BOX" "$T/want" || ok=1
	[ "$ok" -eq 0 ] || { echo "failed: $1"; cat "$T/out" "$T/err" "$T/out2"; }
	return "$ok"
}

@test "write and sync errors at every place: all or nothing" {
	need strace
	fail_everywhere 'write|pwrite64|fsync|fdatasync' ENOSPC
	fail_everywhere 'write|pwrite64|fsync|fdatasync|ftruncate|pread64' EIO
	fail_everywhere 'write|pwrite64|fsync|fdatasync' EDQUOT +
	fail_everywhere 'write|pwrite64|fsync|fdatasync' EIO +
}

@test "open, link and other errors at every place: all or nothing" {
	need strace
	fail_everywhere 'open|openat|link|fcntl|utimensat|lseek' EMFILE
	fail_everywhere 'newfstatat|fstat|stat|lstat' EIO
}

@test "a failed append leaves the mailbox and its times as they were" {
	need strace
	reset old
	touch -d @981173106 "$BOX"
	run strace -f -qq -o /dev/null -e trace=fsync -P "$BOX" \
	    -e inject=fsync:error=EIO:when=1 \
	    "$DELIVER" -C "$C" -b alice < "$T/in"
	# Its words are the libc's: Input/output error, I/O error.
	[[ ${lines[0]} == "A1 75 4.3.0 cannot write to mailbox: I"*/*" error" ]]
	[ "$(stat -c '%X %Y' "$BOX")" = "981173106 981173106" ]
	cmp "$BOX" "$T/old"
}

@test "short writes at a file size limit: cut back, deferred, then delivered" {
	local n
	head -c 200000 /dev/zero | tr '\0' '\n' | cat "$T/old" - > "$T/big"
	n=$(wc -c < "$T/big")
	for limit in $((n / 1024 + 1)) $((n / 1024 + 5)) $((n / 1024 + 12)); do
		rm -rf "$D/state/alice"
		box "$T/big"
		(ulimit -f "$limit"; deliver -b alice < "$T/in") > "$T/out"
		grep -c '^A[12] 75 4.2.2 cannot write to mailbox: File too large' \
		    "$T/out" | grep -qx 2
		cmp "$BOX" "$T/big"
	done
	deliver -b alice < "$T/in" > "$T/out"
	[ "$(letters "$BOX")" -eq 3 ]
}

@test "a full disk: deferred, nothing changed, delivered when there is room" {
	[ "$EUID" -eq 0 ] || skip "needs root"
	unshare -m true || skip "no namespaces"
	cat > "$T/full" <<-'END'
		set -e
		mount -t tmpfs -o size=40k,mode=1777 none "$1/mail"
		cp "$T/old" "$1/mail/alice"
		chown 20001 "$1/mail/alice"
		chmod 600 "$1/mail/alice"
		touch -d '2001-02-03' "$1/mail/alice"
		head -c 24000 /dev/zero > "$1/mail/fill"
		"$DELIVER" -C "$1/facteur.conf" -b alice < "$T/in"
		cmp "$T/old" "$1/mail/alice"
		[ "$(stat -c %y "$1/mail/alice" | cut -c1-10)" = 2001-02-03 ]
		rm "$1/mail/fill"
		"$DELIVER" -C "$1/facteur.conf" -b alice < "$T/in"
	END
	export DELIVER T
	run unshare -m bash "$T/full" "$D"
	echo "$output"
	[ "$status" -eq 0 ]
	[ "${lines[0]}" = "A1 75 4.3.1 cannot write to mailbox: No space left on device" ]
	[ "${lines[2]}" = "A1 0 2.0.0 delivered to mailbox" ]
}

@test "what cannot be read of an append is not taken for torn" {
	need strace
	local n
	unfinished
	# All of it is there, as after a power cut that took but the end of the
	# record.
	for n in 1 2 3; do
		box "$T/want"
		cp "$T"/record/* "$D/state/alice/"
		strace -f -qq -o "$T/hit" -e trace=pread64 -P "$BOX" \
		    -e inject=pread64:error=EIO:when=$n \
		    "$DELIVER" -C "$C" -b alice < "$T/more" > "$T/out"
		cmp -n "$(wc -c < "$T/want")" "$BOX" "$T/want"
	done
	# Half of it, and the record cannot be read: it goes the next time.
	for n in 2 3; do
		head -c 1000 "$T/want" > "$T/half"
		box "$T/half"
		cp "$T"/record/* "$D/state/alice/"
		strace -f -qq -o "$T/hit" -e trace=pread64 \
		    -P "$(ls "$D"/state/alice/mbox.*)" \
		    -e inject=pread64:error=EIO:when=$n \
		    "$DELIVER" -C "$C" -b alice < "$T/more" > "$T/out"
		grep -q '(INJECTED)' "$T/hit"
		grep -q '^B1 75 4.3.0 cannot repair mailbox: ' "$T/out"
		cmp "$BOX" "$T/half"
		deliver -b alice < "$T/more" > "$T/out"
		cmp -n "$(wc -c < "$T/old")" "$BOX" "$T/old"
		[ "$(letters "$BOX")" -eq 2 ]
	done
}

@test "a record that cannot be opened now is not none" {
	need strace
	local error
	unfinished
	for error in ESTALE ENOMEM; do
		head -c 1000 "$T/want" > "$T/half"
		box "$T/half"
		cp "$T"/record/* "$D/state/alice/"
		strace -f -qq -o "$T/hit" -e trace=open,openat \
		    -P "$(basename "$D"/state/alice/mbox.*)" \
		    -e inject=open,openat:error=$error \
		    "$DELIVER" -C "$C" -b alice < "$T/more" > "$T/out"
		grep -q '(INJECTED)' "$T/hit"
		grep -q '^B1 75 4.3.0 cannot repair mailbox: ' "$T/out"
		cmp "$BOX" "$T/half"
		deliver -b alice < "$T/more" > "$T/out"
		cmp -n "$(wc -c < "$T/old")" "$BOX" "$T/old"
		[ "$(letters "$BOX")" -eq 2 ]
	done
}

@test "a change in the middle whose journal cannot be opened now is not read" {
	need strace
	local n as=()
	[ "$EUID" -ne 0 ] || as=(setpriv --reuid=20001 --regid=20001 --clear-groups)
	for n in 1 2 3; do
		deliver -f "jo$n@x.test" alice < <(printf 'Subject: %d\n\nletter\n' $n)
	done
	strace -f -qq -o "$T/hit" -e trace=ftruncate -P "$BOX" \
	    -e inject=ftruncate:signal=KILL \
	    env LOGNAME=alice "${as[@]}" "$(prog popd)" -C "$C" \
	    <<< $'DELE 1\nQUIT' || :
	cp "$BOX" "$T/half"
	strace -f -qq -o "$T/hit" -e trace=open,openat \
	    -P "$(basename "$D"/state/alice/edit.*)" \
	    -e inject=open,openat:error=ESTALE \
	    env LOGNAME=alice "${as[@]}" "$(prog popd)" -C "$C" \
	    <<< $'STAT\nQUIT' > "$T/out"
	grep -q '(INJECTED)' "$T/hit"
	grep -q '^-ERR \[SYS/TEMP\]' "$T/out"
	cmp "$BOX" "$T/half"
	LOGNAME=alice "${as[@]}" "$(prog popd)" -C "$C" <<< $'STAT\nQUIT' > "$T/out"
	grep -q '^+OK 2 ' "$T/out"
}

@test "the end of a mailbox that cannot be read gets nothing added" {
	need strace
	printf 'From x@y Sat Nov 21 19:54:01 2026\n\nno line end' > "$T/bare"
	box "$T/bare"
	strace -f -qq -o "$T/hit" -e trace=pread64 -P "$BOX" \
	    -e inject=pread64:error=EIO:when=1 \
	    "$DELIVER" -C "$C" -b alice < "$T/more" > "$T/out"
	grep -q '(INJECTED)' "$T/hit"
	grep -q '^B1 75 4.3.0 cannot write to mailbox: ' "$T/out"
	cmp "$BOX" "$T/bare"
	deliver -b alice < "$T/more" > "$T/out"
	[ "$(letters "$BOX")" -eq 2 ]
}

@test "a directory that cannot be opened now is not taken for synced" {
	need strace
	strace -f -qq -o "$T/hit" -e trace=openat,open -P "$D/mail/" \
	    -e inject=openat,open:error=EMFILE:when=1 \
	    "$DELIVER" -C "$C" -b alice < "$T/more" > "$T/out"
	grep -q '(INJECTED)' "$T/hit"
	grep -q '^B1 75 4.3.0 cannot write to mailbox: ' "$T/out"
	[ ! -s "$BOX" ]
}

@test "after a power cut: the torn tail goes, others' letters stay" {
	need strace
	unfinished
	# The record is durable, the mailbox not: it lost its last part.
	cmp "$BOX" "$T/want"
	for size in 100 1000 4096 8192 12000; do
		box "$T/want"
		truncate -s "$size" "$BOX"
		cp "$T"/record/* "$D/state/alice/"
		deliver -b alice < "$T/in" > "$T/out"
		cmp "$BOX" "$T/want"
	done
	grep -q 'warning: .*took away' "$D/log"
	# A program that knows nothing of records was quicker.
	box "$T/want"
	truncate -s 1000 "$BOX"
	printf 'From p@q Sat Nov 21 20:00:00 2026\nSubject: theirs\n\ntheirs\n\n' \
	    | tee "$T/theirs" >> "$BOX"
	cp "$T"/record/* "$D/state/alice/"
	deliver -b alice < "$T/in" > "$T/out"
	grep -c ' 0 2.0.0 delivered' "$T/out" | grep -qx 2
	[ "$(letters "$BOX")" -eq 4 ]
	[ "$(grep -c '^Subject: theirs$' "$BOX")" -eq 1 ]
	[ "$(grep -c '^Subject: A1$' "$BOX")" -eq 1 ]
	grep -q 'warning: .*blanked' "$D/log"
}

@test "Maildir: kill -9 at every system call loses nothing and repeats nothing" {
	need strace
	local name first last n
	sed -i "s,^mailbox .*,mailbox %h/Maildir/," "$C"
	M=$D/home/alice/Maildir
	calls new > "$T/calls"
	while read -r name first last; do
		for n in $(seq "$first" "$STEP" "$last"); do
			rm -rf "$M" "$D/state/alice"
			strace -f -qq -o "$T/hit" -e trace="$name" \
			    -e inject="$name:signal=KILL:when=$n" \
			    "$DELIVER" -C "$C" -b alice < "$T/in" > "$T/out" || :
			grep -q '+++ killed by SIGKILL' "$T/hit"
			[ $((n % 2)) -eq 0 ] || seen_by_reader
			deliver -b alice < "$T/in" > "$T/out2"
			each_once
		done
	done < "$T/calls"
}

# A reader was there in between.
seen_by_reader()
{
	local f
	for f in "$M"/new/*; do
		[ ! -e "$f" ] || mv "$f" "$M/cur/${f##*/}:2,S"
	done
}

each_once()
{
	[ "$(cat "$M"/new/* "$M"/cur/* 2> /dev/null | grep -x 'end of A.' | sort |
	    xargs)" = 'end of A1 end of A2' ]
	[ "$(find "$M/new" "$M/cur" -type f | wc -l)" -eq 2 ]
}

@test "Maildir: errors and kill -9 where an earlier batch was cut short" {
	need strace
	local call how n rc
	sed -i "s,^mailbox .*,mailbox %h/Maildir/," "$C"
	M=$D/home/alice/Maildir
	strace -f -qq -o "$T/hit" -e trace=renameat \
	    -e inject=renameat:signal=KILL:when=2 \
	    "$DELIVER" -C "$C" -b alice < "$T/in" > "$T/out" || :
	[ "$(find "$M/new" -type f | wc -l)" -eq 1 ]
	cp -a "$M" "$T/M"
	cp -a "$D/state/alice" "$T/record"
	for call in open openat fstat newfstatat pread64 getdents64 fsync flock \
	    fdatasync pwrite64 renameat write; do
		for how in error=EIO signal=KILL; do
			for n in 1 2 3 4 5; do
				rm -rf "${M:?}"/*/* "$D/state/alice"
				cp -a "$T/M/." "$M" # its directories stay
				cp -a "$T/record" "$D/state/alice"
				[ $((n % 2)) -eq 0 ] || seen_by_reader
				rc=0
				strace -f -qq -o "$T/hit" -e trace="$call" \
				    -e inject="$call:$how:when=$n" "$DELIVER" \
				    -C "$C" -b alice < "$T/in" > "$T/out" || rc=$?
				deliver -b alice < "$T/in" > "$T/out2"
				echo "$call $how $n: $rc"
				each_once
			done
		done
	done
	# Who cannot lock the record makes nothing of what it says.
	rm -rf "${M:?}"/*/* "$D/state/alice"
	cp -a "$T/M/." "$M"
	cp -a "$T/record" "$D/state/alice"
	strace -f -qq -o "$T/hit" -e trace=flock -e inject=flock:error=ENOLCK \
	    "$DELIVER" -C "$C" -b alice < "$T/more"
	grep -q INJECTED "$T/hit"
	deliver -b alice < "$T/in" > "$T/out2"
	rm "$(grep -l 'end of B1' "$M"/new/*)"
	each_once
}

# writer N: ten letters in the ways of others, who come again where it is locked.
writer()
{
	local i as=() PATH=/usr/bin:/bin
	[ "$EUID" -ne 0 ] || as=(setpriv --reuid=20001 --regid=20001 --clear-groups)
	for i in 0 1 2 3 4 5 6 7 8 9; do
		case $1 in
		1 | 2 | 3)
			until printf 'Subject: w%s.%s\n\nFrom w\n' "$1" "$i" |
			    "${as[@]}" "$DELIVER" -C "$C" alice; do
				[ "$?" -eq 75 ]
			done
			;;
		4)
			until frames "w4x$i" |
			    "${as[@]}" "$DELIVER" -C "$C" -b alice |
			    grep -q ' 0 2.0.0 '; do :; done
			;;
		5 | 6)
			printf 'Subject: w%s.%s\n\nw\n' "$1" "$i" |
			    "${as[@]}" procmail -f "w$1" -t "$T/procmailrc"
			;;
		7)
			"${as[@]}" dotlockfile -p -l -r 20 "$BOX.lock"
			"${as[@]}" python3 - "$BOX" "w7.$i" <<-'END'
				import fcntl, sys
				f = open(sys.argv[1], "ab")
				fcntl.lockf(f, fcntl.LOCK_EX)
				f.write(b"From w7 Sat Nov 21 19:54:01 2026\nSubject: %s\n\nw\n\n"
					% sys.argv[2].encode())
				f.close()
			END
			"${as[@]}" dotlockfile -u "$BOX.lock"
			;;
		8)
			"${as[@]}" python3 - "$BOX" "w8.$i" <<-'END'
				import mailbox, sys, time
				b = mailbox.mbox(sys.argv[1], create=False)
				for _ in range(2000):
				    try:
				        b.lock()
				        break
				    except mailbox.ExternalClashError:
				        time.sleep(0.05)
				else:
				    sys.exit("no lock")
				b.add("Subject: %s\n\nw\n" % sys.argv[2])
				b.flush()
				b.unlock()
			END
			;;
		esac
	done
}

@test "eight writers of different makes: every letter once" {
	need procmail dotlockfile
	local n pids=()
	reset old
	printf 'LOCKSLEEP=1\n:0:\n%s\n' "$BOX" > "$T/procmailrc"
	for n in 1 2 3 4 5 6 7 8; do
		writer "$n" > "$T/writer.$n" 2>&1 3>&- &
		pids+=($!)
	done
	for n in "${pids[@]}"; do
		wait "$n" || { tail -n 5 "$T"/writer.*; return 1; }
	done
	[ "$(letters "$BOX")" -eq 81 ]
	[ "$(grep -c '^Subject: w' "$BOX")" -eq 80 ]
	[ "$(grep '^Subject: w' "$BOX" | sort -u | wc -l)" -eq 80 ]
	[ "$(grep -c '^From ' "$BOX")" -eq 81 ]
}
