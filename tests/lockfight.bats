# lockfight - eight writers of different makes and POP3 sessions that delete, all
# on one mbox: tests/fight.py counts.

load lib
load pop

setup()
{
	test_begin
	instance a a.test
	BOX=$D/mail/bob
	printf 'LOCKSLEEP=1\n:0:\n%s\n' "$BOX" > "$T/procmailrc"
	AS=()
	if [ "$EUID" -eq 0 ]; then
		id 20002 > /dev/null 2>&1 || skip 'no bob here: tests/accounts'
		AS=(setpriv --reuid=20002 --regid=20002 --clear-groups)
	fi
	(umask 077; : > "$BOX")
	[ "$EUID" -ne 0 ] || chown 20002:20002 "$BOX"
	pop_inetd a "$NET.1"
}
teardown() { test_end; }

fight()
{
	need procmail dotlockfile
	HOME=/ DELIVER="$(prog deliver) -C $C" RC=$T/procmailrc timeout 300 \
	    "${AS[@]}" /usr/bin/python3 "$REPO/tests/fight.py" "$BOX" "$NET.1" \
	    "$POP_PORT" bob "$SECRET" "$@" > "$T/fight.out" 2>&1
	wait_for test ! -e "$BOX.lock"
}

@test "eight writers against sessions that delete" {
	fight
}

@test "the same while mutt and python write the file anew" {
	need mutt
	fight rewrite
}
