# callers - the programs that call sendmail, as they really do.  Each writes to
# bob here and to kim at another host; both must have the letter after a queue
# run at each.  What no program is here for is called with the arguments that
# were seen from it.

load lib

setup()
{
	test_begin
	instance b b.test
	instance a a.test
	cat > "$T/sendmail" <<-END
		#!/bin/sh
		printf '%s\n' "\$@" > "$T/argv"
		exec "$(prog sendmail)" -C "$C" "\$@"
	END
	chmod 755 "$T/sendmail"
	export HOME=$T MAILRC=/dev/null
	export XDG_CONFIG_HOME=$T XDG_CACHE_HOME=$T
}

teardown() { test_end; }

# Both letters are there, with this line in the body.
arrived()
{
	inetd b "$NET.2"
	dns --mx-host=b.test,mx.b.test,10 --host-record="mx.b.test,$NET.2"
	queue a
	queue b
	delivered a bob 1
	delivered b kim 1
	grep -qx -- "$1" "$T/a/mail/bob"
	grep -qx -- "$1" "$T/b/mail/kim"
	# Every letter has these, whoever forgot them.
	for f in "$T/a/mail/bob" "$T/b/mail/kim"; do
		for h in Date Message-ID From Return-Path Delivered-To Received; do
			grep -qi "^$h: " "$f" || {
				echo "no $h in $f"
				return 1
			}
		done
		run grep -c $'\r' "$f"
		[ "$output" -eq 0 ]
	done
}

@test "mail(1) of bsd-mailx" {
	need bsd-mailx
	echo "set sendmail=$T/sendmail" > "$T/mailrc"
	LD_LIBRARY_PATH=$(peer_libs) MAILRC=$T/mailrc \
	    "$(peer bsd-mailx)" -s lettre bob kim@b.test <<< 'par mailx'
	arrived 'par mailx'
}

@test "s-nail" {
	need s-nail
	s-nail -:/ -S "mta=$T/sendmail" -s lettre bob kim@b.test <<< 'par s-nail'
	arrived 'par s-nail'
}

@test "mail of mailutils" {
	need mail.mailutils
	LD_LIBRARY_PATH=$(peer_libs) "$(peer mail.mailutils)" \
	    -E "set sendmail=\"sendmail:$T/sendmail\"" \
	    -s lettre bob@a.test kim@b.test <<< 'par mailutils'
	arrived 'par mailutils'
}

@test "mutt" {
	need mutt
	mutt -F /dev/null -e "set sendmail='$T/sendmail -oem -oi'" \
	    -e 'unset record' -s lettre bob@a.test kim@b.test <<< 'par mutt'
	arrived 'par mutt'
}

@test "neomutt" {
	need neomutt
	neomutt -F /dev/null -e "set sendmail='$T/sendmail -oem -oi'" \
	    -e 'unset record' -s lettre bob@a.test kim@b.test <<< 'par neomutt'
	arrived 'par neomutt'
}

@test "mutt asks for DSNs" {
	need mutt
	mutt -F /dev/null -e "set sendmail='$T/sendmail -oem -oi'" \
	    -e 'unset record' -e 'set dsn_notify=failure,delay' \
	    -e 'set dsn_return=hdrs' -s lettre bob@a.test kim@b.test <<< 'par mutt'
	grep -qx -- -N "$T/argv"
	arrived 'par mutt'
}

@test "git send-email" {
	git send-email --help > /dev/null 2>&1 || [ -e /usr/lib/git-core/git-send-email ] ||
		skip 'no git send-email here'
	git -C "$T" init -q repo
	cd "$T/repo"
	git config user.name Alice
	git config user.email alice@a.test
	echo un > un
	git add un
	git commit -qm 'le premier'
	echo deux > un
	git commit -qam 'par git'
	git send-email -1 --quiet --confirm=never \
	    --sendmail-cmd="$T/sendmail" --from=alice@a.test \
	    --to=bob@a.test --to=kim@b.test
	arrived '+deux'
}

@test "mail() of PHP" {
	need php8.2
	LD_LIBRARY_PATH=$(peer_libs) "$(peer php8.2)" -n \
	    -d "sendmail_path=$T/sendmail -t -i" \
	    -r 'exit(mail("bob@a.test, kim@b.test", "lettre", "par PHP\r\n",
	        "From: alice@a.test\r\nX-A: 1") ? 0 : 1);'
	arrived 'par PHP'
}

@test "as PHP's mail() calls: through a shell, CRLF, -t -i -f -oi" {
	printf 'To: bob@a.test, kim@b.test\r\nSubject: x\r\nBcc: \r\n\r\npar PHP\r\n' |
		sh -c "$T/sendmail -t -i -falice@a.test -oi"
	arrived 'par PHP'
}

@test "as cron calls" {
	printf 'From: root (Cron Daemon)\nTo: bob\nSubject: Cron\n\npar cron\n' > "$T/in"
	"$T/sendmail" -i -FCronDaemon -B8BITMIME -oem bob < "$T/in"
	"$T/sendmail" -i -FCronDaemon -B8BITMIME -oem kim@b.test < "$T/in"
	arrived 'par cron'
}

@test "as cronie calls" {
	printf 'From: "(Cron Daemon)" <alice>\nTo: bob, kim@b.test\nSubject: Cron\n\npar cronie\n' |
		"$T/sendmail" -FCronDaemon -i -odi -oem -oi -t -f alice
	arrived 'par cronie'
}

@test "as anacron and at call" {
	echo 'par anacron' | "$T/sendmail" -FAnacron -odi bob
	echo 'par anacron' | "$T/sendmail" -i kim@b.test
	arrived 'par anacron'
}

@test "as sympa calls" {
	printf 'From: list@a.test\nTo: list@a.test\n\npar sympa\n' |
		"$T/sendmail" -oi -odi -oem -N success,delay,failure \
		    -V Sympa-123 -f list-owner@a.test bob@a.test kim@b.test
	arrived 'par sympa'
	grep -q '^Return-Path: <list-owner@a.test>' "$T/b/mail/kim"
}

@test "as nmh and vacation call" {
	printf 'From: alice@a.test\nTo: bob@a.test\n\npar nmh\n' | "$T/sendmail" -t -i
	printf 'From: alice@a.test\n\npar nmh\n' | "$T/sendmail" -f alice -- kim@b.test
	arrived 'par nmh'
}

@test "as logwatch, debconf and init scripts call: only -t" {
	printf 'To: bob@a.test\nCc: kim@b.test\nSubject: x\n\npar -t\n.\nrest\n' |
		"$T/sendmail" -t
	arrived 'par -t'
	run grep -c '^rest$' "$T/a/mail/bob"
	[ "$output" -eq 0 ]
}

@test "nothing is printed when all is well" {
	run "$T/sendmail" bob <<< hello
	[ "$status" -eq 0 ]
	[ -z "$output" ]
}

@test "what callers see when the spool is full or away: 75, and nothing queued" {
	mv "$D/spool" "$D/away"
	run "$T/sendmail" bob <<< hello
	[ "$status" -eq 75 ]
	[ -n "$output" ]
	if need mutt; then
		run mutt -F /dev/null -e "set sendmail='$T/sendmail -oem -oi'" \
		    -e 'unset record' -s x bob@a.test <<< hello
		[ "$status" -ne 0 ]
	fi
	mv "$D/away" "$D/spool"
	[ "$(queued a)" -eq 0 ]
}

# --- those who read the mbox ---

# Two letters in bob's mbox, one with lines that look like From_ lines.
two_letters()
{
	send a bob <<< $'Subject: first\n\nun'
	send a -f jo@x.test bob <<< $'Subject: second\n\nFrom here on\n>From there\n\ndeux'
	queue a
	mbox=$D/mail/bob
}

# Run a program that wants a terminal.
on_terminal()
{
	TERM=vt100 timeout 60 script -qec "$1" /dev/null < /dev/null > "$T/terminal.out"
}

@test "mail(1) reads the mbox" {
	need bsd-mailx
	two_letters
	LD_LIBRARY_PATH=$(peer_libs) "$(peer bsd-mailx)" -N -f "$mbox" \
	    <<< $'headers\ntype 2\nxit' > "$T/headers"
	cat "$T/headers"
	grep -qE '^>N +1 .* first' "$T/headers"
	grep -qE '^ N +2 jo@x\.test .* second' "$T/headers"
	grep -qx 'deux' "$T/headers"
}

@test "mutt reads the mbox, and both letters are new" {
	need mutt
	need script
	two_letters
	[ "$(stat -c %X "$mbox")" -lt "$(stat -c %Y "$mbox")" ]
	cat > "$T/muttrc" <<-END
		set folder=$T quit=yes wait_key=no pipe_split=yes
		push "<tag-entry><tag-entry><tag-prefix><pipe-message>cat >>$T/read<enter><quit>"
	END
	on_terminal "mutt -n -F $T/muttrc -R -f $mbox"
	grep -q 'Msgs:2 New:2' "$T/terminal.out"
	grep -q '^Subject: first' "$T/read"
	grep -q '^deux' "$T/read"
}

# What alpine shows of the mbox; a key now and then answers its greetings.
alpine_shows()
{
	tmux -S "$T/tmux" send-keys e
	tmux -S "$T/tmux" capture-pane -p | tee "$T/alpine.out" | grep -q "$1"
}

@test "alpine reads the mbox, and both letters are new" {
	need alpine
	need tmux
	two_letters
	mkdir "$T/alpine"
	HOME=$T/alpine TERM=vt100 SHELL=/bin/sh tmux -S "$T/tmux" -f /dev/null new-session -d \
	    -x 80 -y 24 "alpine -p $T/alpine/rc -i -f $mbox"
	wait_for alpine_shows second
	tmux -S "$T/tmux" kill-server
	grep -qE '^ *N +1 .*first' "$T/alpine.out"
	grep -qE '^ *N +2 .*second' "$T/alpine.out"
}

@test "new mail is seen by the usual check" {
	two_letters
	python3 - "$mbox" <<-'END'
		import os, sys
		s = os.stat(sys.argv[1])
		assert s.st_size and s.st_atime_ns < s.st_mtime_ns
	END
}
