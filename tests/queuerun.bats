#!/usr/bin/env bats
# queuerun - routing, retries, bounces, and the life of a queue.

load lib

setup()
{
	test_begin
	instance a a.test
	T0=$(date +%s)
}

teardown()
{
	test_end
}

# alice writes to these, with a subject; options first, recipients behind --.
write()
{
	printf 'Subject: test\n\nhello\n' | send a -i -f alice@a.test "$@"
}

# dsn USER [N]: the fields of the N-th letter in a mailbox as a report.
dsn()
{
	python3 "$REPO/tests/dsn.py" "$D/mail/$1" "${2:-1}"
}

count()
{
	find "$D/spool/$1" -type f | wc -l
}

@test "a letter to one user arrives once, with the sender in its From_ line" {
	write -- bob
	run queue a
	[ "$status" -eq 0 ]
	[ -z "$output" ]
	[ "$(letters "$D/mail/bob")" -eq 1 ]
	grep -q '^From alice@a.test ' "$D/mail/bob"
	[ "$(body "$D/mail/bob")" = hello ]
	[ "$(queued a)" -eq 0 ]
	grep -q 'to=<bob@a.test>, relay=local, delay=.*, dsn=2.0.0, status=sent' "$D/log"
	grep -q 'from=<alice@a.test>, size=[0-9]*, nrcpt=1 (queue active)' "$D/log"
}

@test "aliases: nested, quoted, continued, looping, each mailbox once" {
	cat > "$D/aliases" <<-END
		# a comment
		postmaster: alice
		all: friends,
			"bob", ALICE
		friends: kim, \\bob, all
		Self: self, kim
		kim: kim, bob
		inc: :include:$D/list
	END
	printf 'bob\n# nobody\nkim, alice (the boss)\n' > "$D/list"
	write -- all friends bob
	write -- inc
	queue a
	for u in alice bob kim; do
		[ "$(letters "$D/mail/$u")" -eq 2 ]
	done
	# A circle without a mailbox in it is told, not followed.
	printf 'a1: a2\na2: a1\n' >> "$D/aliases"
	run queue a -n a1
	[ "$status" -eq 67 ]
	[[ $output == *"5.4.6"* ]]
}

@test "aliases: programs and files run as who the table belongs to" {
	local me=nobody
	printf 'prog: "|cat > %s/out/got; id -un > %s/out/who", %s/out/box\n' \
	    "$D" "$D" "$D" > "$D/aliases"
	mkdir "$D/out"
	if [ "$EUID" -eq 0 ]; then
		grep '^nobody:' /etc/passwd >> "$D/passwd"
		chown nobody "$D/out"
	else
		me=$(id -un)
	fi
	write -- prog
	queue a
	grep -q '^hello$' "$D/out/got"
	[ "$(cat "$D/out/who")" = "$me" ]
	[ "$(letters "$D/out/box")" -eq 1 ]
	[ "$(queued a)" -eq 0 ]
}

@test "owner-LIST is the sender of what a list distributes, and hears of failures" {
	cat > "$D/aliases" <<-END
		postmaster: alice
		list: bob, nosuch
		owner-list: kim
	END
	write -- list
	queue a
	grep -q '^Return-Path: <owner-list@a.test>' "$D/mail/bob"
	[ "$(letters "$D/mail/kim")" -eq 1 ]
	[ "$(letters "$D/mail/alice")" -eq 0 ]
	dsn kim | grep -q '^Final-Recipient: rfc822; nosuch@a.test'
}

@test "a failure for good becomes one report, complete by RFC 3464" {
	echo 'gone: :fail: moved to another school' >> "$D/aliases"
	write -V 'id+1' -- bob gone
	queue a
	[ "$(letters "$D/mail/bob")" -eq 1 ]
	[ "$(letters "$D/mail/alice")" -eq 1 ]
	run dsn alice
	[[ $output == *"Return-Path: <>"* ]]
	[[ $output == *"Type: multipart/report delivery-status"* ]]
	[[ $output == *$'Part: text/plain\nPart: message/delivery-status'* ]]
	[[ $output == *"Part: message/rfc822"* ]]
	[[ $output == *"Reporting-MTA: dns; a.test"* ]]
	[[ $output == *"Original-Envelope-Id: id+1"* ]]
	[[ $output == *"Final-Recipient: rfc822; gone@a.test"* ]]
	[[ $output == *"Action: failed"* ]]
	[[ $output == *"Status: 5.7.1"* ]]
	[[ $output == *"moved to another school"* ]]
	[ "$(queued a)" -eq 0 ]
}

@test "NOTIFY and RET decide who hears what" {
	echo 'gone: :fail: no' >> "$D/aliases"
	write -N never -- gone kim
	write -N delay -- gone kim
	queue a
	[ "$(letters "$D/mail/alice")" -eq 0 ]
	write -N success,failure -R hdrs -- bob gone
	queue a
	[ "$(letters "$D/mail/alice")" -eq 2 ]
	{ dsn alice 1; dsn alice 2; } > "$T/reports"
	grep -q '^Action: delivered' "$T/reports"
	grep -q '^Action: failed' "$T/reports"
	grep -q '^Part: text/rfc822-headers' "$T/reports"
	! grep -q '^Part: message/rfc822$' "$T/reports"
}

@test "a bounce that bounces goes to the postmaster, and no further" {
	echo 'gone: :fail: no' >> "$D/aliases"
	printf 'Subject: b\n\nx\n' | send a -i -f '<>' -- gone bob
	queue a
	[ "$(letters "$D/mail/bob")" -eq 1 ]
	[ "$(letters "$D/mail/alice")" -eq 1 ]
	dsn alice | grep -q '^Final-Recipient: rfc822; gone@a.test'
	# The postmaster cannot be reached either: set aside, not lost.
	sed -i 's/^postmaster:.*/postmaster: gone/' "$D/aliases"
	printf 'Subject: b\n\nx\n' | send a -i -f '<>' -- gone kim
	queue a
	[ "$(count bad)" -eq 1 ]
	[ "$(queued a)" -eq 0 ]
	[ "$(letters "$D/mail/alice")" -eq 1 ]
	grep -q 'warning: .*can be neither delivered nor returned' "$D/log"
}

@test "what cannot be decided now is deferred, warned of and given up in time" {
	local i
	write -- bob@far.test # no name server answers
	queue a -T "$T0"
	[ "$(count new)" -eq 0 ]
	[ "$(queued a)" -eq 1 ]
	grep -q 'to=<bob@far.test>, .*dsn=4.4.3, status=deferred' "$D/log"
	# Not due yet: not tried.
	queue a -T $((T0 + 60))
	[ "$(grep -c 'queue active' "$D/log")" -eq 1 ]
	[ "$(letters "$D/mail/alice")" -eq 0 ]
	# After four hours a warning, once.
	queue a -T $((T0 + 3 * 3600))
	[ "$(letters "$D/mail/alice")" -eq 0 ]
	for i in 5 8 13; do
		queue a -T $((T0 + i * 3600))
	done
	[ "$(letters "$D/mail/alice")" -eq 1 ]
	dsn alice | grep -q '^Action: delayed'
	dsn alice | grep -q '^Will-Retry-Until: '
	# After five days the end.
	queue a -T $((T0 + 6 * 86400))
	queue a -T $((T0 + 6 * 86400))
	[ "$(letters "$D/mail/alice")" -eq 2 ]
	dsn alice 2 | grep -q '^Status: 5.4.7'
	[ "$(queued a)" -eq 0 ]
}

@test "pauses between attempts grow up to retry_max" {
	local i last=0 due gap
	write -- bob@far.test
	for i in 1 2 3 4 5 6 7 8 9 10; do
		queue a -T $((T0 + last))
		due=$(basename "$D"/spool/q/*/)
		gap=$((due - T0 - last))
		case $i in
		1) [ "$gap" -ge 300 ] && [ "$gap" -le 390 ] ;;
		2) [ "$gap" -ge 600 ] && [ "$gap" -le 720 ] ;;
		10) [ "$gap" -ge 14400 ] && [ "$gap" -le 15900 ] ;;
		esac
		last=$((due - T0))
	done
	[ "$(ls "$D/spool/q" | wc -l)" -eq 1 ]
}

@test "one message, one domain: -q and -R do not wait for the time" {
	write -- bob@far.test
	write -- bob@near.test
	queue a
	[ "$(grep -c 'queue active' "$D/log")" -eq 2 ]
	queue a -R FAR.test
	[ "$(grep -c 'to=<bob@far.test>' "$D/log")" -eq 2 ]
	[ "$(grep -c 'to=<bob@near.test>' "$D/log")" -eq 1 ]
	id=$(basename "$(grep -l 'near.test' "$D"/spool/q/*/*)")
	queue a -q "$id"
	[ "$(grep -c 'to=<bob@near.test>' "$D/log")" -eq 2 ]
	run queue a -q '../../x'
	[ "$status" -eq 64 ]
}

@test "a lingering run takes new mail at once; a second run leaves it to the first" {
	start linger "$(prog queuerun)" -C "$C" -w 60
	wait_for grep -q . <(lsof -t "$D/spool/wake" 2> /dev/null || echo x)
	write -- bob
	wait_for delivered a bob 1
	run queue a
	[ "$status" -eq 0 ]
	[ -z "$output" ]
	write -- bob
	wait_for delivered a bob 2
	# The run of the next minute waits and takes over.
	start next "$(prog queuerun)" -C "$C" -w 60
	stop linger KILL
	write -- kim
	wait_for delivered a kim 1
	stop next KILL
	write -- bob
	queue a
	[ "$(letters "$D/mail/bob")" -eq 3 ]
}

# How many connections to the peer were open at once, by its log.
at_once()
{
	python3 - "$T/peer/log" <<-'END'
		import sys
		now = most = 0
		for line in open(sys.argv[1]):
		    now += line.startswith("connect")
		    now -= line.startswith("C: QUIT")
		    most = max(most, now)
		print(most)
	END
}

@test "no more connections to one destination than destination_limit" {
	local i
	sed -i '/^nameserver/d' "$C"
	printf 'destination_limit 2\nsmarthost [%s.9]:%s\n' "$NET" \
	    "$SMTP_PORT" >> "$C"
	start peer python3 "$REPO/tests/peer.py" "$NET.9" "$SMTP_PORT" "$T/peer"
	wait_for test -e "$T/peer/ready"
	for i in $(seq 160); do
		write -- "kim$i@far.test"
	done
	queue a
	[ "$(queued a)" -eq 0 ]
	[ "$(grep -c 'status=sent' "$D/log")" -eq 160 ]
	[ "$(grep -c '^connect' "$T/peer/log")" -ge 2 ]
	[ "$(grep -c '^connect' "$T/peer/log")" -le 6 ]
	[ "$(at_once)" -le 2 ]
}

@test "delivered, but the sender cannot be told now: not delivered again" {
	printf 'prog: "|echo x >> %s/out/got"\n' "$D" >> "$D/aliases"
	mkdir -m 777 "$D/out"
	[ "$EUID" -ne 0 ] || grep '^nobody:' /etc/passwd >> "$D/passwd"
	write -N success -- prog
	chmod 500 "$D/spool/new"
	queue a 2> "$T/err"
	[ "$(wc -l < "$D/out/got")" -eq 1 ]
	[ "$(count new)" -eq 1 ]
	chmod 770 "$D/spool/new"
	queue a
	[ "$(wc -l < "$D/out/got")" -eq 1 ]
	[ "$(queued a)" -eq 0 ]
	[ "$(letters "$D/mail/alice")" -eq 1 ]
	dsn alice | grep -q '^Action: delivered'
}

@test "a damaged queue file is set aside, an unfinished one goes" {
	write -- bob
	write -- bob
	f=$(find "$D/spool/new" -type f | head -n 1)
	printf '\001' | dd of="$f" bs=1 seek=200 conv=notrunc 2> /dev/null
	echo garbage > "$D/spool/new/tmp.1.2.3"
	: > "$D/spool/new/1NG49ZQ1S4EAE85R"
	echo 'no queue file' > "$D/spool/new/1NG49ZQ1S4EAE85S"
	[ "$EUID" -ne 0 ] || chown --reference="$D/spool" "$D"/spool/new/*
	run queue a
	[ "$status" -eq 0 ]
	[ "$(letters "$D/mail/bob")" -eq 1 ]
	[ "$(count bad)" -eq 2 ]
	[ "$(count new)" -eq 0 ]
	grep -q 'warning: .*damaged' "$D/log"
}

@test "a table that cannot be read defers, whatever it says of the address" {
	write -- bob
	mv "$D/aliases" "$D/was"
	mkdir "$D/aliases"
	queue a
	[ "$(queued a)" -eq 1 ]
	grep -q 'dsn=4.3.5, status=deferred' "$D/log"
	rmdir "$D/aliases"
	mv "$D/was" "$D/aliases"
	queue a -R a.test
	[ "$(letters "$D/mail/bob")" -eq 1 ]
}

@test "-n explains every kind of address, as text and as JSON" {
	cat > "$D/aliases" <<-END
		list: bob, kim@b.test, |/bin/true
		owner-list: alice
	END
	run queue a -n bob+x
	[ "$status" -eq 0 ]
	[[ $output == *"mailbox "*"$D/mail/bob"* ]]
	run queue a -n nosuch@a.test
	[ "$status" -eq 67 ]
	[[ $output == *"5.1.1 User unknown"* ]]
	run queue a -n 'not an address'
	[ "$status" -eq 65 ]
	queue a -j -n list | python3 -c '
import json, sys
keys = [list(s)[0] for s in json.load(sys.stdin)["steps"]]
assert "mailbox" in keys and "program" in keys and "remote" in keys, keys'
	[ ! -s "$D/log" ]
	[ "$(queued a)" -eq 0 ]
}

@test "-c names every error with file and line, -e where a value was set" {
	printf 'nonsense 1\nretry_min soon\nrelay_from 300.1.1.1\n' >> "$C"
	run queue a -c
	[ "$status" -eq 78 ]
	n=$(wc -l < "$C")
	[[ $output == *"$C:$((n - 2)): "*nonsense* ]]
	[[ $output == *"$C:$((n - 1)): retry_min"* ]]
	[[ $output == *"$C:$n: relay_from"* ]]
	run queue a
	[ "$status" -eq 78 ]
	sed -i "$((n - 2)),\$d" "$C"
	run queue a -e
	[[ ${lines[0]} == "hostname a.test"*"# $C:1" ]]
	run queue a -E
	[[ $output == *$'retry_min 300s\t# default'* ]]
}
