# mailq - what it shows of the queue, in which form, and what it does to it.

load lib

setup()
{
	test_begin
	instance a a.test
	make_queue
}

teardown() { test_end; }

# put DIR ID TIME SENDER BODY RCPT... [-- JOURNAL-LINE...]: a message as spool(5)
# has it.
put()
{
	mkdir -p "$D/spool/$1"
	python3 - "$D/spool" "$@" <<-'END'
		import os, sys
		spool, d, id, t, sender, body, *rest = sys.argv[1:]
		cut = rest.index("--") if "--" in rest else len(rest)
		env = "time %s.000001\nsender %s\n" % (t, sender)
		env += "".join("rcpt - - %s\n" % r for r in rest[:cut]) + "\n"
		body = os.fsencode(body)
		env = os.fsencode(env)
		journal = "".join(j + "\n" for j in rest[cut + 1:])
		all, a, b, m = env + body, 0, 0, 2**64 - 1
		for i in range(0, len(all) // 8 * 8, 8):
		    a = a + int.from_bytes(all[i:i + 8], "little") & m
		    b = b + a & m
		rest8 = all[len(all) // 8 * 8:]
		a = a + int.from_bytes(rest8, "little") + len(rest8) + 1 & m
		sum = (b + a & m) ^ (a << 32 & m | a >> 32)
		head = b"facteur-spool 1 %08x %016x %016x\n" % (
		    59 + len(env), len(body), sum)
		with open("%s/%s/%s" % (spool, d, id), "wb") as f:
		    f.write(head + env + body + os.fsencode(journal))
		st = os.stat(spool)
		os.chown("%s/%s/%s" % (spool, d, id), st.st_uid, st.st_gid)
	END
}

# deferred ADDRESS N TEXT [RELAY]: a line of the journal.
deferred()
{
	printf 'd\t%s\t1795290001\t4.4.1\t%s\t%s\t%s\t.' "$2" "$1" \
	    "${4-none}" "$3"
}

ATTEMPT=$'a\t-\t1795290002\t\t\t\t\t.'
LATER=4000000020 # a due time that only a wrong clock gives
ONE=1NFV1P000004W1
TWO=1NFV1P000004W2
THREE=1NFV1P000004W3

# The same for each test.
make_queue()
{
	local once=$BATS_FILE_TMPDIR/spool
	refused='connect to mx.b.test[192.0.2.1]:25: Connection refused'
	[ ! -e "$once" ] || { cp -a "$once"/* "$D/spool"; return; }
	put q/$LATER $ONE 1795290841 alice@a.test "$(printf '%01234d' 0)" \
	    kim@b.test lee@b.test done@b.test x@c.test -- \
	    $'s\t2\t1795290001\t2.0.0\tdone@b.test\tmx.b.test[192.0.2.1]:25\tok\t.' \
	    "$(deferred kim@b.test 0 'an old reason')" "$ATTEMPT" \
	    "$(deferred kim@b.test 0 "$refused")" \
	    "$(deferred lee@b.test 1 "$refused")" \
	    "$(deferred x@c.test 3 'short')" "$ATTEMPT"
	put hold $TWO 1795290842 '' $'Subject: x\n\nhold' kim@c.test
	put q/$LATER $THREE 1795290843 bob@a.test xx list@a.test -- \
	    $'s\t0\t1795290001\t2.0.0\tbob\tlocal\tok\t.' \
	    "$(deferred kim@c.test 0 "$(printf 'r%.0s' {1..90})")" "$ATTEMPT"
	mkdir "$once"
	cp -a "$D/spool"/{q,hold} "$once"
}

q()
{
	"$(prog mailq)" -C "$C" "$@"
}

# where ID: the directory in which a message lies.
where()
{
	(cd "$D/spool" && find . -name "$1" -printf '%h\n')
}

@test "the short form, byte for byte" {
	export TZ=UTC
	diff <(q) - <<-END
		-Queue ID-  --Size-- ----Arrival Time---- -Sender/Recipient-------
		$ONE    1234 Sat Nov 21 19:54:01  alice@a.test
		                      (connect to mx.b.test[192.0.2.1]:25: Connection refused)
		                                         kim@b.test
		                                         lee@b.test
		                                                                       (short)
		                                         x@c.test

		$THREE       2 Sat Nov 21 19:54:03  bob@a.test
		($(printf 'r%.0s' {1..90}))
		                                         list@a.test

		$TWO!      16 Sat Nov 21 19:54:02  MAILER-DAEMON
		                                         kim@c.test

		-- 1 Kbytes in 3 Requests.
	END
}

@test "one request, and none" {
	q delete $ONE $TWO
	[ "$(q | tail -n 1)" = '-- 0 Kbytes in 1 Request.' ]
	q delete all
	[ "$(q)" = 'Mail queue is empty' ]
	[ -z "$(q -j)" ]
	[ "$(q -s)" = '      0 recipients wait' ]
}

@test "a reason that is not known behind one that is" {
	export TZ=UTC
	put q/$LATER $ONE 1795290841 alice@a.test x kim@b.test lee@b.test -- \
	    "$(deferred kim@b.test 0 why)"
	q | grep -A3 "$ONE" > "$T/out"
	diff "$T/out" - <<-END
		$ONE       1 Sat Nov 21 19:54:01  alice@a.test
		                                                                         (why)
		                                         kim@b.test
		                                                          (reason unavailable)
	END
}

@test "what somebody works on is marked, what is to be returned too" {
	put new 1NFV1P000004W9 1795290843 bob@a.test x kim@b.test
	q | grep -E '^1NFV1P000004W9  '
	exec 5< "$D/spool/new/1NFV1P000004W9"
	flock 5
	q | grep -E '^1NFV1P000004W9\*  '
	[[ $(q -j) == *'"queue_name": "active", "queue_id": "1NFV1P000004W9"'* ]]
	exec 5<&-
	[[ $(q -j) == *'"queue_name": "incoming", "queue_id": "1NFV1P000004W9"'* ]]
	q bounce $ONE
	q | grep -E "^$ONE#  "
}

@test "-v adds attempts and the time of the next" {
	export TZ=UTC
	q -v | grep -x ' *attempts 2, next Tue Oct  2 07:07:00 2096'
	q -v | grep -x ' *attempts 0, next never'
}

@test "-v says how the host was reached last" {
	local id=1NFV1P000004W9 relay='mx.b.test[192.0.2.1]:25, TLSv1.3, level dane: TLSA records of mx.b.test'
	put q/$LATER $id 1795290843 bob@a.test xx kim@b.test lee@b.test -- \
	    "$(deferred kim@b.test 0 'not now' "$relay")" \
	    "$(deferred lee@b.test 1 'not now' "$relay")" "$ATTEMPT" \
	    "$(deferred lee@b.test 1 'no answer')" "$ATTEMPT"
	q -v | grep -xA 1 ' *kim@b.test' | grep -xF "$(printf '%41s%s' '' "$relay")"
	[ -z "$(q -v | grep -xA 1 ' *lee@b.test' | grep dane)" ]
	[ -z "$(q | grep dane)" ]
}

@test "-j: a JSON object each, with Postfix's keys and next_attempt" {
	q -j > "$T/json"
	python3 - "$T/json" $ONE $TWO $THREE <<-'END'
		import json, sys
		one, three, two = map(json.loads, open(sys.argv[1]))
		assert one == {
		    "queue_name": "deferred", "queue_id": sys.argv[2],
		    "arrival_time": 1795290841, "message_size": 1234,
		    "forced_expire": False, "sender": "alice@a.test",
		    "recipients": [
		        {"address": "kim@b.test", "delay_reason":
		         "connect to mx.b.test[192.0.2.1]:25: Connection refused"},
		        {"address": "lee@b.test", "delay_reason":
		         "connect to mx.b.test[192.0.2.1]:25: Connection refused"},
		        {"address": "x@c.test", "delay_reason": "short"}],
		    "next_attempt": 4000000020}, one
		assert two["queue_name"] == "hold" and two["next_attempt"] is None
		assert two["sender"] == "MAILER-DAEMON"
		assert two["recipients"] == [{"address": "kim@c.test"}]
		assert three["recipients"][0]["address"] == "list@a.test"
	END
}

@test "hostile text in the spool reaches no terminal and breaks no JSON" {
	put q/$LATER $ONE 1795290841 $'a\xff[31m"\\@a.test' x kim@b.test -- \
	    "$(deferred kim@b.test 0 $'\e]0;x\a \x7f"\\ \xff')"
	put q/$LATER $TWO 1795290841 $'a\e[31m@a.test' x kim@b.test
	[ "$(q 2>&1 | tr -d '\n -~\377' | wc -c)" -eq 0 ]
	[[ $(q 2>&1) == *"$TWO: the queue file is damaged"* ]]
	[[ $(q) == *$'a\xff[31m"\\@a.test'* ]]
	q -j > "$T/json"
	python3 -c 'import json, sys
o = [json.loads(l) for l in open(sys.argv[1])][0]
assert o["sender"] == "a\u00ff[31m\"\\@a.test", o
assert o["recipients"][0]["delay_reason"] == "?]0;x? ?\"\\ \u00ff", o' "$T/json"
}

@test "files that are no messages are passed over" {
	printf 'facteur-spool 1 %08x %016x %016x\n' 0 0 0 > "$D/spool/new/1NFV1P000004WA"
	: > "$D/spool/new/1NFV1P000004WB"
	: > "$D/spool/new/tmp.1.2.3"
	head -c 100 /dev/urandom > "$D/spool/new/1NFV1P000004WC"
	: > "$D/spool/q/$LATER/README"
	mkfifo "$D/spool/q/$LATER/1NFV1P000004WD"
	run timeout 10 "$(prog mailq)" -C "$C"
	[ "$status" -eq 0 ]
	[[ $output == *'in 3 Requests.' ]]
	[[ $output == *'1NFV1P000004WC: the queue file is damaged'* ]]
}

@test "-s: how many wait for which destination, and why" {
	diff <(q -s) - <<-END
		      2 b.test                         connect to mx.b.test[192.0.2.1]:25: Connection refused
		      1 a.test                         $(printf 'r%.0s' {1..90})
		      1 c.test                         short
		      1 c.test                         hold
		      5 recipients wait
	END
}

@test "selectors: id, from, to, domain, reason, age, all" {
	local n=0
	put q/$LATER 1NFV1P000004W5 "$(date +%s)" kim@b.test x young@d.test
	while read -r count words; do
		# shellcheck disable=SC2086
		run q show $words
		echo "$words: $status, $(grep -o 'facteur-spool 1' <<< "$output" | wc -l)"
		[ "$(grep -o 'facteur-spool 1' <<< "$output" | wc -l)" -eq "$count" ]
		[ "$count" -eq 0 ] || [ "$status" -eq 0 ]
		[ "$count" -gt 0 ] || [ "$status" -eq 66 ]
		n=$((n + 1))
	done <<-END
		4 all
		1 $ONE
		2 $ONE $TWO
		0 1NFV1P000004W0
		1 from=alice@A.test
		1 from=
		1 from=<>
		1 to=lee@b.test
		0 to=done@b.test
		0 to=ee@b.test
		1 domain=B.TEST
		2 domain=c.test
		1 reason=refused
		0 reason=old
		3 older=1h
		1 younger=1h
		1 domain=c.test from=<>
		0 $ONE from=<>
		0 from=alice@a.test from=bob@a.test
	END
	[ "$n" -eq 19 ]
}

@test "words that select nothing: 64, and nothing is done" {
	for w in 'delete' 'delete older=x' 'delete foo' 'delete ../../x' \
	    'delete all foo=1' 'frobnicate all' '-j delete all' '-x'; do
		# shellcheck disable=SC2086
		run q $w
		echo "$w: $status $output"
		[ "$status" -eq 64 ]
	done
	[ "$(queued a)" -eq 3 ]
}

@test "delete" {
	run q delete from=alice@a.test
	[ "$output" = '1 message removed' ]
	[ -z "$(where $ONE)" ]
	[ "$(queued a)" -eq 2 ]
	grep -q "facteur/mailq\[[0-9]*\]: $ONE: removed" "$D/log"
	run q delete all
	[ "$output" = '2 messages removed' ]
	[ "$(queued a)" -eq 0 ]
}

@test "hold and release" {
	run q hold domain=b.test
	[ "$output" = '1 message placed on hold' ]
	[ "$(where $ONE)" = ./hold ]
	run q hold $ONE
	[ "$status" -eq 66 ]
	run q release $ONE $TWO
	[ "$output" = '2 messages released' ]
	[ "$(where $ONE)" = ./new ]
	[ "$(where $TWO)" = ./new ]
	run q release $THREE
	[ "$status" -eq 66 ]
}

@test "what was done is on the disk before it is said" {
	need strace
	export ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=0
	# synced FROM TO VERB...: both names are, the new one first.
	synced()
	{
		strace -y -o "$T/calls" -e trace=fsync,write \
		    "$(prog mailq)" -C "$C" "${@:3}"
		sed -n "s:^fsync([0-9]*<$D/spool/\(.*\)>) .*:\1:p
		    s:^write(1<.*:said:p" "$T/calls" > "$T/order"
		diff - "$T/order" <<< "${2:+$2$'\n'}$1"$'\nsaid'
	}
	synced q/$LATER hold hold $ONE
	synced hold new release $ONE
	synced new new bounce $ONE
	synced q/$LATER new retry $THREE
	synced hold '' delete $TWO
	run strace -o "$T/calls" -e trace=fsync \
	    -e inject=fsync:error=EIO "$(prog mailq)" -C "$C" hold all
	[ "$status" -eq 75 ]
	grep -q 'cannot sync: Input/output error' <<< "$output"
}

@test "retry: all, though the queuerun that is told ends meanwhile" {
	need strace
	exec 5<> "$D/spool/wake"
	strace -f -qq -o "$T/hit" -P "$D/spool/wake" -e trace=write \
	    -e inject=write:error=EPIPE:signal=PIPE \
	    "$(prog mailq)" -C "$C" retry $ONE $THREE
	exec 5<&-
	[ "$(grep -c INJECTED "$T/hit")" -eq 2 ]
	[ -e "$D/spool/new/$ONE" ]
	[ -e "$D/spool/new/$THREE" ]
}

@test "retry: tried now, and a lingering queuerun knows at once" {
	local soon=$((($(date +%s) / 60 + 60) * 60))
	run q retry $TWO
	[ "$status" -eq 66 ]
	q delete $ONE $TWO $THREE
	start run "$(prog queuerun)" -C "$C" -w 60
	wait_for lingers a
	put q/$soon $THREE 1795290843 bob@a.test $'A: b\n\nx' alice@a.test -- \
	    "$ATTEMPT"
	run q retry all
	[ "$output" = '1 message will be tried now' ]
	wait_for delivered a alice 1
	wait_for gone
}

gone() { [ "$(queued a)" -eq 0 ]; }

@test "bounce: what is left is returned by the next run" {
	put q/$LATER $ONE 1795290841 alice@a.test $'Subject: x\n\ny' kim@b.test -- \
	    "$(deferred kim@b.test 0 'the reason')" "$ATTEMPT"
	run q bounce $ONE
	[ "$output" = '1 message will be returned' ]
	q bounce $ONE
	[ "$(grep -c $'^x\t-' "$D/spool/new/$ONE")" -eq 1 ]
	queue a
	wait_for delivered a alice 1
	grep -q 'the reason' "$D/mail/alice"
	[ -z "$(where $ONE)" ]
}

@test "what is being delivered is left alone: 75" {
	exec 5< "$D/spool/q/$LATER/$ONE"
	flock 5
	for v in delete hold retry bounce; do
		(
			run q $v $ONE
			[ "$status" -eq 75 ]
			[[ $output == *"$ONE: is being delivered"* ]]
			: > "$T/$v.ok"
		) &
	done
	wait
	[ "$(echo "$T"/*.ok | wc -w)" -eq 4 ]
	[ "$(where $ONE)" = "./q/$LATER" ]
	exec 5<&-
}

@test "what another has his hand on for a moment is waited for" {
	need strace
	export ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=0
	strace -o "$T/calls" -e trace=flock -e inject=flock:error=EAGAIN:when=1 \
	    "$(prog mailq)" -C "$C" hold $ONE > "$T/said" 2>&1
	[ "$(cat "$T/said")" = '1 message placed on hold' ]
	grep -q INJECTED "$T/calls"
	[ "$(where $ONE)" = ./hold ]
}

@test "what is no longer meant after the waiting is left alone" {
	need strace
	export ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=0
	exec 5< "$D/spool/q/$LATER/$ONE"
	flock 5
	strace -o "$T/calls" -e trace=flock "$(prog mailq)" -C "$C" delete \
	    to=kim@b.test 5<&- > "$T/said" 2>&1 &
	wait_for grep EAGAIN "$T/calls"
	printf 's\t0\t1795290009\t2.0.0\tkim@b.test\tmx.b.test\tok\t.\n' \
	    >> "$D/spool/q/$LATER/$ONE"
	exec 5<&-
	status=0
	wait $! || status=$?
	[ "$status" -eq 66 ]
	[ "$(cat "$T/said")" = 'mailq: no such message' ]
	[ "$(where $ONE)" = "./q/$LATER" ]
}

@test "what is no longer meant when the lock is had is left alone" {
	need strace
	export ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=0
	strace -o "$T/calls" -e trace=flock -e inject=flock:signal=STOP:when=1 \
	    "$(prog mailq)" -C "$C" delete to=kim@b.test > "$T/said" 2>&1 3>&- &
	wait_for grep 'stopped by' "$T/calls"
	printf 's\t0\t1795290009\t2.0.0\tkim@b.test\tmx.b.test\tok\t.\n' \
	    >> "$D/spool/q/$LATER/$ONE"
	pkill -CONT -P $!
	status=0
	wait $! || status=$?
	[ "$status" -eq 66 ]
	[ "$(cat "$T/said")" = 'mailq: no such message' ]
	[ "$(where $ONE)" = "./q/$LATER" ]
}

@test "who is about to remove it has it to himself, due or not" {
	need strace
	export ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=0
	put new 1NFV1P000004W9 1795290843 bob@a.test x kim@b.test
	strace -o "$T/calls" -e trace=unlinkat \
	    -e inject=unlinkat:error=EIO:signal=STOP:when=1 \
	    "$(prog mailq)" -C "$C" delete 1NFV1P000004W9 > "$T/said" 2>&1 3>&- &
	wait_for grep 'stopped by' "$T/calls"
	run flock -n "$D/spool/new/1NFV1P000004W9" true
	pkill -CONT -P $!
	wait $! || :
	[ "$status" -eq 1 ]
}

@test "what another moves meanwhile is found where it is" {
	need strace
	export ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=0
	# It stops behind new/, before it comes to hold/.
	strace -o "$T/calls" -e trace=getdents64 \
	    -e inject=getdents64:signal=STOP:when=2 \
	    "$(prog mailq)" -C "$C" retry $TWO $THREE > "$T/said" 2>&1 3>&- &
	wait_for grep 'stopped by' "$T/calls"
	q hold $THREE
	q release $TWO
	pkill -CONT -P $!
	wait $!
	[ "$(cat "$T/said")" = '1 message will be tried now' ]
}

@test "show prints the file; a terminal gets it without controls" {
	cmp <(q show $TWO) "$D/spool/hold/$TWO"
	need script
	put hold $TWO 1795290842 '' $'Subject: x\n\n\e[31mred' kim@c.test
	script -qec "$(prog mailq) -C $C show $TWO" /dev/null > "$T/tty"
	grep -q '?\[31mred' "$T/tty"
}

@test "others than the owner may not do anything to it" {
	[ "$EUID" -eq 0 ] || skip 'needs two users'
	chmod 755 "$D/spool"/{new,q,hold} "$D/spool/q/$LATER"
	chmod 644 "$D/spool"/{hold,q/$LATER}/*
	for v in show delete hold release retry bounce; do
		run setpriv --reuid=nobody --regid=nogroup --clear-groups \
		    "$(prog mailq)" -C "$C" $v all
		[ "$status" -eq 77 ]
	done
	run setpriv --reuid=nobody --regid=nogroup --clear-groups \
	    "$(prog mailq)" -C "$C"
	[ "$status" -eq 0 ]
	[ "$(queued a)" -eq 3 ]
}

@test "a spool that is not there, or not to be read: 69, 77" {
	sed "s|^spool.*|spool $D/none|" "$C" > "$D/other"
	run "$(prog mailq)" -C "$D/other"
	[ "$status" -eq 69 ]
	[ "$EUID" -ne 0 ] || return 0
	chmod 0 "$D/spool/new"
	run q
	chmod 700 "$D/spool/new"
	[ "$status" -eq 77 ]
}

@test "a full output is an error: 74" {
	run bash -c '"$1" -C "$2" > /dev/full' - "$(prog mailq)" "$C"
	[ "$status" -eq 74 ]
	# ... also if what came last had its place in a buffer.
	put hold $TWO 1795290842 '' "Subject: x"$'\n\n'"$(seq 20000)" kim@c.test
	run bash -c '"$1" -C "$2" show "$3" > /dev/full' - "$(prog mailq)" \
	    "$C" $TWO
	[ "$status" -eq 74 ]
	run bash -c '"$1" -C "$2" -bv kim@c.test > /dev/full' - "$(prog sendmail)" "$C"
	[ "$status" -eq 74 ]
	for how in -E '-i c.test' '-n kim@a.test'; do
		run bash -c '"$1" -C "$2" $3 > /dev/full' - "$(prog queuerun)" "$C" "$how"
		echo "$how"
		[ "$status" -eq 74 ]
	done
}

@test "a queue that cannot be read is not empty: 74" {
	need strace
	export ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=0
	local n
	for n in 1 2; do
		run strace -o "$T/calls" -e trace=getdents64 \
		    -e inject=getdents64:error=EIO:when=$n \
		    "$(prog mailq)" -C "$C"
		[ "$status" -eq 74 ]
		[[ $output == *'Input/output error'* ]]
		# What could be read is shown.
		[[ $output == *$TWO* ]]
	done
}

@test "what of the queue cannot be read now is not passed over with a 0" {
	need strace
	export ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=0
	local call n rc what
	cp -a "$D/spool" "$T/was"
	for what in '' 'hold all'; do
		for call in openat newfstatat pread64; do
			for ((n = 1; n < 40; n++)); do
				rm -rf "$D/spool"
				cp -a "$T/was" "$D/spool"
				rc=0
				# shellcheck disable=SC2086
				strace -o "$T/calls" -e trace="$call" \
				    -e inject="$call:error=EIO:when=$n" \
				    "$(prog mailq)" -C "$C" $what \
				    > "$T/got" 2>&1 || rc=$?
				grep INJECTED "$T/calls" || break
				[ "$rc" -eq 0 ] || continue
				cat "$T/got"
				if [ -n "$what" ]; then
					[ -f "$D/spool/hold/$ONE" ]
					[ -f "$D/spool/hold/$THREE" ]
				else
					grep -q "$ONE" "$T/got"
					grep -q "$TWO" "$T/got"
					grep -q "$THREE" "$T/got"
				fi
			done
			[ "$n" -gt 4 ]
		done
	done
}

@test "ten thousand messages: flat memory, one open each" {
	need strace
	export ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=0
	python3 - "$D/spool" "$D/spool/q/$LATER/$THREE" <<-'END'
		import os, sys
		b = open(sys.argv[2], "rb").read()
		a = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
		for i in range(10000):
		    d = "%s/q/%010d" % (sys.argv[1], 4000000080 + i % 50 * 60)
		    os.makedirs(d, exist_ok=True)
		    n = "".join(a[i >> s & 31] for s in (15, 10, 5, 0))
		    open("%s/1NFV1Q00000%s" % (d, n), "wb").write(b)
	END
	(
		grep -q __asan "$(prog mailq)" || ulimit -d 4000 # kB
		q > "$T/out"
	)
	[ "$(tail -n 1 "$T/out")" = '-- 20 Kbytes in 10003 Requests.' ]
	strace -f --seccomp-bpf -o "$T/trace" -e trace=open,openat \
	    "$(prog mailq)" -C "$C" > /dev/null
	[ "$(wc -l < "$T/trace")" -lt 10200 ]
}
