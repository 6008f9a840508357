# mbox-crash - a change in the middle of an mbox ends at any of its system calls,
# or one of them fails; the next one finishes it or takes it back.  The unit test
# mboxcrash does the same within one process, with lost sectors, some thousand
# times.

load lib

setup()
{
	test_begin
	DRIVE=${FACTEUR_BIN:+$BIN}
	[ -n "$DRIVE" ] && [ -x "$DRIVE/unit/mboxedit_drive" ] ||
		DRIVE=$REPO/build
	DRIVE=$DRIVE/unit/mboxedit_drive
	[ -x "$DRIVE" ] || skip "the unit tests are not built"
	BOX=$T/box
	message() { printf 'From m%s@x Sat Nov 21 19:54:01 2026\nSubject: m%s\nX-Keywords: %60s\n\n' "$1" "$1" ''; seq -f "$1 %020.0f" "$2"; echo; }
	{ message 1 10; message 2 600; message 3 500; message 4 30; } > "$T/old"
	message 5 3 > "$T/more"
	message 6 700 > "$T/theirs"
}
teardown()
{
	umount "$T/fs" 2> /dev/null || :
	test_end
}

# place TEXT: where it begins in the old file.
place()
{
	grep -abom1 "$1" "$T/old" | cut -d: -f1
}

# change WHAT: its arguments in ARGS, and the file after it in $T/new.
change()
{
	local m2 m3 m4 end from to
	m2=$(place 'From m2@x') m3=$(place 'From m3@x') m4=$(place 'From m4@x')
	end=$(wc -c < "$T/old")
	case $1 in
	patch)
		ARGS=(edit "$BOX" "$T/state" 0 $((m2 + 7)) 2 zz $((m4 + 7)) 2 yy)
		sed 's/^From m2@x/From m2zz/; s/^From m4@x/From m4yy/' "$T/old" > "$T/new"
		;;
	shrink)
		# In some five steps, with a patch before it.
		ARGS=(edit "$BOX" "$T/state" 5000 5 2 XX "$m2" $((m3 - m2)) '')
		{
			head -c "$m2" "$T/old" | sed '1s/^From m1/From XX/'
			tail -c +$((m3 + 1)) "$T/old"
		} > "$T/new"
		;;
	grow)
		ARGS=(edit "$BOX" "$T/state" 9000 5 2 XX $((m2 + 4)) 0 ' a b c')
		{
			head -c $((m2 + 4)) "$T/old" | sed '1s/^From m1/From XX/'
			printf ' a b c'
			tail -c +$((m2 + 5)) "$T/old"
		} > "$T/new"
		;;
	collapse)
		from=4096 to=8192
		ARGS=(collapse "$BOX" "$T/state" 0 "$from" $((to - from)) 5 2 XX
		    $((end - 3)) 1 '!')
		{
			head -c $from "$T/old" | sed '1s/^From m1/From XX/'
			tail -c +$((to + 1)) "$T/old"
		} > "$T/new"
		truncate -s -3 "$T/new"
		printf '!' >> "$T/new"
		tail -c 2 "$T/old" >> "$T/new"
		;;
	esac
}

reset()
{
	rm -rf "$T/state" "$BOX"
	cp "$T/old" "$BOX"
	# As it is when this is not the first change.
	"$DRIVE" edit "$BOX" "$T/state" 0 0 1 F > /dev/null
}

fixed()
{
	"$DRIVE" fix "$BOX" "$T/state" > "$T/fix.out"
	grep -qx 'done' "$T/fix.out"
}

# Is the file the old or the new one, with what was added to it?
one_of()
{
	cat "$T/old" "$@" | cmp -s - "$BOX" || cat "$T/new" "$@" | cmp -s - "$BOX"
}

# The system calls of a change from where the mbox is open: NAME FIRST LAST.
calls()
{
	reset
	strace -qq -o "$T/trace" "$DRIVE" "${ARGS[@]}" > "$T/out"
	grep -qx 'done' "$T/out"
	cmp "$BOX" "$T/new"
	awk -v box="\"$BOX\"" '
	index($0, box) && /^openat/ { on = 1 }
	{
		name = $0
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

# each NAME INJECTION TEST...: make the change NAME, with the injection at each call
# of the names $NAMES in turn (@ is its number), and run TEST.
each()
{
	local what=$1 inject=$2 name first last n tried=0
	shift 2
	calls > "$T/calls"
	while read -r name first last; do
		[[ $name =~ ^(${NAMES:-.*})$ ]] || continue
		for n in $(seq "$first" "${STEP:-1}" "$last"); do
			reset
			strace -qq -o "$T/hit" -e trace="$name" \
			    -e inject="$name:${inject/@/$n}" \
			    "$DRIVE" "${ARGS[@]}" > "$T/out" 2>&1 || :
			grep -qE 'INJECTED|killed by SIGKILL' "$T/hit"
			tried=$((tried + 1))
			"$@" || {
				echo "$what: $name ${inject/@/$n}, then $*"
				cat "$T/out" "$T/fix.out"
				cmp "$BOX" "$T/old"
				cmp "$BOX" "$T/new"
				return 1
			}
		done
	done < "$T/calls"
	echo "$what: $tried places"
	[ "$tried" -gt 2 ]
}

# --- what comes between ---

alone() { fixed && one_of; }

# Another program adds a message, and another when we have been there.
appended()
{
	cat "$T/more" >> "$BOX"
	fixed || return 1
	one_of "$T/more" || return 1
	cat "$T/more" >> "$BOX"
	fixed && one_of "$T/more" "$T/more"
}

# It adds so much that the file is longer than it was, of bytes that were there.
appended_same()
{
	cp "$T/old" "$T/again"
	cat "$T/again" >> "$BOX"
	fixed && one_of "$T/again"
}

# It writes another file over this one, or in its place.
rewritten()
{
	cat "$T/theirs" "$T/theirs" > "$BOX"
	fixed || return 1
	cat "$T/theirs" "$T/theirs" | cmp - "$BOX"
}

replaced()
{
	cp "$T/theirs" "$BOX.new"
	mv "$BOX.new" "$BOX"
	fixed && cmp "$T/theirs" "$BOX"
}

# It sets a flag of its own where we were about to set ours.
flagged()
{
	printf '??' | dd of="$BOX" bs=1 seek="${ARGS[4]}" conv=notrunc status=none
	fixed || return 1
	[ "$(tail -c +$((ARGS[4] + 1)) "$BOX" | head -c 2)" = '??' ]
}

# We are killed again while it is put right.
killed_again()
{
	local n
	for n in 1 2 4; do
		strace -qq -o /dev/null -e trace=pwrite64 \
		    -e inject="pwrite64:signal=KILL:when=$n" \
		    "$DRIVE" fix "$BOX" "$T/state" > /dev/null 2>&1 || :
	done
	fixed && one_of
}

# What was told must be so.
told()
{
	case $(cat "$T/out") in
	done) cmp "$BOX" "$T/new" || return 1 ;;
	failed* | '') cmp "$BOX" "$T/old" || return 1 ;;
	pending*) ;;
	*) return 1 ;;
	esac
	cp "$T/out" "$T/told"
	fixed || return 1
	case $(cat "$T/told") in
	done) cmp "$BOX" "$T/new" ;;
	failed* | '') cmp "$BOX" "$T/old" ;;
	*) one_of ;;
	esac
}

killed()
{
	need strace
	# A sanitizer's own start has many calls: take samples of them all.
	[[ "$BIN" != */asan ]] || STEP=7
	change "$1"
	each "$1" signal=KILL:when=@ appended
	NAMES='pwrite64|ftruncate|fallocate|fdatasync|fsync'
	each "$1" signal=KILL:when=@ alone
	each "$1" signal=KILL:when=@ appended_same
	each "$1" signal=KILL:when=@ rewritten
	each "$1" signal=KILL:when=@ replaced
	each "$1" signal=KILL:when=@ killed_again
	[ "$1" != patch ] || each "$1" signal=KILL:when=@ flagged
}

failing()
{
	need strace
	change "$1"
	NAMES='pwrite64|pread64|fdatasync|fsync|ftruncate|fallocate'
	each "$1" error=EIO:when=@ told
	NAMES='pwrite64|fdatasync|fallocate'
	each "$1" error=ENOSPC:when=@ told
	each "$1" error=ENOSPC:when=@+ told
	NAMES='openat|fcntl|newfstatat|fstat|getrandom'
	each "$1" error=EMFILE:when=@ told
}

# Somewhere where blocks can be taken out of a file.
can_collapse()
{
	change collapse
	reset
	"$DRIVE" "${ARGS[@]}" > "$T/out" || :
	! grep -qx 'done' "$T/out" || return 0
	[ "$EUID" -eq 0 ] || skip "this file system cannot take blocks out"
	fs ext4
	change collapse
}

# fs TYPE: work on a file system of that type from here on.
fs()
{
	command -v "mkfs.$1" > /dev/null || skip "no mkfs.$1 here"
	truncate -s 400M "$T/image"
	"mkfs.$1" -q "$T/image"
	mkdir -p "$T/fs"
	mount -o loop "$T/image" "$T/fs" || skip "no $1 here"
	BOX=$T/fs/box
}

@test "patches: kill -9 at every system call" { killed patch; }
@test "a deletion: kill -9 at every system call" { killed shrink; }
@test "an insertion: kill -9 at every system call" { killed grow; }
@test "a collapse: kill -9 at every system call" {
	can_collapse
	killed collapse
}

@test "patches: errors at every system call" { failing patch; }
@test "a deletion: errors at every system call" { failing shrink; }
@test "an insertion: errors at every system call" { failing grow; }
@test "a collapse: errors at every system call" {
	can_collapse
	failing collapse
}

@test "a collapse that is refused leaves all as it was" {
	need strace
	can_collapse
	for e in EOPNOTSUPP EINVAL ENOSPC; do
		reset
		strace -qq -o /dev/null -e trace=fallocate -P "$BOX" \
		    -e inject="fallocate:error=$e:when=1" \
		    "$DRIVE" "${ARGS[@]}" > "$T/out" || :
		grep '^failed: ' "$T/out"
		cmp "$BOX" "$T/old"
		fixed
		cmp "$BOX" "$T/old"
	done
}

# As xfs, and ext4 with a file in very many pieces, may leave it.
@test "a collapse that the file system did not finish is finished" {
	need strace
	can_collapse
	local size at
	size=$(wc -c < "$T/old")
	for at in 4096 8192 12288 16384 $((size - 4096)); do
		reset
		strace -qq -o /dev/null -e trace=fallocate -P "$BOX" \
		    -e inject=fallocate:signal=KILL:when=1 \
		    "$DRIVE" "${ARGS[@]}" > "$T/out" 2>&1 || :
		cp "$BOX" "$T/patched"
		# What was behind the hole has moved down as far as at.
		{
			head -c 4096 "$T/patched"
			tail -c +8193 "$T/patched" | head -c $((at - 4096))
			head -c 4096 /dev/zero
			[ "$at" -gt 16384 ] || tail -c +$((at + 4097)) "$T/patched"
		} | head -c "$size" > "$T/half"
		dd if="$T/half" of="$BOX" bs=4096 conv=sparse status=none
		fallocate -p -o "$at" -l 4096 "$BOX"
		truncate -s "$size" "$BOX"
		[ "$at" -le 16384 ] || cat "$T/more" >> "$BOX"
		fixed
		if [ "$at" -gt 16384 ]; then
			cat "$T/new" "$T/more" | cmp - "$BOX"
		else
			cmp "$BOX" "$T/new"
		fi
	done
}

@test "xfs takes blocks out, too" {
	[ "$EUID" -eq 0 ] || skip "needs root"
	fs xfs
	change collapse
	reset
	"$DRIVE" "${ARGS[@]}"
	cmp "$BOX" "$T/new"
	need strace
	NAMES='pwrite64|ftruncate|fallocate|fdatasync|fsync'
	each collapse signal=KILL:when=@ appended
}

@test "where blocks cannot be taken out it is refused, and moving works" {
	[ "$EUID" -eq 0 ] || skip "needs root"
	mkdir "$T/fs"
	mount -t tmpfs none "$T/fs" || skip "no tmpfs to be had"
	BOX=$T/fs/box
	change collapse
	reset
	run "$DRIVE" "${ARGS[@]}"; echo "$output"
	[[ "$output" == failed:* ]]
	cmp "$BOX" "$T/old"
	change shrink
	"$DRIVE" "${ARGS[@]}"
	cmp "$BOX" "$T/new"
}

@test "a full disk: nothing is changed, and a deletion may still have room" {
	[ "$EUID" -eq 0 ] || skip "needs root"
	mkdir "$T/fs"
	mount -t tmpfs -o size=160k none "$T/fs" || skip "no tmpfs to be had"
	BOX=$T/fs/box
	change grow
	reset
	dd if=/dev/zero of="$T/fs/fill" bs=4k > /dev/null 2>&1 || :
	# The file's last block has room for some bytes.
	ARGS[9]=$(printf '%08000d' 0)
	run "$DRIVE" "${ARGS[@]}"; echo "$output"
	[[ "$output" == "failed: No space left on device" ]]
	cmp "$BOX" "$T/old"
	# The journal is on the full disk, too.
	change shrink
	ARGS[2]=$T/fs/state ARGS[3]=0
	run "$DRIVE" "${ARGS[@]}"; echo "$output"
	[[ "$output" == "failed: No space left on device" ]]
	cmp "$BOX" "$T/old"
	# The end of a file goes without a journal; so does all of it.
	"$DRIVE" edit "$BOX" "$T/fs/state" 0 "$(place 'From m4@x')" \
	    $(($(wc -c < "$T/old") - $(place 'From m4@x'))) ''
	head -c "$(place 'From m4@x')" "$T/old" | cmp - "$BOX"
	rm "$T/fs/fill"
	dd if=/dev/zero of="$T/fs/fill" bs=4k count=4 status=none
	cp "$T/old" "$BOX"
	run "$DRIVE" "${ARGS[@]}"; echo "$output"
	echo "$output"
	cmp "$BOX" "$T/new"
}

@test "the power fails at any change of the disk" {
	need python3 cc
	[[ "$BIN" != */asan ]] || skip "a sanitizer will not be second"
	"$(peer cc)" -std=c17 -O1 -shared -fPIC -o "$T/cut.so" \
	    "$REPO/tests/cut/cut.c"
	mkdir "$T/disk"
	PYTHONDONTWRITEBYTECODE=1 python3 "$REPO/tests/cut/change.py" \
	    "$T/disk" "$DRIVE" "$T/cut.so" "${POINTS:-0}"
}
