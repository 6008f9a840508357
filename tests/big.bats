#!/usr/bin/env bats
# big - letters and lists of size: each arrives byte for byte, and no process
# grows with them.

load lib

MEMORY=16000 # kB of resident memory that no process may exceed

setup()
{
	test_begin
	instance a a.test
	instance b b.test
	dns --mx-host=b.test,mx.b.test,10 --host-record="mx.b.test,$NET.3"
}

teardown()
{
	test_end
}

# peak COMMAND...: run it; fail when a process of it grew beyond $MEMORY.
peak()
{
	python3 "$REPO/tests/peak.py" "$MEMORY" "$@"
}

# A letter of kind $1 in $T/letter, as it is to arrive.
make_letter()
{
	python3 - "$1" > "$T/letter" <<-'END'
		import random, sys
		r, out = random.Random(1), sys.stdout.buffer
		head = b"From: kim@far.test\nSubject: big\nDate: Sat, 21 Nov 2026 19:54:01 +0000\nMessage-ID: <1@far.test>\n"
		kinds = {
		    "25mb": lambda: b"".join(bytes(r.choices(range(32, 127), k=75)) + b"\n" for i in range(25 << 20 >> 10)) * 13,
		    "line": lambda: b"x" * (10 << 20) + b"\n",
		    "8bit": lambda: bytes(r.choices([b for b in range(1, 256) if b not in (10, 13)], k=50000)) + b"\n",
		    "dots": lambda: b".\n..\n...\n.x\n\n.\n",
		    "from": lambda: b"From here\n>From there\nFrom \n\nFrom a@b Sat Nov 21 19:54:01 2026\n",
		    "empty": lambda: b"",
		    "blank": lambda: b"\n\n\n",
		}
		out.write(head + b"\n" + kinds[sys.argv[1]]())
	END
}

# The body that arrived for bob at b.test, as it was sent.
arrived()
{
	python3 - "$T/letter" "$T/b/mail/bob" <<-'END'
		import re, sys
		want = open(sys.argv[1], "rb").read().split(b"\n\n", 1)
		box = open(sys.argv[2], "rb").read()
		head, body = box.split(b"\n\n", 1)
		want = want[1] if len(want) > 1 else b""
		got = re.sub(rb"(?m)^>(>*From )", rb"\1", body[:-1])
		assert got == want, (len(got), len(want), got[:80], want[:80])
		assert b"Subject: big" in head
	END
}

# From a.test by SMTP to b.test and there into the mailbox, memory watched.
travel()
{
	inetd b "$NET.3"
	# Both line ends of the client: sendmail's input has LF.
	peak "$(prog sendmail)" -C "$T/a/facteur.conf" -i -f kim@far.test \
	    -- bob@b.test < "$T/letter"
	peak "$(prog queuerun)" -C "$T/a/facteur.conf"
	[ "$(queued a)" -eq 0 ]
	peak "$(prog queuerun)" -C "$T/b/facteur.conf"
	[ "$(queued b)" -eq 0 ]
}

@test "25 MB" {
	make_letter 25mb
	travel
	arrived
}

@test "a line of 10 MB" {
	make_letter line
	travel
	arrived
}

@test "every byte but NUL, CR and LF" {
	make_letter 8bit
	travel
	arrived
}

@test "dots" {
	make_letter dots
	travel
	arrived
}

@test "From_ lines" {
	make_letter from
	travel
	arrived
}

@test "an empty body, blank lines, header only, no final newline" {
	make_letter empty
	travel
	arrived
	rm "$T/b/mail/bob"
	stop inetd-b
	make_letter blank
	travel
	arrived
	rm "$T/b/mail/bob"
	stop inetd-b
	printf 'Subject: big\nFrom: kim@far.test\n' > "$T/letter"
	travel
	grep -q '^Subject: big$' "$T/b/mail/bob"
	rm "$T/b/mail/bob"
	stop inetd-b
	printf 'Subject: big\nFrom: kim@far.test\n\nno end' > "$T/letter"
	travel
	[ "$(body "$T/b/mail/bob")" = "no end" ]
}

@test "1,000 recipients of one letter, local and remote" {
	local i to=()
	for i in $(seq 500); do
		echo "u$i: bob" >> "$T/b/aliases"
		to+=("u$i@b.test" "v$i@a.test")
		echo "v$i: alice, bob" >> "$T/a/aliases"
	done
	inetd b "$NET.3"
	printf 'Subject: x\n\nx\n' | send a -f kim@a.test -- "${to[@]}"
	peak "$(prog queuerun)" -C "$T/a/facteur.conf"
	[ "$(queued a)" -eq 0 ]
	[ "$(letters "$T/a/mail/alice")" -eq 1 ]
	queue b
	[ "$(letters "$T/b/mail/bob")" -le 5 ]
	[ "$(grep -c 'to=<u[0-9]*@b.test>.*status=sent' "$T/a/log")" -eq 500 ]
}

@test "letters to many that were deferred for days" {
	local i
	printf 'smarthost [%s.9]:%s\n' "$NET" "$SMTP_PORT" >> "$T/a/facteur.conf"
	for i in 1 2 3 4 5 6 7 8 9 10; do
		seq -f 'u%g@far.test' 500 | xargs "$(prog sendmail)" \
		    -C "$T/a/facteur.conf" -f kim@a.test
	done
	python3 - "$T/a/spool/new" <<-'END'
		import os, sys, time
		now = int(time.time())
		text = "connect to mx.far.test[192.0.2.1]:25: Connection refused " * 3
		for name in os.listdir(sys.argv[1]):
		    with open(os.path.join(sys.argv[1], name), "a") as f:
		        for t in range(now - 400000, now - 10000, 10000):
		            for r in range(500):
		                f.write("d\t%d\t%d\t4.4.1\tu%d@far.test\tmx.far.test[192.0.2.1]:25\t%s\t.\n"
		                        % (r, t, r + 1, text))
		            f.write("a\t-\t%d\t\t\t\t\t.\n" % t)
	END
	MEMORY=40000 # a journal, and a few messages with theirs
	peak "$(prog queuerun)" -C "$T/a/facteur.conf"
	[ "$(queued a)" -eq 10 ]
	[ "$(grep -c 'to=<u[0-9]*@far.test>.*status=deferred' "$T/a/log")" -eq 5000 ]
}

@test "an alias of 10,000 members, and one that fails among them" {
	local i
	{
		printf 'list: :include:%s\n' "$T/a/list"
		echo 'owner-list: kim'
	} >> "$T/a/aliases"
	for i in $(seq 9998); do
		echo "m$i@b.test"
	done > "$T/a/list"
	printf 'nosuch\nbob\n' >> "$T/a/list"
	inetd b "$NET.3"
	echo 'kim: kim' >> "$T/b/aliases"
	seq -f 'm%g: bob' 9998 >> "$T/b/aliases"
	printf 'Subject: x\n\nx\n' | send a -f alice@a.test -- list
	MEMORY=40000 # the members themselves
	peak "$(prog queuerun)" -C "$T/a/facteur.conf"
	[ "$(queued a)" -eq 0 ]
	[ "$(letters "$T/a/mail/bob")" -eq 1 ]
	[ "$(letters "$T/a/mail/kim")" -eq 1 ]
	[ "$(grep -c 'to=<m[0-9]*@b.test>.*status=sent' "$T/a/log")" -eq 9998 ]
}

@test "what is told of 20,000 members does not keep the queue" {
	printf '%s\n' "list: :include:$T/a/list" 'owner-list: kim' >> "$T/a/aliases"
	seq -f 'm%g@b.test' 20000 > "$T/a/list" # nobody listens there
	printf 'Subject: x\n\nx\n' | send a -f alice@a.test -- list
	queue a
	# s of CPU, of which it takes a tenth
	(ulimit -t 10; queue a -T $(($(date +%s) + 20000)))
	[ "$(grep -c '^Action: delayed' "$T/a/mail/kim")" -eq 20000 ]
	(ulimit -t 10; queue a -T $(($(date +%s) + 1000000)))
	[ "$(queued a)" -eq 0 ]
	[ "$(grep -c '^Action: failed' "$T/a/mail/kim")" -eq 20000 ]
}

@test "a list of 20,000 users is no work at the door" {
	seq -f 'm%g:x:20001:20001::/nonexistent:/bin/sh' 20000 >> "$T/a/passwd"
	echo "list: :include:$T/a/list" >> "$T/a/aliases"
	(seq -f 'm%g' 20000; echo nosuch) > "$T/a/list"
	# s of CPU, of which it takes a twentieth
	printf '%s\n' 'EHLO x' 'MAIL FROM:<kim@a.test>' 'RCPT TO:<list@a.test>' QUIT |
	    (ulimit -t 5; smtpd a) > "$T/got"
	grep -q '^250 2.1.5' "$T/got"
	"$(prog queuerun)" -C "$T/a/facteur.conf" -n list@a.test > "$T/got"
	[ "$(grep -c 'mailbox of user m' "$T/got")" -eq 20000 ]
	grep -q 'nosuch.*5.1.1' "$T/got"
}

@test "a table of 100,000 aliases" {
	seq -f 'n%g: bob' 100000 >> "$T/a/aliases"
	printf 'Subject: x\n\nx\n' | send a -f kim@a.test -- n1 n50000 n100000
	queue a
	[ "$(letters "$T/a/mail/bob")" -eq 1 ]
	[ "$(grep -c 'status=sent' "$T/a/log")" -ge 1 ]
}
