# sendmail-modes - what sendmail does besides submitting: the other names and
# -b modes, -v, and the privilege that it has where it is installed.

load lib

setup()
{
	test_begin
	instance a a.test
	sed -i "1i runner:x:$EUID:$(id -g):Runner:$D/home/alice:/bin/sh" \
	    "$D/passwd"
	printf '%s\n' 'list: alice, kim@b.test, "|/bin/cat -u"' \
	    'broken: list, nobody' >> "$D/aliases"
}

teardown() { test_end; }

# as NAME OPTION...: sendmail under another name.
as()
{
	ln -sf "$(prog sendmail)" "$T/$1"
	local name=$1
	shift
	"$T/$name" -C "$C" "$@"
}

@test "-bv tells where an address leads, step by step" {
	# The owner of the aliases, but for root's.
	owner=runner
	[ "$EUID" -ne 0 ] || owner=nobody
	run send a -bv list kim@b.test 'Al <alice>'
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == *"alias list: "*"($D/aliases:2)"* ]]
	for l in 'list@a.test... deliverable: mailbox of user alice' \
	    'list@a.test... deliverable: other host, kim@b.test' \
	    "list@a.test... deliverable: program |/bin/cat -u as $owner" \
	    'kim@b.test... deliverable: other host, kim@b.test' \
	    'alice@a.test... deliverable: mailbox of user alice'; do
		grep -Fx "$l" <<< "$output"
	done
	[ "$(queued a)" -eq 0 ]
}

@test "-bv: 67 for an unknown user, 75 for what cannot be known, 65, 64" {
	run send a -bv nobody
	[ "$status" -eq 67 ]
	[[ $output == *'nobody@a.test... User unknown (5.1.1)'* ]]
	run send a -bv broken
	[ "$status" -eq 67 ]
	mv "$D/passwd" "$D/gone"
	run send a -bv bob
	[ "$status" -eq 75 ]
	run send a -bv 'a b'
	[ "$status" -eq 65 ]
	run send a -bv
	[ "$status" -eq 64 ]
}

@test "-bt does the same for lines of stdin" {
	run send a -bt <<< $'alice\nkim@b.test'
	[ "$status" -eq 0 ]
	grep -Fx 'alice@a.test... deliverable: mailbox of user alice' <<< "$output"
	grep -Fx 'kim@b.test... deliverable: other host, kim@b.test' <<< "$output"
	long=$(printf 'a%.0s' {1..5000})
	run send a -bt <<< "$long"$'\nalice'
	[ "$status" -eq 65 ]
	[[ $output == *'mailbox of user alice' ]]
	# The last line may lack its end; what cannot be read is not the end.
	run send a -bt < <(printf 'kim@b.test\nnobody')
	[ "$status" -eq 67 ]
	[[ $output == *'nobody@a.test... User unknown (5.1.1)' ]]
	run send a -bt < "$T"
	[ "$status" -eq 74 ]
	[ "$output" = 'sendmail: cannot read the addresses: Is a directory' ]
}

@test "newaliases, -bi and -I check the aliases" {
	for how in 'as newaliases' 'send a -bi' 'send a -I'; do
		run $how
		[ "$status" -eq 0 ]
		[ "$output" = "$D/aliases: 3 aliases" ]
	done
	printf '%s\n' 'no colon here' 'a: "open' >> "$D/aliases"
	run as newaliases
	echo "$output"
	[ "$status" -eq 65 ]
	[[ $output == *"$D/aliases:4:"* ]]
	[[ $output == *"$D/aliases:5:"* ]]
}

@test "mailq and -bp show the queue" {
	for how in 'as mailq' 'send a -bp'; do
		run $how
		[ "$status" -eq 0 ]
		[ "$output" = 'Mail queue is empty' ]
	done
	send a kim@b.test < /dev/null
	run as mailq -j
	[[ $output == '{"queue_name"'*kim@b.test* ]]
	run send a -bp -v
	[[ $output == *attempts* ]]
	run as mailq delete all
	[ "$output" = '1 message removed' ]
}

@test "the queue is not read on when nobody listens any more" {
	send a kim@b.test < /dev/null
	for how in 'as mailq' 'send a -bp'; do
		exec 5> >(:)
		wait $!
		status=0
		$how >&5 2> "$T/said" || status=$?
		exec 5>&-
		[ "$status" -eq $((128 + $(kill -l PIPE))) ]
		[ ! -s "$T/said" ]
	done
}

@test "-bs is smtpd for whoever calls" {
	need python3
	run send a -bs <<< $'EHLO x\r\nMAIL FROM:<runner@a.test>\r\nRCPT TO:<kim@b.test>\r\nDATA\r\nA: b\r\n\r\nx\r\n.\r\nQUIT\r'
	echo "$output"
	[ "$status" -eq 0 ]
	[[ ${lines[0]} == '220 a.test '* ]]
	[[ $output == *'250 2.0.0'* ]]
	[ "$(queued a)" -eq 1 ]
}

@test "-q runs the queue: all, one message, one domain" {
	send a alice < /dev/null
	run send a -q
	[ "$status" -eq 0 ]
	delivered a alice 1
	send a alice < /dev/null
	id=$(basename "$(find "$D/spool/new" -type f)")
	send a -qI"$id"
	delivered a alice 2
	send a alice < /dev/null
	send a -qRa.test
	delivered a alice 3
}

@test "the daemon that there is not: 64 and where it is" {
	for o in -bd -bD '-bd -q15m' -q15m; do
		# shellcheck disable=SC2086
		run send a $o
		[ "$status" -eq 64 ]
	done
	run send a -bd
	[[ $output == *inetd* ]]
}

@test "a program that is missing is said to be so" {
	sed -i "s|^programs.*|programs $T/none|" "$C"
	for o in -bp -bs -q; do
		run send a $o
		[ "$status" -eq 69 ]
		[[ $output == *"cannot run $T/none/"* ]]
	done
}

# --- -v ---

@test "-v without a lingering queuerun: its owner runs the queue himself" {
	run send a -v alice <<< x
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == *'... Sent'* ]]
	delivered a alice 1
	# Nobody answers for the name: when it is tried again is told as a date.
	run send a -v kim@b.test <<< x
	[[ $output =~ ': next attempt '[A-Z][a-z]+' '[A-Z][a-z]+' '.[0-9]' '..:..:..' '20 ]]
}

@test "-v shows what the lingering queuerun does, and cleans up" {
	start run "$(prog queuerun)" -C "$C" -w 60
	wait_for lingers a
	run timeout 120 "$(prog sendmail)" -C "$C" -v alice <<< x
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == *'... Sent'* ]]
	delivered a alice 1
	[ -z "$(ls -A "$D/spool/trace")" ]
}

@test "-v: whoever stops the show does not stop the letter" {
	# A reader who never delivers.
	start reader sleep 600 5<> "$D/spool/wake"
	wait_for lingers a
	start show "$(prog sendmail)" -C "$C" -v alice
	wait_for grep -q /pickup "$D/log"
	stop show INT
	[ "$(queued a)" -eq 1 ]
	stop reader
	queue a
	delivered a alice 1
}

# --- privilege ---

# A place where sendmail is installed as it should be: setgid facteur, with
# /etc/facteur/facteur.conf; run COMMAND there as nobody.
installed()
{
	[ "$EUID" -eq 0 ] || skip 'only root can install a setgid program'
	if grep -q __asan "$(prog sendmail)"; then
		skip 'a sanitizer takes no options in a setgid program'
	fi
	mkdir -p "$T/etc/facteur" "$T/bin"
	cp /etc/passwd /etc/group /etc/nsswitch.conf "$T/etc/"
	cp -L /etc/localtime "$T/etc/" || :
	cp -a /etc/ld.so.* "$T/etc/" || :
	for p in smtpd queuerun mailq sendmail; do
		cp "$(prog $p)" "$T/bin/"
	done
	sed "s|^programs.*|programs $T/bin|; /^users/d" "$C" \
	    > "$T/etc/facteur/facteur.conf"
	chgrp facteur "$T/bin/sendmail"
	chmod 2755 "$T/bin/sendmail"
	chown -R facteur:facteur "$D/spool"
	chmod 770 "$D/spool/new" "$D/spool/trace"
	chmod 750 "$D/spool/q" "$D/spool/hold"
}

# inside COMMAND...: as nobody, with that /etc.
inside()
{
	# shellcheck disable=SC2016
	unshare -m sh -c 'mount --bind "$1/etc" /etc && shift &&
		exec setpriv --reuid=nobody --regid=nogroup --clear-groups "$@"' \
	    - "$T" "$@"
}

@test "setgid: anybody can add to the spool that nobody can read" {
	installed
	run inside sh -c "ls $D/spool/new"
	[ "$status" -ne 0 ]
	run inside "$T/bin/sendmail" kim@b.test <<< $'A: b\n\nx'
	echo "$output"
	[ "$status" -eq 0 ]
	f=$(find "$D/spool/new" -type f)
	[ "$(stat -c '%U %G %a' "$f")" = 'nobody facteur 660' ]
	grep -q '^sender nobody@a.test' "$f"
	run inside "$T/bin/sendmail" -bp
	[ "$status" -eq 0 ]
	[[ $output == *kim@b.test* ]]
	run inside "$T/bin/mailq"
	[ "$status" -eq 77 ]
}

@test "setgid: with -C the group is gone before the file is opened" {
	installed
	cp "$T/etc/facteur/facteur.conf" "$D/secret.conf"
	chgrp facteur "$D/secret.conf"
	chmod 640 "$D/secret.conf"
	for o in '' -bp -bs -bv; do
		# shellcheck disable=SC2086
		run inside "$T/bin/sendmail" -C "$D/secret.conf" $o kim@b.test \
		    < /dev/null
		echo "$output"
		[ "$status" -eq 78 ]
		[[ $output == *'Permission denied'* ]]
	done
	# Nor can a configuration of one's own use it to get into the spool.
	for o in '' -bp; do
		# shellcheck disable=SC2086
		run inside "$T/bin/sendmail" -C "$T/etc/facteur/facteur.conf" \
		    $o kim@b.test < /dev/null
		echo "$output"
		[ "$status" -eq 75 ] || [ "$status" -eq 77 ]
	done
	mkdir "$T/name"
	ln -s "$T/bin/sendmail" "$T/name/mailq"
	run inside "$T/name/mailq" -vC "$D/secret.conf"
	[ "$status" -eq 78 ]
	[ "$(queued a)" -eq 0 ]
}

@test "setgid: the privilege shows the queue and does nothing else to it" {
	installed
	inside "$T/bin/sendmail" kim@b.test < /dev/null
	mkdir "$T/name"
	ln -s "$T/bin/sendmail" "$T/name/mailq"
	run inside "$T/name/mailq"
	[ "$status" -eq 0 ]
	[[ $output == *kim@b.test* ]]
	for v in show delete hold bounce; do
		run inside "$T/name/mailq" $v all
		echo "$output"
		[ "$status" -eq 77 ]
	done
	[ "$(queued a)" -eq 1 ]
}

@test "setgid: who looks at the queue locks nothing in it" {
	need strace
	installed
	inside "$T/bin/sendmail" kim@b.test < /dev/null
	export -f inside
	# He may stop himself whenever he likes.
	# shellcheck disable=SC2016
	strace -f -e trace=flock -o "$T/trace" \
	    bash -c 'inside "$T/bin/sendmail" -bp' | grep kim@b.test
	[ "$(grep -c 'flock(' "$T/trace")" -eq 0 ]
}

@test "setgid: the environment goes no further" {
	installed
	cat > "$T/bin/smtpd" <<-'END'
		#!/bin/sh
		env
	END
	run inside env RELAYCLIENT= TZ=:/etc/shadow IFS=/ "$T/bin/sendmail" -bs
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output != *RELAYCLIENT* ]]
	[[ $output != *TZ=* ]]
}
