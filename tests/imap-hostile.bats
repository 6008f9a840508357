# imap-hostile - a thousand and more inputs that no client should send.  See
# imaphostile.py.

load lib
load imap

setup()
{
	test_begin
	instance a a.test 'error_limit 1000' 'message_limit 1000000'
	imap_ready
	imap_secret
	local u
	for u in alice bob kim; do
		box "$u" 3
		mkdir -p "$D/home/$u/mail"
		own "$D/home/$u/mail" "$u"
		box "$u" 1 "$D/home/$u/mail/other"
	done
	! nm "$IMAP_PROG" 2> /dev/null | grep -q __asan_init || export IMAP_SLOW=1
}

teardown() { test_end; }

hostile() { python3 "$REPO/tests/imaphostile.py" "$@"; }

# Nothing was left outside of the users' places.
clean()
{
	[ "$(ls "$D")" = "$(printf '%s\n' aliases facteur.conf home log mail passwd spool state)" ]
	[ "$(ls "$D/mail" "$D/home")" = "$(printf '%s\n' "$D/home:" alice bob kim '' "$D/mail:" alice bob kim)" ]
	run grep -aE 'warning|panic' "$D/log"
	return 0
}

@test "lines, tags, bytes" { hostile line long endless byte; clean; }

@test "literals that lie, and huge ones" { hostile literal; clean; }

@test "sets and numbers" { hostile set; clean; }

@test "nesting and repetition" { hostile nest; clean; }

@test "strings, names, dates, flags" { hostile string name date flag fetch search select; clean; }

@test "cut at every other byte; random bytes; storms" {
	hostile cut reset random mutant http tls smtp many deaf idle sasl bomb deflate
	clean
}

@test "without memory it says goodbye between two lines, never in a message" {
	local kb
	[ -z "${IMAP_SLOW-}" ] || skip 'a sanitizer needs memory of its own'
	box bob 3000
	for kb in {400..2600..160}; do
		imap bob "ulimit -d $kb; exec \"\$@\"" > "$T/got" <<< \
		    $'1 SELECT INBOX\n2 FETCH 1:* (ENVELOPE BODYSTRUCTURE BODY[1])'
		awk '/BYE/ { n++; if (!/^\* BYE \[UNAVAILABLE\]/ ||
		        (NR > 1 && last !~ /^\* |^[12] OK|\)$/)) exit 1 }
		    { last = $0 } END { print n }' "$T/got" >> "$T/byes"
	done
	[ "$(grep -c 1 "$T/byes")" -gt 0 ]
}
