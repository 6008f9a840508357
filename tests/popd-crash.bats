# popd-crash - what is left when a POP session dies, or the system fails it, at any
# one of its system calls.  All of them: make check STEP=1 SUITES=popd-crash

load lib

setup()
{
	test_begin
	need strace
	# shellcheck disable=SC2119
	instance a a.test
	export STATE=$D/state/alice
	# Not root: who it is gets no password asked.
	AS=()
	if [ "$EUID" -eq 0 ]; then
		AS=(setpriv --reuid=20001 --regid=20001 --clear-groups)
		chown 20001 "$T"
	fi
	chmod 755 "$T"
	chmod 1777 "$D/mail"
	chmod 755 "$D"
	# A sanitizer's own start has many calls.
	EVERY=${STEP-6}
	[[ "$BIN" != */asan ]] || EVERY=${STEP-40}
}
teardown() { test_end; }

# crash SHAPE WHAT: see popcrash.py.
crash()
{
	cp "$REPO/tests/popcrash.py" "$T"
	chmod 644 "$T/popcrash.py"
	"${AS[@]}" /usr/bin/python3 -B "$T/popcrash.py" "$(prog popd)" \
	    "$(prog deliver)" "$C" "$D/mail/alice" "$1" "$2" "$EVERY"
}

@test "kill -9: a hole in a large mailbox" { crash collapse KILL; }
@test "kill -9: several holes in a large mailbox" { crash holes KILL; }
@test "kill -9: messages out of a small mailbox" { crash move KILL; }
@test "kill -9: the last messages" { crash end KILL; }
@test "kill -9: all messages" { crash all KILL; }
@test "kill -9: headers that have to grow" { crash grow KILL; }
@test "no space: a hole in a large mailbox" { crash holes ENOSPC; }
@test "no space: messages out of a small mailbox" { crash move ENOSPC; }
@test "no space: headers that have to grow" { crash grow ENOSPC; }
@test "input/output error: a hole in a large mailbox" { crash collapse EIO; }
@test "input/output error: messages out of a small mailbox" { crash move EIO; }
@test "input/output error: headers that have to grow" { crash grow EIO; }
