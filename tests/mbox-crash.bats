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

# hit KILL|FAIL NAME: the change NAME, at each of its system calls; see mboxhit.py.
hit()
{
	need strace
	change "$2"
	reset
	# A sanitizer takes its time.
	local step=1
	[[ "$BIN" != */asan ]] || step=7
	T=$T python3 "$REPO/tests/mboxhit.py" "$1" "$step" "$DRIVE" "${ARGS[@]}"
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

@test "patches: kill -9 at every system call" { hit KILL patch; }
@test "a deletion: kill -9 at every system call" { hit KILL shrink; }
@test "an insertion: kill -9 at every system call" { hit KILL grow; }
@test "a collapse: kill -9 at every system call" {
	can_collapse
	hit KILL collapse
}

@test "patches: errors at every system call" { hit FAIL patch; }
@test "a deletion: errors at every system call" { hit FAIL shrink; }
@test "an insertion: errors at every system call" { hit FAIL grow; }
@test "a collapse: errors at every system call" {
	can_collapse
	hit FAIL collapse
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
	hit KILL collapse
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

@test "room for the journal is room for a deletion" {
	[ "$EUID" -eq 0 ] || skip "needs root"
	mkdir "$T/fs"
	# Two slots, the edits, and once what moves: twice would be too much.
	mount -t tmpfs -o size=32k none "$T/fs" || skip "no tmpfs to be had"
	change shrink
	reset
	ARGS[2]=$T/fs/state ARGS[3]=0
	run "$DRIVE" "${ARGS[@]}"; echo "$output"
	[ "$output" = "done" ]
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
