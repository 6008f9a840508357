# imap-model - thousands of random commands in several sessions, each answer held
# against a model: tests/imapmodel.py.  More of it, as often as one likes:
# SEED=$RANDOM make check SUITES=imap-model

load lib
load imap

setup()
{
	test_begin
	instance a a.test
	imap_ready
	DELIVER="$(prog deliver) -C $C"
	export DELIVER
	TIME=${TIME:-18} # s
}
teardown() { test_end; }

model()
{
	as alice env TZ=UTC HOME="$D/home/alice" BOX="$1" FOLDERS="${2-}" timeout 120 \
	    python3 "$REPO/tests/imapmodel.py" "$TIME" \
	    "${SEED:-1}" "${STEPS:-1000000}" >&2
}

@test "an mbox and files beside it" {
	box alice 0
	model "$D/mail/alice" "$D/home/alice/mail"
}

@test "a Maildir and its folders" {
	mkdir -p "$D/maildir/alice/"{cur,new,tmp}
	[ "$EUID" -ne 0 ] || chown -R "$(id_of alice)" "$D/maildir/alice"
	printf 'mailbox %s/maildir/%%u/\n' "$D" >> "$C"
	model "$D/maildir/alice"
}
