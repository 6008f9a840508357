# crash-power - the power fails at any change of the disk.  tests/cut/power.py
# says how it is done.  POINTS says how many places are tried, 0 all of them;
# SEED which.
#
# It runs unprivileged: into the deliver of root's queuerun, which keeps the group
# mail, the loader would not preload anything.

load lib

setup()
{
	need python3 cc
	[[ "$BIN" != */asan ]] || skip "a sanitizer will not be second"
}

# cut WHAT POINTS: tests/cut/run, as somebody else than root.
cut()
{
	local run=("$REPO/tests/cut/run" "$1" "${POINTS:-$2}")
	[ "$EUID" -ne 0 ] || run=("$REPO/tests/nobody" "${run[@]}")
	run "${run[@]}"
	echo "$output"
	[ "$status" -eq 0 ]
}

@test "the power fails during a day's work" { cut work 150; }
@test "the power fails after processes were killed" { cut interrupted 100; }
