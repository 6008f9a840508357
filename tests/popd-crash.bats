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

# An append that was cut off is seen where nobody looks for the record of it.
@test "a record that cannot be opened now is not none: what is torn is not seen" {
	local box=$D/mail/alice error n hits=0
	export ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=0
	printf 'From x@y Sat Nov 21 19:54:01 2026\nSubject: old\n\nold\n\n' > "$box"
	chmod 600 "$box"
	[ "$EUID" -ne 0 ] || chown 20001 "$box"
	printf 'Subject: torn\n\n%05000d\n' 1 | strace -f -qq -o /dev/null \
	    -e trace=fsync -P "$box" -e inject=fsync:signal=KILL:when=1 \
	    "$(prog deliver)" -C "$C" -f a@x.test alice || :
	truncate -s -1000 "$box"
	[ "$(letters "$box")" -eq 2 ]
	cp "$box" "$T/torn"
	cp -rp "$STATE" "$T/record"
	for error in EIO EMFILE ENOMEM; do
		for ((n = 1; n < 30; n++)); do
			cat "$T/torn" > "$box"
			rm -r "$STATE"
			cp -rp "$T/record" "$STATE"
			printf 'STAT\r\nQUIT\r\n' | "${AS[@]}" strace -f -qq \
			    -o "$T/hit" -P "$STATE" -e trace=open,openat \
			    -e inject=open,openat:error=$error:when=$n \
			    "$(prog popd)" -C "$C" > "$T/out" || :
			grep INJECTED "$T/hit" || break
			hits=$((hits + 1))
			cat "$T/out"
			[ "$(grep -c '^+OK 2 ' "$T/out")" -eq 0 ]
		done
	done
	[ "$hits" -gt 5 ]
	printf 'STAT\r\nQUIT\r\n' | "${AS[@]}" "$(prog popd)" -C "$C" | grep '^+OK 1 '
}
