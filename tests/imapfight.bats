# imapfight - the fight for the mailbox (lockfight) with IMAP sessions in it that set
# flags, move, append, expunge and idle: tests/imapfight.py counts.

load lib
load pop
load imap

setup()
{
	test_begin
	instance a a.test
	BOX=$D/mail/bob
	printf 'LOCKSLEEP=1\n:0:\n%s\n' "$BOX" > "$T/procmailrc"
	[ "$EUID" -ne 0 ] || id 20002 > /dev/null 2>&1 ||
		skip 'no bob here: tests/accounts'
	(umask 077; : > "$BOX")
	own "$BOX" bob
	imap_ready
	pop_inetd a "$NET.1"
	imap_inetd a "$NET.1"
}
teardown() { test_end; }

fight()
{
	need procmail dotlockfile
	DELIVER="$(prog deliver) -C $C"
	export DELIVER HOME=/ RC=$T/procmailrc OTHER=kept \
	    OTHER_FILE=$D/home/bob/mail/kept IMAP_PORT
	as bob timeout 300 python3 "$REPO/tests/imapfight.py" \
	    "$BOX" "$NET.1" "$POP_PORT" bob "$SECRET" "$@" >&2
	wait_for test ! -e "$BOX.lock"
}

@test "writers, POP3 and IMAP sessions" {
	fight
}

@test "the same while mutt and python write the file anew" {
	need mutt
	fight rewrite
}
