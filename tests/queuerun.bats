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
		"all the staff": all
	END
	printf 'bob\n# nobody\n(well) kim, "A, B" <alice@a.test>\n(none)\n' > "$D/list"
	write -- all friends bob
	write -- inc
	queue a
	for u in alice bob kim; do
		[ "$(letters "$D/mail/$u")" -eq 2 ]
	done
	run queue a -n '"All the Staff"@a.test'
	[ "$status" -eq 0 ]
	[[ $output == *'mailbox    kim'* ]]
	# A circle without a mailbox in it is told, not followed.
	printf 'a1: a2\na2: a1\n' >> "$D/aliases"
	run queue a -n a1
	[ "$status" -eq 67 ]
	[[ $output == *"5.4.6"* ]]
}

@test "a list without members is told to the sender, not passed over" {
	echo bob > "$D/list"
	printf 'list: :include:%s/list\nall: list, LIST+x\n' "$D" >> "$D/aliases"
	write -- all kim list
	echo '# nobody yet' > "$D/list"
	queue a
	[ "$(letters "$D/mail/kim")" -eq 1 ]
	[ "$(letters "$D/mail/alice")" -eq 1 ]
	dsn alice | grep -q '^Status: 5.2.4'
	dsn alice | grep -q '^Final-Recipient: rfc822; all@a.test'
	dsn alice | grep -q '^Final-Recipient: rfc822; list@a.test'
	run write -- all
	[ "$status" -eq 67 ]
	# One that cannot be read says why.
	rm "$D/list"
	mkdir "$D/list"
	run queue a -n list
	[ "$status" -eq 75 ]
	[[ $output == *"$D/list: cannot read it: Is a directory"* ]]
	rmdir "$D/list"
	# Who is reached by another way is reached.
	echo bob > "$D/list"
	write -- list all bob
	queue a
	[ "$(letters "$D/mail/bob")" -eq 1 ]
	[ "$(letters "$D/mail/alice")" -eq 1 ]
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

@test "one program in the lists of two owners runs for each" {
	[ "$EUID" -eq 0 ] || skip "owners are for root"
	local u
	for u in alice bob; do
		echo '"|cat >> $HOME/got; [ ! -e $HOME/wait ] || exit 75"' > "$D/$u.list"
		chown --reference="$D/home/$u" "$D/$u.list"
	done
	cat > "$D/aliases" <<-END
		both: :include:$D/alice.list, :include:$D/bob.list,
			:include:$D/bob.list
	END
	touch "$D/home/bob/wait"
	write -- both
	queue a
	rm "$D/home/bob/wait"
	queue a -R a.test
	[ "$(grep -c '^hello$' "$D/home/alice/got")" -eq 1 ]
	[ "$(grep -c '^hello$' "$D/home/bob/got")" -eq 2 ]
	[ "$(queued a)" -eq 0 ]
}

@test "a list whose name leads elsewhere while it is opened waits" {
	need strace
	[ "$EUID" -eq 0 ] || skip "owners are for root"
	echo bob > "$D/alice.list"
	echo '|evil' > "$D/bob.list"
	chown --reference="$D/home/alice" "$D/alice.list"
	chown --reference="$D/home/bob" "$D/bob.list"
	ln -s alice.list "$D/list"
	echo "all: :include:$D/list" > "$D/aliases"
	# Whoever looks at the file's name finds another file there next.
	start look strace -f -o "$D/trace" -P "$D/list" -P "$D/alice.list" \
	    -e trace=file,desc -e inject=%%stat:delay_exit=500000 \
	    "$(prog queuerun)" -C "$C" -n all
	wait_for grep -q stat "$D/trace"
	ln -s bob.list "$D/next"
	mv -T "$D/next" "$D/list"
	wait_for grep -q all: "$T/look.out"
	wait_for sh -c "! kill -0 $(cat "$T/pid/look")"
	cat "$T/look.out"
	[ "$(grep -c evil "$T/look.out")" -eq 0 ]
	grep -q '^defer.*cannot be read now' "$T/look.out"
}

@test "a user's list or link lends him nothing of another's file" {
	[ "$EUID" -eq 0 ] || skip "owners are for root"
	local how
	printf '%s\n' kim '|evil' > "$D/theirs"
	chown --reference="$D/home/alice" "$D/theirs"
	echo "list: :include:$D/home/bob/list" > "$D/aliases"
	for how in link list; do
		rm -f "$D/home/bob/list"
		if [ $how = link ]; then
			ln -s "$D/theirs" "$D/home/bob/list"
		else
			echo ":include:$D/theirs" > "$D/home/bob/list"
		fi
		chown -h --reference="$D/home/bob" "$D/home/bob/list"
		chmod 644 "$D/theirs"
		run queue a -n list
		grep -q '^mailbox.*kim' <<< "$output"
		[[ $output != *' as alice'* ]]
		# What he may not read himself he does not hear of.
		chgrp facteur "$D/theirs"
		chmod 660 "$D/theirs"
		run queue a -n list
		[ "$status" -eq 75 ]
		[[ $output != *kim* ]]
	done
	# Nor does one that is not the last, or behind a link of root's.
	rm "$D/home/bob/list"
	mkdir "$D/at"
	mv "$D/theirs" "$D/at/list"
	ln -s "$D/at" "$D/home/bob/dir"
	ln -s "$D/home/bob/dir" "$D/by"
	chown -h --reference="$D/home/bob" "$D/home/bob/dir"
	for how in home/bob/dir/list by/list by/../at/list; do
		echo "list: :include:$D/$how" > "$D/aliases"
		chmod 660 "$D/at/list"
		run queue a -n list
		[ "$status" -eq 75 ]
		[[ $output != *kim* ]]
		chmod 644 "$D/at/list"
		run queue a -n list
		grep -q '^mailbox.*kim' <<< "$output"
		[[ $output != *' as alice'* ]]
	done
	# Nor a name that he gives to the file itself.
	ln "$D/at/list" "$D/home/bob/list"
	echo "list: :include:$D/home/bob/list" > "$D/aliases"
	chmod 660 "$D/at/list"
	run queue a -n list
	[ "$status" -eq 75 ]
	[[ $output != *kim* ]]
	chmod 644 "$D/at/list"
	rm "$D/home/bob/list"
	mv "$D/at/list" "$D/theirs"
	# His own, one that the table names, and by a link of root's.
	echo ":include:$D/home/bob/mine" > "$D/home/bob/list"
	echo '|good' > "$D/home/bob/mine"
	chown --reference="$D/home/bob" "$D/home/bob/mine"
	queue a -n list | grep '^program.*good as bob$'
	ln -s theirs "$D/link"
	for how in theirs link; do
		echo "list: :include:$D/$how" > "$D/aliases"
		queue a -n list | grep '^program.*evil as alice$'
	done
}

@test "lists of lists have an end" {
	local i
	echo bob > "$D/end"
	for i in 1 2 3; do
		(echo "kim$i"; yes '# nobody' | head -c 6000000) > "$D/$i"
	done
	for i in {1..9000}; do
		echo ":include:$D/none$i"
	done > "$D/many"
	echo "list: :include:$D/1, :include:$D/2, :include:$D/3" > "$D/aliases"
	run queue a -n list
	[[ $output == *"fail       kim1@a.test"*"fail       kim2@a.test"* ]]
	[[ $output != *"fail       kim3@a.test"* ]]
	# What cannot be opened is not free either.
	echo "list: :include:$D/many" > "$D/aliases"
	: > "$D/log"
	run queue a -n list
	[ "$status" -eq 75 ]
	[ "$(grep -c 'cannot read it' "$D/log")" -lt 9000 ]
}

@test "a list that is written for ever holds up its own mail" {
	echo "list: :include:$D/list" > "$D/aliases"
	echo bob > "$D/list"
	write -- list
	write -- list
	write -- list
	write -- kim
	printf bob > "$D/list"
	start writer sh -c "while touch '$D/list'; do sleep 0.1; done"
	# The first is waited for, ten seconds.
	timeout 25 "$(prog queuerun)" -C "$C"
	[ "$(letters "$D/mail/kim")" -eq 1 ]
	[ "$(queued a)" -eq 3 ]
	stop writer
}

@test "a list's program waits where it cannot be told who its owner is" {
	echo "|cat > $D/out" > "$D/list"
	[ "$EUID" -ne 0 ] || chown --reference="$D/home/bob" "$D/list"
	echo "list: :include:$D/list" > "$D/aliases"
	mv "$D/passwd" "$D/gone"
	run "$(prog queuerun)" -C "$C" -n list
	echo "$output"
	[ "$status" -eq 75 ]
	[[ $output != *' as nobody'* ]]
	grep -q '^defer .*4.3.0 the user database cannot be asked' <<< "$output"
}

@test "a command of any length runs as its owner, or not" {
	[ "$EUID" -eq 0 ] || skip "owners are for root"
	local cmd="|id -u > $D/out/who #" n
	mkdir "$D/out" "$D/home/kimberly"
	chmod 777 "$D/out"
	chown 20009:20009 "$D/home/kimberly"
	echo "kimberly:x:20009:20009::$D/home/kimberly:/bin/sh" >> "$D/passwd"
	echo "list: :include:$D/list" > "$D/aliases"
	# What is cut off the request to run it is the end of the name.
	for n in 16378 100000; do
		printf '%s%*s\n' "$cmd" $((n - ${#cmd})) x > "$D/list"
		chown --reference="$D/home/kimberly" "$D/list"
		write -- list
		queue a
		[ "$(queued a)" -eq 1 ]
		[ ! -e "$D/out/who" ]
		"$(prog mailq)" -C "$C" delete all
	done
	printf '%s%*s\n' "$cmd" 8000 x > "$D/list"
	chown --reference="$D/home/kimberly" "$D/list"
	write -- list
	queue a
	[ "$(cat "$D/out/who")" = 20009 ]
}

@test "a list that names itself, many times, is read once" {
	printf '%s\n' ":include:$D/list" ":include:$D/./list" bob > "$D/list"
	printf 'list: :include:%s/list\nall: list, :include:%s/list\n' \
	    "$D" "$D" > "$D/aliases"
	run timeout 20 "$(prog queuerun)" -C "$C" -n all
	[ "$status" -eq 0 ]
	[ "$(grep -c '^mailbox.*bob' <<< "$output")" -eq 1 ]
	[ "$(grep -c 'include .*: again$' <<< "$output")" -eq 4 ]
	[[ $output != *5.4.6* ]]
	# Where there is nobody else in it the sender is told.
	sed -i '$d' "$D/list"
	run timeout 20 "$(prog queuerun)" -C "$C" -n list
	[ "$status" -eq 67 ]
	[[ $output == *"the list has no members"* ]]
}

@test "a list that everybody may write names no programs and files" {
	printf '%s\n' bob "|cat > $D/out" "$D/box" ":include:$D/more" > "$D/list"
	echo "|cat > $D/out" > "$D/more"
	chmod 666 "$D/list"
	echo "all: :include:$D/list" > "$D/aliases"
	run queue a -n all
	[[ $output != *" as "* ]]
	write -- all
	queue a
	[ "$(letters "$D/mail/bob")" -eq 1 ]
	grep -q 'everybody may write' "$D/mail/alice"
	[ ! -e "$D/box" ]
	[ ! -e "$D/out" ]
	[ "$(queued a)" -eq 0 ]
}

@test "postmaster without alias, user or root is a file; programs of the table run as nobody" {
	id facteur || skip "no account for it here"
	[ "$EUID" -eq 0 ] || skip "only root can become another"
	mkdir "$D/out"
	chmod 777 "$D/out"
	echo "prog: |id -un > $D/out/who" > "$D/aliases"
	write -- postmaster prog
	queue a
	[ "$(queued a)" -eq 0 ]
	[ "$(letters "$D/state/postmaster.mbox")" -eq 1 ]
	[ "$(stat -c %U "$D/state/postmaster.mbox")" = facteur ]
	[ "$(cat "$D/out/who")" = nobody ]
	# That makes them no users.
	run write -- nobody
	[ "$status" -eq 67 ]
}

@test "a program runs once, however its command reads in the journal" {
	mkdir "$D/out"
	chmod 777 "$D/out"
	grep '^nobody:' /etc/passwd >> "$D/passwd"
	printf 'prog: "|cat >>\t%s/out/tab", "|cat >> %s/out/long #%s",%s\n' \
	    "$D" "$D" "$(printf '%3000s' x)" \
	    " :include:$D/list" > "$D/aliases"
	write -- prog
	queue a
	queue a -R a.test
	[ "$(queued a)" -eq 1 ]
	[ "$(grep -c '^hello$' "$D/out/tab")" -eq 1 ]
	[ "$(grep -c '^hello$' "$D/out/long")" -eq 1 ]
}

@test "what failed of a list does not end the wait for its other half" {
	printf 'list: no address, :include:%s/list\n' "$D" > "$D/aliases"
	write -- list
	queue a
	queue a -T $((T0 + 3600))
	[ "$(queued a)" -eq 1 ]
	echo bob > "$D/list"
	queue a -T $((T0 + 9 * 3600))
	[ "$(letters "$D/mail/bob")" -eq 1 ]
	[ "$(grep -c 'is no address' "$D/mail/alice")" -le 2 ]
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
	# The owner's are no matter of what the sender asks for.
	write -N never -- list
	write -N success -- list
	queue a
	[ "$(letters "$D/mail/kim")" -eq 3 ]
	dsn kim 2 | grep -q '^Action: failed'
	dsn kim 3 | grep -q '^Action: failed'
	[ "$(letters "$D/mail/bob")" -eq 3 ]
}

@test "who leaves a list between two attempts is not reported to anybody once more" {
	cat > "$D/aliases" <<-END
		list: alice, bob, nosuch
		owner-list: kim
	END
	mkdir "$D/mail/bob" # nothing can be delivered there
	write -N success,failure -- list
	queue a
	[ "$(letters "$D/mail/kim")" -eq 1 ]
	[ "$(letters "$D/mail/alice")" -eq 2 ]
	sed -i 's/^list:.*/list: bob/' "$D/aliases"
	# That all were told is noted once.
	queue a -R a.test
	[ "$(grep -cP '^[bn]\t-.*\t\t\.$' "$D"/spool/q/*/*)" -eq 2 ]
	rmdir "$D/mail/bob"
	queue a -R a.test
	[ "$(letters "$D/mail/bob")" -eq 1 ]
	[ "$(letters "$D/mail/kim")" -eq 1 ]
	[ "$(letters "$D/mail/alice")" -eq 2 ]
	[ "$(queued a)" -eq 0 ]
	# Nor is who was written to himself, and whom the list has, too.
	sed -i 's/^list:.*/list: nosuch, bob/' "$D/aliases"
	rm "$D/mail/bob"
	mkdir "$D/mail/bob"
	write -N success -- nosuch list
	queue a
	rmdir "$D/mail/bob"
	queue a -R a.test
	[ "$(letters "$D/mail/bob")" -eq 1 ]
	[ "$(letters "$D/mail/kim")" -eq 1 ]
}

@test "NOTIFY=SUCCESS of a list with an owner: one report, of the list (RFC 3461 5.2.7.1)" {
	cat > "$D/aliases" <<-END
		all: list, kim
		list: nosuch, bob, alice
		owner-list: kim
	END
	write -N success -- list
	queue a
	[ "$(letters "$D/mail/bob")" -eq 1 ]
	[ "$(letters "$D/mail/alice")" -eq 2 ]
	dsn alice 2 > "$T/report"
	grep -q '^Final-Recipient: rfc822; list@a.test' "$T/report"
	grep -q '^Action: delivered' "$T/report"
	[ "$(grep -c '^Final-Recipient' "$T/report")" -eq 1 ]
	[ "$(grep -c bob "$T/report")" -eq 0 ]
	# What has it as one of several is no list with an owner.
	write -N success -- all
	queue a
	dsn alice 4 > "$T/report"
	grep -q '^Final-Recipient: rfc822; all@a.test' "$T/report"
	grep -q '^Action: expanded' "$T/report"
	[ "$(grep -c '^Final-Recipient' "$T/report")" -eq 1 ]
	[ "$(letters "$D/mail/alice")" -eq 4 ]
	# A host that knows DSN is not asked for it, so that it is left to us.
	printf '%s\n' 'far: jo@far.test' 'owner-far: kim' >> "$D/aliases"
	sed -i '/^nameserver/d' "$C"
	printf 'smarthost [%s.9]:%s\n' "$NET" "$SMTP_PORT" >> "$C"
	start peer python3 "$REPO/tests/peer.py" "$NET.9" "$SMTP_PORT" \
	    "$T/peer" OFFER=DSN
	wait_for test -e "$T/peer/ready"
	write -N success -- far
	queue a
	grep -q '^C: RCPT TO:<jo@far.test>$' "$T/peer/log"
	dsn alice 5 > "$T/report"
	grep -q '^Final-Recipient: rfc822; far@a.test' "$T/report"
	grep -q '^Action: delivered' "$T/report"
}

@test "NOTIFY=SUCCESS of an alias of several: one report, of the alias (RFC 3461 5.2.7.3)" {
	echo jo@far.test > "$D/list"
	cat > "$D/aliases" <<-END
		team: sub, "|cat > /dev/null", kim
		sub: :include:$D/list, $D/file
		one: two
		two: bob
	END
	grep '^nobody:' /etc/passwd >> "$D/passwd"
	mkdir "$D/mail/kim" # nothing can be delivered there
	sed -i '/^nameserver/d' "$C"
	printf 'smarthost [%s.9]:%s\n' "$NET" "$SMTP_PORT" >> "$C"
	start peer python3 "$REPO/tests/peer.py" "$NET.9" "$SMTP_PORT" \
	    "$T/peer" OFFER=DSN
	wait_for test -e "$T/peer/ready"
	smtpd a <<-END
		EHLO me
		MAIL FROM:<alice@a.test> ENVID=1 RET=HDRS
		RCPT TO:<team@a.test> NOTIFY=SUCCESS ORCPT=rfc822;t@x.test
		DATA
		Subject: test

		hello
		.
	END
	queue a
	# What goes on is what the sender still wants to hear.
	grep -q '^C: MAIL FROM:<alice@a.test> RET=HDRS ENVID=1$' "$T/peer/log"
	grep -q '^C: RCPT TO:<jo@far.test> NOTIFY=NEVER ORCPT=rfc822;t@x.test$' "$T/peer/log"
	[ "$(letters "$D/mail/alice")" -eq 1 ]
	dsn alice > "$T/report"
	grep -q '^Final-Recipient: rfc822; team@a.test' "$T/report"
	grep -q '^Original-Recipient: rfc822;t@x.test' "$T/report"
	grep -q '^Action: expanded' "$T/report"
	[ "$(grep -c '^Action' "$T/report")" -eq 1 ]
	[ "$(grep -cE 'kim|far.test|cat|/file' "$D/mail/alice")" -eq 0 ]
	# Once, however long it takes until all have it, and whoever they are then.
	sed -i 's/^team:.*/team: kim/' "$D/aliases"
	rmdir "$D/mail/kim"
	queue a -R a.test
	[ "$(letters "$D/mail/kim")" -eq 1 ]
	[ "$(letters "$D/mail/alice")" -eq 1 ]
	[ "$(queued a)" -eq 0 ]
	# With failures those are heard of.  Of one alone all is.
	write -N success,failure -- sub one
	queue a
	grep -q '^C: RCPT TO:<jo@far.test> NOTIFY=FAILURE$' "$T/peer/log"
	dsn alice 2 > "$T/report"
	grep -q '^Final-Recipient: rfc822; sub@a.test' "$T/report"
	grep -q '^Final-Recipient: rfc822; bob@a.test' "$T/report"
	[ "$(grep '^Action' "$T/report" | sort | tr -d '\n')" = "Action: deliveredAction: expanded" ]
}

@test "who is named himself is told of by name, whatever alias has him, too" {
	echo 'team: bob, kim' > "$D/aliases"
	write -N success -- team bob
	write -N success -- bob team
	queue a
	for i in 1 2; do
		dsn alice $i > "$T/report"
		grep -q '^Final-Recipient: rfc822; team@a.test' "$T/report"
		grep -q '^Final-Recipient: rfc822; bob@a.test' "$T/report"
		[ "$(grep -c '^Action' "$T/report")" -eq 2 ]
	done
	# What others wish for the alias is not for him.
	smtpd a <<-END
		EHLO me
		MAIL FROM:<alice@a.test>
		RCPT TO:<team@a.test> NOTIFY=NEVER
		RCPT TO:<bob@a.test> NOTIFY=SUCCESS
		DATA
		Subject: test

		hello
		.
	END
	queue a
	dsn alice 3 | grep -q '^Final-Recipient: rfc822; bob@a.test'
	[ "$(letters "$D/mail/bob")" -eq 3 ]
}

@test "killed behind the last of several, before the report: it comes, once" {
	echo 'team: bob, kim' > "$D/aliases"
	write -N success -- team
	printf 's\t0\t%s\t2.0.0\t%s\tlocal\tok\t.\n' "$T0" bob "$T0" kim \
	    >> "$(find "$D/spool/new" -type f)"
	echo 'team: kim' > "$D/aliases"
	queue a
	queue a
	[ "$(letters "$D/mail/alice")" -eq 1 ]
	[ "$(letters "$D/mail/kim")" -eq 0 ]
	dsn alice > "$T/report"
	grep -q '^Final-Recipient: rfc822; team@a.test' "$T/report"
	[ "$(grep -c '^Action' "$T/report")" -eq 1 ]
}

@test "a report of success says what is known, and no more (RFC 3464 2.3.3)" {
	echo 'team: bob, kim' > "$D/aliases"
	sed -i '/^nameserver/d' "$C"
	printf 'smarthost [%s.9]:%s\n' "$NET" "$SMTP_PORT" >> "$C"
	start peer python3 "$REPO/tests/peer.py" "$NET.9" "$SMTP_PORT" "$T/peer"
	wait_for test -e "$T/peer/ready"
	write -N success -- alice team jo@far.test
	queue a
	tr -d '\n' < "$D/mail/alice" > "$T/text"
	[ "$(grep -c 'reached the recipients' "$T/text")" -eq 0 ]
	grep -q '<alice@a.test>: .*It was delivered\.' "$T/text"
	grep -q '<team@a.test>: .*whether it reached all is not known' "$T/text"
	grep -q "<jo@far.test>: .*passed on to $NET.9,.*does not tell" "$T/text"
	dsn alice 2 | grep '^Action' | sort | tr -d '\n' > "$T/actions"
	[ "$(< "$T/actions")" = "Action: deliveredAction: expandedAction: relayed" ]
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

@test "a report holds what MIME lets it hold, whatever programs say" {
	grep '^nobody:' /etc/passwd >> "$D/passwd"
	echo 'bad: "|echo nö; exit 67"' >> "$D/aliases"
	write -- bad
	queue a
	python3 - "$D/mail/alice" <<-'END'
		import email, mailbox, sys
		m = email.message_from_bytes(mailbox.mbox(sys.argv[1]).get_bytes(0))
		text, status, _ = m.get_payload()
		assert "nö" in text.get_payload(decode=True).decode(
			text.get_content_charset())
		assert text["Content-Transfer-Encoding"] == "8bit"
		assert status["Content-Transfer-Encoding"] is None
		status.as_bytes().decode("ascii")
	END
}

@test "no line of a report is too long, whatever is to be told (RFC 5322 2.1.1)" {
	local a
	a=$(printf 'a%.0s' {1..250})
	printf '%s: ":fail: %s"\n' "$a" "$(printf 'no%.0s' {1..800})" >> "$D/aliases"
	write -- bob "$a"
	queue a
	grep -q "^<$a@a.test>:" "$D/mail/alice"
	grep -q '^Diagnostic-Code: .*nono' "$D/mail/alice"
	! grep -qE '^.{999}' "$D/mail/alice"
}

@test "an original recipient in UTF-8: the letter arrives, reports hold ASCII (RFC 6533 3)" {
	echo 'list: bøb+x' >> "$D/aliases"
	smtpd a <<-END
		EHLO me
		MAIL FROM:<alice@a.test>
		RCPT TO:<bob@a.test> ORCPT=utf-8;bøb@x.test NOTIFY=SUCCESS
		DATA
		Subject: test

		hello
		.
	END
	write -- bob list
	queue a
	[ "$(letters "$D/mail/bob")" -eq 2 ]
	dsn alice 1 > "$T/reports"
	dsn alice 2 >> "$T/reports"
	grep -qFx 'Original-Recipient: utf-8;b\x{F8}b@x.test' "$T/reports"
	grep -qFx 'Final-Recipient: utf-8; b\x{F8}b\x{2B}x@a.test' "$T/reports"
}

@test "what grows too long in ASCII is told whole or not at all (RFC 6533 3)" {
	local a o d
	a=$(printf 'ā%.0s' {1..100})
	o=$(printf 'ā%.0s' {1..240})
	d=$(printf 'ü%.0s' {1..25})
	d=$d.$d.$d.test
	sed -i "s/^domains .*/& $d/" "$C"
	printf '%s: ":fail: no"\n' "$a" >> "$D/aliases"
	smtpd a <<-END
		EHLO me
		MAIL FROM:<alice@a.test>
		RCPT TO:<bob@a.test> ORCPT=utf-8;$o@x.test NOTIFY=SUCCESS
		DATA
		Subject: test

		hello
		.
	END
	printf 'list: "%s@%s"\n' "$a" "$d" >> "$D/aliases"
	write -- list bob
	queue a
	[ "$(letters "$D/mail/bob")" -eq 2 ]
	[ "$(letters "$D/mail/alice")" -eq 2 ]
	LC_ALL=C awk 'length > 998 { exit 1 }' "$D/mail/alice"
	[ "$(grep -c '^Original-Recipient' "$D/mail/alice")" -eq 0 ]
	[ "$(grep -c '^Final-Recipient: rfc822; bob@a.test' "$D/mail/alice")" -eq 1 ]
	grep -qE '^Final-Recipient: rfc822; \?{200}@\?+\.\?+\.\?+\.test$' "$D/mail/alice"
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

@test "the postmaster is reached whatever this host and its domains are called" {
	sed -i 's/^hostname .*/hostname mail.a.test/' "$C"
	echo 'origin a.test' >> "$C"
	echo 'postmaster-list: :fail: no' >> "$D/aliases"
	printf 'Subject: b\n\nx\n' | send a -i -f '<>' -- postmaster-list \
	    bob@far.test
	queue a
	dsn alice | grep -q '^Final-Recipient: rfc822; postmaster-list@a.test'
	grep -q '^To: postmaster@a.test' "$D/mail/alice"
	grep -q '^From: Mail Delivery System <mailer-daemon@a.test>' "$D/mail/alice"
	[ "$(queued a)" -eq 1 ]
	# Nobody can be told of one: the other is tried nevertheless.
	echo 'postmaster: bob@near.test, nosuch' > "$D/aliases"
	printf 'Subject: b\n\nx\n' | send a -i -f '<>' -- gone kim
	queue a
	[ "$(queued a)" -eq 2 ]
	[ "$(count bad)" -eq 0 ]
}

@test "warn_after 0: no warning, ever" {
	echo 'warn_after 0' >> "$C"
	write -- bob@far.test
	queue a
	queue a -T $((T0 + 86400))
	[ "$(grep -c 'status=deferred' "$D/log")" -eq 2 ]
	[ "$(letters "$D/mail/alice")" -eq 0 ]
}

@test "with descriptors 0 to 2 closed letters go all the same" {
	printf 'smarthost [%s.9]:%s\n' "$NET" "$SMTP_PORT" >> "$C"
	start peer python3 "$REPO/tests/peer.py" "$NET.9" "$SMTP_PORT" "$T/peer"
	wait_for test -e "$T/peer/ready"
	write -- bob kim@far.test
	queue a <&- >&- 2>&-
	[ "$(grep -c 'status=sent' "$D/log")" -eq 2 ]
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

range() { ((($1 <= $3) && ($3 <= $2))); }

@test "pauses between attempts grow up to retry_max" {
	local i last=0 due gap
	write -- bob@far.test
	for i in 1 2 3 4 5 6 7 8 9 10; do
		queue a -T $((T0 + last))
		due=$(basename "$D"/spool/q/*/)
		gap=$((due - T0 - last))
		case $i in
		1) range 300 390 "$gap" ;;
		2) range 600 720 "$gap" ;;
		10) range 14400 15900 "$gap" ;;
		esac
		last=$((due - T0))
	done
	[ "$(ls "$D/spool/q" | wc -l)" -eq 1 ]
}

# Was the queue's message taken up so many times?
attempts()
{
	[ "$(grep -c 'queue active' "$D/log")" -eq "$1" ]
}

@test "a lingering run takes up what comes due meanwhile" {
	write -- bob@far.test
	queue a
	due=$(basename "$D"/spool/q/*/)
	start linger "$(prog queuerun)" -C "$C" -w 50 -T $((due - 2))
	wait_for attempts 2
}

# clocks NAME OPTION...: start queuerun with clocks that a file $T/back puts wrong.
clocks()
{
	cat > "$T/clock.c" <<-'END'
		#define _GNU_SOURCE
		#include <stdlib.h>
		#include <sys/syscall.h>
		#include <time.h>
		#include <unistd.h>

		/* Since there is such a file it is two days ago, or LATER s later
		 * since the machine was started. */
		int clock_gettime(clockid_t c, struct timespec *ts)
		{
			int rc = (int)syscall(SYS_clock_gettime, c, ts);

			if (access(getenv("BACK"), F_OK) < 0)
				return rc;
			if (c == CLOCK_REALTIME)
				ts->tv_sec -= 2 * 86400;
			else if (getenv("LATER"))
				ts->tv_sec += atol(getenv("LATER"));
			return rc;
		}

		time_t time(time_t *t)
		{
			struct timespec ts;

			clock_gettime(CLOCK_REALTIME, &ts);
			return t ? (*t = ts.tv_sec) : ts.tv_sec;
		}
	END
	cc -shared -fPIC -o "$T/clock.so" "$T/clock.c"
	start "$1" env LD_PRELOAD="$T/clock.so" BACK="$T/back" \
	    ASAN_OPTIONS="${ASAN_OPTIONS-}:verify_asan_link_order=0" \
	    "$(prog queuerun)" -C "$C" "${@:2}"
}

@test "a lingering run ends in its time, whatever the clock does meanwhile" {
	need cc
	write -- bob
	clocks linger -w 10
	wait_for delivered a bob 1
	touch "$T/back"
	write -- kim
	wait_for delivered a kim 1
	wait_for sh -c "! kill -0 $(cat "$T/pid/linger")"
	[ ! -s "$T/linger.out" ]
}

# own_deliver: the script of stdin in place of deliver.
own_deliver()
{
	mkdir -p "$D/own"
	ln -sf "$(prog smtpd)" "$D/own/smtpd"
	cat > "$D/own/deliver"
	chmod 755 "$D/own/deliver"
	sed -i "s#^programs .*#programs $D/own#" "$C"
}

@test "a deliver that its user stopped is given up after an hour" {
	need cc
	write -- bob
	own_deliver <<-END
		#!/bin/sh
		echo \$\$ > $T/stopped
		kill -STOP \$\$
	END
	: > "$T/stopped"
	chmod 666 "$T/stopped"
	LATER=3700 clocks run
	wait_for test -s "$T/stopped"
	touch "$T/back"
	wait_for sh -c "! kill -0 $(cat "$T/pid/run")"
	kill -KILL "$(cat "$T/stopped")" 2> "$T/err" || :
	grep -q 'process for bob says nothing any more' "$D/log"
	sed -i "s#^programs .*#programs $BIN#" "$C"
	queue a -R a.test
	[ "$(letters "$D/mail/bob")" -eq 1 ]
	[ "$(queued a)" -eq 0 ]
}

@test "a deliver that reports nothing but nonsense is given up after an hour" {
	need cc
	write -- bob
	own_deliver <<-END
		#!/bin/sh
		while echo nonsense && echo > $T/talks; do sleep 0.1; done
	END
	: > "$T/talks"
	chmod 666 "$T/talks"
	LATER=3700 clocks run
	wait_for test -s "$T/talks"
	touch "$T/back"
	wait_for sh -c "! kill -0 $(cat "$T/pid/run")"
	grep -q 'process for bob says nothing any more' "$D/log"
}

@test "a deliver that tells of letters which it did not get is not believed" {
	local id
	head -c 300000 /dev/zero | tr '\0' x | fold > "$T/big"
	for _ in 1 2 3; do
		send a -f alice@a.test bob < "$T/big"
	done
	{
		echo '#!/bin/sh'
		for id in "$D/spool/new"/*; do
			echo "echo ${id##*/} 0 2.0.0 told"
		done
		echo 'exec cat > /dev/null'
	} | own_deliver
	queue a
	[ "$(queued a)" -gt 0 ]
	sed -i "s#^programs .*#programs $BIN#" "$C"
	queue a -R a.test
	[ "$(queued a)" -eq 0 ]
	[ "$(letters "$D/mail/bob")" -gt 0 ]
}

@test "a deliver that dies behind its work is asked again at once: no letter twice" {
	write -- bob
	write -- bob
	own_deliver <<-END
		#!/bin/sh
		[ -s $T/once ] && exec $(prog deliver) "\$@"
		echo x > $T/once
		$(prog deliver) "\$@" > $T/told
	END
	: > "$T/once"
	: > "$T/told"
	chmod 666 "$T/once" "$T/told"
	queue a
	[ "$(grep -c ' 0 2.0.0 ' "$T/told")" -eq 2 ]
	[ "$(letters "$D/mail/bob")" -eq 2 ]
	[ "$(queued a)" -eq 0 ]
	[ -z "$(grep status=deferred "$D/log")" ]
	# Once: what never reports is put off.
	printf '#!/bin/sh\ncat > /dev/null\n' | own_deliver
	write -- bob
	queue a
	[ "$(grep -c status=deferred "$D/log")" -eq 1 ]
	[ "$(queued a)" -eq 1 ]
}

@test "a deliver that reports a line without an end is given up" {
	send a -f alice@a.test bob < /dev/null
	printf '#!/bin/sh\nexec cat /dev/zero\n' | own_deliver
	(
		[[ "$BIN" == */asan ]] || ulimit -v 200000
		queue a
	)
	grep -q 'process for bob reports without an end' "$D/log"
	sed -i "s#^programs .*#programs $BIN#" "$C"
	queue a -R a.test
	[ "$(letters "$D/mail/bob")" -eq 1 ]
	[ "$(queued a)" -eq 0 ]
}

@test "what a clock that was wrong put off for years is due" {
	printf '%s\n' 'lifetime 3000w' 'warn_after 0' >> "$C"
	write -- bob@far.test
	queue a -T $((T0 + 40 * 365 * 86400))
	[ "$(queued a)" -eq 1 ]
	queue a -T "$T0"
	attempts 2
	# Not so what waits as long as the configuration says.
	queue a -T "$T0"
	attempts 2
	[ "$(ls "$D/spool/q" | wc -l)" -eq 1 ]
}

@test "what came in the future, by a clock that was wrong, is returned in time" {
	local then=$((T0 - 10 * 365 * 86400))
	echo 'warn_after 0' >> "$C"
	write -- bob@far.test
	queue a -T "$then"
	queue a -T $((then + 4 * 86400))
	[ "$(queued a)" -eq 1 ]
	queue a -T $((then + 6 * 86400))
	[ "$(queued a)" -eq 0 ]
	delivered a alice 1
	grep -q 'delivery time expired' "$D/mail/alice"
}

@test "what cannot be read in q holds up nothing else" {
	local id
	echo "list: :include:$D/list" > "$D/aliases"
	write -- list
	queue a
	id=$(find "$D/spool/q" -type f)
	[ -n "$id" ]
	echo bob > "$D/list"
	: > "$D/spool/q/0000000001"
	run "$(prog mailq)" -C "$C"
	[ "$status" -eq 74 ]
	[[ $output == *"${id##*/}"* ]]
	run queue a -T $((T0 + 3600))
	[ "$status" -eq 0 ]
	[[ $output == *"cannot read all of the queue: Not a directory"* ]]
	[ "$(letters "$D/mail/bob")" -eq 1 ]
}

@test "a bounce has the header of what it returns, whichever read fails" {
	need strace
	local n f
	{ printf 'Subject: mine\n\n'; printf '%070d\n' {1..900}; } |
	    send a -i -f alice@a.test nobody@a.test bob
	cp -a "$D/spool/new" "$T/new"
	f=$(find "$D/spool/new" -type f)
	for ((n = 1; n < 20; n++)); do
		rm -rf "$D/spool/new"
		cp -a "$T/new" "$D/spool"
		rm -f "$D/mail/alice"
		strace -f -o "$T/calls" -P "$f" -e trace=pread64 \
		    -e inject=pread64:error=EIO:when="$n" \
		    "$(prog queuerun)" -C "$C" 2> /dev/null
		grep -q INJECTED "$T/calls" || break
		[ ! -e "$D/mail/alice" ] || grep '^Subject: mine' "$D/mail/alice"
	done
	[ "$n" -gt 3 ]
}

@test "a name of the host that cannot be read now is not another name" {
	need strace
	unshare -u true 2> /dev/null || skip 'no host name of our own here'
	sed -i '/^hostname/d; /^domains/d' "$C"
	# shellcheck disable=SC2016
	run unshare -u sh -c 'hostname mail && shift && exec "$@"' - - \
	    strace -o /dev/null -P /etc/mailname -e trace=openat,open \
	    -e inject=openat,open:error=ENFILE "$(prog queuerun)" -C "$C" -E
	echo "$output"
	[ "$status" -eq 78 ]
	[[ $output == *'/etc/mailname: Too many open files in system'* ]]
}

@test "a configuration that cannot be read once more is not one of defaults" {
	need strace
	run strace -o "$T/calls" -P "$C" -e trace=pread64,read \
	    -e inject=pread64,read:error=EIO:when=2 "$(prog queuerun)" -C "$C" -E
	echo "$output"
	grep -q INJECTED "$T/calls"
	[ "$status" -eq 78 ]
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
	# Who holds it wants it held until he says so.
	"$(prog mailq)" -C "$C" hold "$id"
	queue a -q "$id"
	[ "$(grep -c 'to=<bob@near.test>' "$D/log")" -eq 3 ]
	[ -e "$D/spool/hold/$id" ]
	run queue a -q '../../x'
	[ "$status" -eq 64 ]
}

@test "a lingering run takes new mail at once; a second run leaves it to the first" {
	start linger "$(prog queuerun)" -C "$C" -w 60
	wait_for lingers a
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

# many N RCPT: so many letters, in one session; a %d is which.
many()
{
	local i
	for ((i = 0; i < $1; i++)); do
		# shellcheck disable=SC2059
		printf "MAIL FROM:<alice@a.test>\nRCPT TO:<$2>\nDATA\n\nx\n.\n" "$i"
	done | { echo 'EHLO me'; cat; echo QUIT; } | smtpd a > "$T/many.out"
	[ "$(queued a)" -eq "$1" ]
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
	sed -i '/^nameserver/d' "$C"
	printf 'destination_limit 2\nsmarthost [%s.9]:%s\n' "$NET" \
	    "$SMTP_PORT" >> "$C"
	start peer python3 "$REPO/tests/peer.py" "$NET.9" "$SMTP_PORT" "$T/peer"
	wait_for test -e "$T/peer/ready"
	many 160 kim%d@far.test
	queue a
	[ "$(queued a)" -eq 0 ]
	[ "$(grep -c 'status=sent' "$D/log")" -eq 160 ]
	[ "$(grep -c '^connect' "$T/peer/log")" -ge 2 ]
	[ "$(grep -c '^connect' "$T/peer/log")" -le 6 ]
	[ "$(at_once)" -le 2 ]
}

@test "-v: who does not read what is shown stops the mail for no longer than a minute" {
	need strace
	echo x | send a -f kim@a.test alice
	mkfifo "$T/shown"
	exec 5<> "$T/shown"
	dd if=/dev/zero of="$T/shown" bs=4096 oflag=nonblock 2> /dev/null || true
	strace -f -o "$T/trace" -e trace=poll "$(prog queuerun)" -C "$C" -v \
	    > "$T/shown" 3>&- 5>&- &
	wait_for grep -qE 'fd=1.*POLLOUT.*, (60000|59[0-9]{3})' "$T/trace"
	exec 5>&- # nobody will
	wait_for left 0
	[ "$(letters "$D/mail/alice")" -eq 1 ]
}

left() { [ "$(queued a)" -eq "$1" ]; }

@test "mail beyond all room for a host that does not answer leaves others theirs" {
	sed -i '/^nameserver/d' "$C"
	printf 'process_limit 5\nsmarthost [%s.9]:%s\n' "$NET" "$SMTP_PORT" >> "$C"
	start peer python3 "$REPO/tests/peer.py" "$NET.9" "$SMTP_PORT" \
	    "$T/peer" mail=hang
	wait_for test -e "$T/peer/ready"
	many 150 kim%d@far.test
	{ printf 'Subject: large\n\n' && yes | head -c 8000000; } |
	    send a -i -f alice@a.test kim@far.test
	# There is room for a hundred.
	start run bash -c 'ulimit -n 142; exec "$1" -C "$2" -w 60' - \
	    "$(prog queuerun)" "$C"
	wait_for grep '^C: MAIL' "$T/peer/log"
	write -- bob
	PATIENCE=20 wait_for delivered a bob 1
	write -- bob
	PATIENCE=20 wait_for delivered a bob 2
	# Who waits is not read to the end of it.
	[ "$(pgrep -s "$(cat "$T/pid/run")" | sed 's|.*|/proc/&/io|' |
	    xargs awk '/^rchar/ { n += $2 } END { print n }')" -lt 8000000 ]
	stop run
	[ "$(queued a)" -eq 151 ]
}

@test "many letters for one mailbox pass by what is slow, as fast as they go" {
	local i
	sed -i '/^nameserver/d' "$C"
	printf 'process_limit 5\nsmarthost [%s.9]:%s\n' "$NET" "$SMTP_PORT" >> "$C"
	start peer python3 "$REPO/tests/peer.py" "$NET.9" "$SMTP_PORT" \
	    "$T/peer" mail=hang
	wait_for test -e "$T/peer/ready"
	many 420 kim%d@far.test
	for ((i = 0; i < 80; i++)); do
		printf 'MAIL FROM:<alice@a.test>\nRCPT TO:<bob>\nDATA\n\nx\n.\n'
	done | { echo 'EHLO me'; cat; echo QUIT; } | smtpd a > "$T/many.out"
	# There is room for 458, and for others than the host a part of 58.
	start run bash -c 'ulimit -n 500; exec "$1" -C "$2" -w 60' - \
	    "$(prog queuerun)" "$C"
	PATIENCE=20 wait_for delivered a bob 80
}

@test "a message that was put off is free, though its client goes on with others" {
	sed -i '/^nameserver/d' "$C"
	printf 'smarthost [%s.9]:%s\n' "$NET" "$SMTP_PORT" >> "$C"
	start peer python3 "$REPO/tests/peer.py" "$NET.9" "$SMTP_PORT" \
	    "$T/peer" OFFER=8BITMIME rcpt=450 rset=hang
	wait_for test -e "$T/peer/ready"
	many 2 kim%d@far.test
	start run "$(prog queuerun)" -C "$C"
	wait_for compgen -G "$D/spool/q/*/*"
	run "$(prog mailq)" -C "$C" delete "$(basename "$D/spool/q/"*/*)"
	echo "$output"
	[ "$status" -eq 0 ]
	[ "$(queued a)" -eq 1 ]
	stop run
}

@test "hosts that do not answer leave local mail its place" {
	local i hosts=()
	printf 'process_limit 3\nsmtp_timeout 600s\n' >> "$C"
	cat > "$T/deaf.py" <<-END
		import socket, signal
		ears = [socket.create_server((f"$NET.{i}", $SMTP_PORT))
		    for i in range(60, 66)]
		signal.pause()
	END
	start deaf python3 -IS "$T/deaf.py"
	wait_for listens "$NET.65" "$SMTP_PORT"
	for i in $(seq 60 65); do
		hosts+=("--host-record=h$i.test,$NET.$i")
		write -- "kim@h$i.test"
	done
	dns "${hosts[@]}"
	write -- alice
	start run "$(prog queuerun)" -C "$C"
	wait_for grep 'status=sent' "$D/log"
	wait_for left 6
	[ "$(grep -c 'status=' "$D/log")" -eq 1 ]
	stop run
}

@test "programs that do not end leave mailboxes and hosts their places" {
	local i
	printf 'process_limit 5\nsmarthost [%s.9]:%s\n' "$NET" "$SMTP_PORT" >> "$C"
	start peer python3 "$REPO/tests/peer.py" "$NET.9" "$SMTP_PORT" "$T/peer"
	wait_for test -e "$T/peer/ready"
	mkdir -m 777 "$D/out"
	[ "$EUID" -ne 0 ] || grep '^nobody:' /etc/passwd >> "$D/passwd"
	for i in {1..6}; do
		echo "p$i: \"|until [ -e $D/out/end ]; do echo > $D/out/$i; sleep .1; done\""
	done >> "$D/aliases"
	write -- p1 p2 p3 p4 p5 p6
	start run "$(prog queuerun)" -C "$C" -w 60
	wait_for test -e "$D/out/3"
	write -- bob kim@far.test
	PATIENCE=20 wait_for delivered a bob 1
	PATIENCE=20 wait_for grep '^C: MAIL' "$T/peer/log"
	[ ! -e "$D/out/4" ]
	: > "$D/out/end"
	wait_for left 0
	stop run
}

@test "more messages than descriptors" {
	echo 'process_limit 10' >> "$C"
	many 120 bob@a.test
	run bash -c "ulimit -n 100; exec '$(prog queuerun)' -C '$C'"
	[ "$status" -eq 0 ]
	[ -z "$output" ]
	[ "$(letters "$D/mail/bob")" -eq 120 ]
	[ "$(queued a)" -eq 0 ]
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

@test "of two who are to be told one cannot be now: the other hears it once" {
	need strace
	export ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=0
	cat > "$D/aliases" <<-'END'
		one: bob, nosuch
		owner-one: kim
		two: bob, gone
		owner-two: alice
	END
	write -- one two
	# The first name made is kim's report's, the second was to be alice's.
	strace -f -o "$T/calls" -e trace=renameat,renameat2 \
	    -e inject=renameat,renameat2:error=ENOSPC:when=2 \
	    "$(prog queuerun)" -C "$C"
	grep -q 'cannot write a notification: No space left' "$D/log"
	[ "$(letters "$D/mail/kim")" -eq 1 ]
	[ ! -e "$D/mail/alice" ]
	queue a -T $((T0 + 3600))
	[ "$(letters "$D/mail/kim")" -eq 1 ]
	[ "$(letters "$D/mail/alice")" -eq 1 ]
	dsn alice | grep -q '^Final-Recipient: rfc822; gone@a.test'
	[ "$(queued a)" -eq 0 ]
}

@test "the root half hears no more: the run ends, and the mail waits" {
	[ "$EUID" -eq 0 ] || skip "only root's queuerun has two halves"
	need strace
	export ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=0
	write -- bob
	start run sh -c "strace -o '$T/calls' -e trace=recvmsg \
	    -e inject=recvmsg:error=ENOMEM:when=1+ \
	    '$(prog queuerun)' -C '$C'; echo \$? > '$T/status'"
	PATIENCE=20 wait_for test -s "$T/status"
	[ "$(cat "$T/status")" -eq 0 ]
	[ "$(queued a)" -eq 1 ]
	queue a -R a.test
	[ "$(letters "$D/mail/bob")" -eq 1 ]
}

@test "a run that went well says so, however late the root half hears of its end" {
	need strace
	[ "$EUID" -eq 0 ] || skip "only root's queuerun has two halves"
	export ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=0
	write -- bob
	# All is over when it looks for who has ended.
	run strace -o "$T/calls" -e trace=wait4 \
	    -e inject=wait4:delay_enter=1000000:when=1 "$(prog queuerun)" -C "$C"
	[ "$status" -eq 0 ]
	[ "$(letters "$D/mail/bob")" -eq 1 ]
}

@test "the root half is killed: the next run has the queue, no mail is put off" {
	[ "$EUID" -eq 0 ] || skip "only root's queuerun has two halves"
	mkdir -m 1777 "$T/ran"
	printf '%s\n' '#!/bin/sh' "mktemp '$T/ran/XXXXXX'" \
	    "until [ -e '$T/go' ]; do sleep 0.05; done" > "$T/slow"
	chmod +x "$T/slow"
	echo "slow: |$T/slow" >> "$D/aliases"
	write -- slow
	start run "$(prog queuerun)" -C "$C" -w 60
	wait_for lingers a
	wait_for compgen -G "$T/ran/*"
	kill -KILL "$(cat "$T/pid/run")"
	PATIENCE=10 wait_for flock -n "$D/spool/lock" true
	write -- bob
	queue a
	delivered a bob 1
	# What it had begun comes to its end, once.
	touch "$T/go"
	wait_for left 0
	[ "$(find "$T/ran" -type f | wc -l)" -eq 1 ]
	grep -q 'relay=program.*status=sent' "$D/log"
	run grep 'status=deferred' "$D/log"
	[ "$status" -eq 1 ]
}

@test "the root half is killed: what had not begun is not locked" {
	[ "$EUID" -eq 0 ] || skip "only root's queuerun has two halves"
	mkdir -m 1777 "$T/ran"
	printf '%s\n' '#!/bin/sh' "mktemp '$T/ran/XXXXXX'" \
	    "until [ -e '$T/go' ]; do sleep 0.05; done" > "$T/slow"
	chmod +x "$T/slow"
	echo "slow: |$T/slow" >> "$D/aliases"
	echo 'process_limit 1' >> "$C"
	write -- slow
	start run "$(prog queuerun)" -C "$C" -w 60
	wait_for compgen -G "$T/ran/*"
	write -- bob
	active() { [ "$(grep -c 'queue active' "$D/log")" -eq 2 ]; }
	wait_for active
	kill -KILL "$(cat "$T/pid/run")"
	PATIENCE=10 wait_for flock -n "$D/spool/lock" true
	queue a
	delivered a bob 1
	touch "$T/go"
	wait_for left 0
	[ "$(find "$T/ran" -type f | wc -l)" -eq 1 ]
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

@test "what is damaged after its first attempt is set aside, too" {
	local f n
	mkdir "$D/mail/bob"	# cannot be delivered to now
	for n in 1 2 3 4; do
		write -- bob
	done
	queue a
	rmdir "$D/mail/bob"
	[ "$(count q)" -eq 4 ]
	mapfile -t f < <(find "$D/spool/q" -type f)
	sed -i 's/ bob@/ kim@/' "${f[0]}"
	sed -i 's/^hello/hullo/' "${f[1]}"
	: > "${f[2]}"
	[ "$EUID" -ne 0 ] || chown --reference="$D/spool" "${f[@]}"
	queue a -R a.test 2> "$T/err"
	[ "$(letters "$D/mail/bob")" -eq 1 ]
	[ ! -e "$D/mail/kim" ]
	[ "$(count bad)" -eq 3 ]
	[ "$(grep -c 'warning: .*damaged' "$D/log")" -eq 3 ]
	[ "$(queued a)" -eq 0 ]
}

@test "a copy of the queue by hard links is no damage; a link in new/ is" {
	mkdir "$D/mail/bob"	# cannot be delivered to now
	write -- bob
	queue a
	cp -al "$D/spool/q" "$T/copy"
	write -- alice
	ln "$D"/spool/new/* "$T/linked"
	rmdir "$D/mail/bob"
	queue a -T $(($(date +%s) + 10000)) 2> "$T/err"
	[ "$(letters "$D/mail/bob")" -eq 1 ]
	[ ! -e "$D/mail/alice" ]
	[ "$(count q)" -eq 0 ]
	[ "$(count bad)" -eq 1 ]
}

@test "what lies in the queue under a wrong name is set aside" {
	local long due n
	long=$(printf '%0250d' 0)
	write -- bob@far.test
	queue a
	due=$(basename "$D"/spool/q/*)
	cp "$D"/spool/q/"$due"/* "$T/m"
	for n in "q/$due/ID.bak" new/lower $'hold/a\nb' "new/$long"; do
		cp "$T/m" "$D/spool/$n"
	done
	touch "$D/spool/new/.nfs1"
	queue a -T "$due" 2> "$T/err"
	queue a 2>> "$T/err"
	[ "$(grep -c 'no queue file has such a name' "$T/err")" -eq 3 ]
	[ "$(count bad)" -eq 3 ]
	[ "$(count new)" -eq 1 ]
	[ ! -e "$D/spool/q/$due" ]
	queue a -q "$(basename "$D"/spool/q/*/*)" 2> "$T/err"
	[ "$(grep -c 'a.b: no queue file' "$T/err")" -eq 1 ]
}

@test "a run ends where more is damaged than it reads ahead, and cannot be set aside" {
	local name
	write -- bob
	name=$(basename "$D"/spool/new/*)
	echo damage >> "$D/spool/new/$name"
	printf 'facteur' | dd of="$D/spool/new/$name" conv=notrunc status=none
	python3 -c '
import os, sys
for n in range(10000, 20001):
    os.link(sys.argv[1], sys.argv[1][:-5] + str(n))' "$D/spool/new/$name"
	rm -r "$D/spool/bad"
	touch "$D/spool/bad"
	timeout 60 "$(prog queuerun)" -C "$C" 2> "$T/err" || :
	[ "$(grep -c 'cannot move it to bad' "$T/err")" -eq 10002 ]
	[ "$(count new)" -eq 10002 ]
}

@test "who was served, or refused, elsewhere is not served when his domain is ours" {
	start peer python3 "$REPO/tests/peer.py" "$NET.9" "$SMTP_PORT" \
	    "$T/peer" rcpt2='550 5.1.1 no' rcpt3='450 4.2.0 later'
	wait_for test -e "$T/peer/ready"
	dns --mx-host=far.test,mx.far.test,10 --host-record="mx.far.test,$NET.9"
	write -- bob@far.test kim@far.test alice@far.test
	queue a
	[ "$(grep -c status=sent "$D/log")" -eq 2 ]
	[ "$(letters "$D/mail/alice")" -eq 1 ]
	echo 'domains far.test' >> "$C"
	queue a -R far.test
	[ "$(letters "$D/mail/alice")" -eq 2 ]
	[ ! -e "$D/mail/bob" ]
	[ ! -e "$D/mail/kim" ]
	[ "$(queued a)" -eq 0 ]
}

@test "who was served is served, whatever becomes of him and of his lists" {
	printf '%s\n' 'list: bob' 'one: kim' 'two: kim, bob' >> "$D/aliases"
	mkdir "$D/mail/kim"
	write -- list kim
	write -- one two
	queue a
	[ "$(letters "$D/mail/bob")" -eq 2 ]
	[ "$(queued a)" -eq 2 ]
	sed -i '/^bob:/d' "$D/passwd"
	sed -i 's/^list: .*/list: alice/; s/^one: .*/one: nobody/' "$D/aliases"
	rmdir "$D/mail/kim"
	queue a -R a.test
	[ "$(letters "$D/mail/bob")" -eq 2 ]
	# kim has his of one and of two; one hears that it leads to nobody now.
	[ "$(letters "$D/mail/kim")" -eq 2 ]
	[ "$(letters "$D/mail/alice")" -eq 1 ]
	[ "$(grep -c status=bounced "$D/log")" -eq 1 ]
	grep -q 'to=<nobody@a.test>.*status=bounced' "$D/log"
	[ "$(queued a)" -eq 0 ]
}

@test "of a journal with a gap nobody is taken to be served" {
	echo 'both: bob, kim' >> "$D/aliases"
	mkdir "$D/mail/kim"
	write -- both
	queue a
	[ "$(letters "$D/mail/bob")" -eq 1 ]
	sed -i $'s/^d\t.*//' "$D"/spool/q/*/*
	rmdir "$D/mail/kim"
	queue a -R a.test
	[ "$(letters "$D/mail/kim")" -eq 1 ]
	[ "$(letters "$D/mail/bob")" -eq 1 ]
}

@test "a message on which another has his hand for a moment is tried" {
	need strace
	export ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=0
	local id to
	echo 'slow: "|sleep 1"' >> "$D/aliases"
	[ "$EUID" -ne 0 ] || grep '^nobody:' /etc/passwd >> "$D/passwd"
	# However long all else takes meanwhile.
	for to in kim slow; do
		write -- bob
		id=$(basename "$D"/spool/new/*)
		write -- "$to"
		strace -f -o "$T/calls" -e trace=flock -P "$D/spool/new/$id" \
		    -e inject=flock:error=EAGAIN:when=1 "$(prog queuerun)" -C "$C"
		grep -q INJECTED "$T/calls"
		[ "$(queued a)" -eq 0 ]
	done
	[ "$(letters "$D/mail/bob")" -eq 2 ]
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
	sed -i 's/^bob:.*/&\n&/; s/\nbob/\nBob.Box/' "$D/passwd"
	run queue a -n 'Bob.Box+X@a.test'
	[[ $output == *"mailbox "*"$D/mail/Bob.Box"* ]]
	run queue a -n BOB
	[[ $output == *"mailbox "*"$D/mail/bob"* ]]
	run queue a -n nosuch@a.test
	[ "$status" -eq 67 ]
	[[ $output == *"5.1.1 User unknown"* ]]
	run queue a -n 'not an address'
	[ "$status" -eq 65 ]
	run queue a -n ''
	[ "$output" = "queuerun: '' is no address" ]
	queue a -j -n list | python3 -c '
import json, sys
keys = [list(s)[0] for s in json.load(sys.stdin)["steps"]]
assert "mailbox" in keys and "program" in keys and "remote" in keys, keys'
	# What is in a table goes to a terminal and a parser, whatever its bytes are.
	printf 'odd: bob (Gr\xfc\xdfe\e[31m, "\\\\")\n' >> "$D/aliases"
	run queue a -n odd
	[ "$status" -eq 0 ]
	[[ $output != *$'\e'* ]]
	queue a -j -n odd | python3 -c '
import json, sys
steps = json.loads(sys.stdin.buffer.read().decode())["steps"]
assert "Gr\u00fc\u00dfe\u001b[31m" in steps[0]["route"], steps'
	[ ! -s "$D/log" ]
	[ "$(queued a)" -eq 0 ]
}

@test "the configuration: CRLF, letter case, and no error is told of what is not there" {
	sed -i 's/$/\r/' "$C"
	printf '#\r\n\r\n \t\r\nHide_Client YES\r\nmailbox_full Bounce\r\n' >> "$C"
	run queue a -e
	[ "$status" -eq 0 ]
	[[ $output == *$'\nhide_client yes\t'* ]]
	[[ $output == *$'\nmailbox_full bounce\t'* ]]
	printf 'hostname a b\n' > "$T/bad"
	run queue a -c -C "$T/bad"
	[ "$status" -eq 78 ]
	[ "$output" = "$T/bad:1: hostname: 'a b' is no host name" ]
	[ "$EUID" -eq 0 ] || return 0 # who is not root gets a spool made
	printf 'spool %s/none\n' "$T" > "$T/bad"
	run queue a -C "$T/bad"
	[ "$status" -eq 66 ]
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
	for line in 'retry_max 1m' 'session_timeout 0' 'smtp_timeout 0' \
	    'mailbox mail/%u' 'log mail.log' 'nameserver ns.b.test' \
	    'nameserver 192.0.2.1:70000' 'smarthost [::1' \
	    'smarthost smtp.example.net 587' 'smarthost a:25:1' 'spool' 'state' \
	    'programs' 'mailbox ~bob/x' 'folders /srv/%d/%u' 'detail no' \
	    $'log /tmp/x\rport 26' $'h\e[31mstname a.test'; do
		run queue a -c -C <(cat "$C"; echo "$line")
		[ "$status" -eq 78 ]
		[[ $output == *":$((n - 2)): "* ]]
	done
	run queue a -c -C <(cat "$C"; echo "aliases $T")
	[[ $output == "$T: "* ]]
	run queue a -e
	[[ ${lines[0]} == "hostname a.test"*"# $C:1" ]]
	run queue a -E
	[[ $output == *$'retry_min 300s\t# default'* ]]
}
