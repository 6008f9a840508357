# postfix - letters between facteur, a.test, and Postfix, b.test: two hosts on
# a network of their own (netns.bash), each with both families and port 25, a
# real name server, and c, where scripted hosts are.  All tests share them.

load lib
load netns

setup_file()
{
	test_begin
	WHY=$(net_lacks)
	peer inetd > /dev/null && peer dnsmasq > /dev/null &&
	    [ -x "$PEERS/usr/lib/postfix/sbin/master" ] ||
		WHY='no inetd, dnsmasq or Postfix here'
	export WHY
	[ -z "$WHY" ] || return 0
	net_begin
	net_host a 1
	net_host b 2
	net_host c 3
	net_addresses c eth0 4
	stages > "$T/stages" 4> "$T/addresses"
	on c ip -batch "$T/addresses"
	names
	net_facteur a 'smtp_timeout 8s' 'domains köln.test many.test' \
	    'mailbox_limit 100K'
	mkdir -p "$T/b/etc"
	printf '%s\n' 'kåre kim' 'gone nosuch' > "$T/b/etc/aliases"
	printf '%s\n' 'later@b.test 450 4.2.0 greylisted' \
	    'never@b.test 550 5.7.1 not you' > "$T/b/etc/access"
	net_postfix b "alias_maps = texthash:$T/b/etc/aliases" \
	    'mydestination = b.test alias.test second.test nomx.test six.test half.test
	     xn--bcher-kva.test' \
	    'smtpd_recipient_restrictions = check_recipient_access
	     texthash:$meta_directory/access permit_mynetworks
	     reject_unauth_destination' \
	    'smtp_destination_concurrency_limit = 1' \
	    'initial_destination_concurrency = 1' \
	    'smtp_connection_cache_destinations = many.test' \
	    'smtp_connection_cache_time_limit = 8s'
}

teardown_file() { test_end; }

setup()
{
	[ -z "$WHY" ] || skip "$WHY"
	D=$T/a
	printf '%s\n' 'postmaster: alice' 'jörg: bob' > "$D/aliases"
	on a find "$D/mail" "$T/b/mail" "$D/spool/hosts" "$D/spool/new" \
	    "$D/spool/q" -type f -delete
	: > "$D/log"
	: > "$T/b/log"
}

teardown()
{
	stop scripted
	[ -z "${BATS_TEST_COMPLETED-}${WHY-}" ] || return 0
	tail -n 25 "$T"/{a,b}/log
	post b postsuper -d ALL # nothing for the next test
}

# The name server's knowledge.  What dnsmasq would never say dnsd.py says.
names()
{
	local n addr name zone=()
	while read -r n; do
		zone+=("--$n")
	done <<-END
		mx-host=a.test,mx.a.test,10
		host-record=mx.a.test,$V4.1,$V6::1
		mx-host=xn--kln-sna.test,mx.a.test,10
		mx-host=many.test,mx.a.test,10
		mx-host=b.test,mx.b.test,10
		host-record=mx.b.test,$V4.2,$V6::2
		mx-host=second.test,dead.c.test,5
		mx-host=second.test,nowhere.test,7
		mx-host=second.test,mx.b.test,10
		host-record=dead.c.test,$V4.3,$V6::3
		host-record=dead2.c.test,$V4.4,$V6::4
		host-record=nomx.test,$V4.2
		dns-rr=null.test,15,000000
		mx-host=self.test,a.test,10
		mx-host=mirror.test,mx.a.test,10
		mx-host=backup.test,dead2.c.test,5
		mx-host=backup.test,a.test,10
		mx-host=backup.test,mx.b.test,20
		mx-host=six.test,mx.six.test,10
		host-record=mx.six.test,$V6::2
		host-record=half.test,$V4.2,$V6::3
		mx-host=xn--bcher-kva.test,mx.b.test,10
		host-record=b.test,$V4.2
		cname=alias.test,b.test
		mx-host=f.test,mx.f.test,10
		host-record=mx.f.test,$V6::6
		mx-host=off.test,mx.off.test,10
		host-record=mx.off.test,203.0.113.1,2001:db8:1::1
		server=/servfail.test/$V4.54
	END
	net_addresses net br0 54
	start_on net dnsd python3 "$REPO/tests/dnsd.py" "$V4.54" 53 \
	    "$T/dnsd.ready" servfail.test=servfail
	wait_for test -e "$T/dnsd.ready"
	while IFS=$'\t' read -r addr _ name _; do
		zone+=("--host-record=${name##*/}.test,$addr")
	done < "$T/stages"
	net_dns "${zone[@]}"
}

# The scripted hosts, as crowd.py takes them: STAGE-ACTION.test each.
stages()
{
	local st act i=100 script
	for st in greet ehlo mail rcpt data body dot; do
		for act in 4 5 hang close; do
			[[ $st$act != body[45] ]] || continue
			case $act in
			4) script="$st=450 4.7.1 later" ;;
			5) script="$st=550 5.7.1 never" ;;
			*) script="$st=$act" ;;
			esac
			[[ $st$act != ehlo5 ]] ||
				script+=$'\thelo=550 5.7.1 never'
			printf '%s\t25\t%s\t%s\n' "$V4.$i" \
			    "$T/stage/$st-$act" "$script"
			echo "address add $V4.$i/24 dev eth0" >&4
			i=$((i + 1))
		done
	done
}

# letter [OPTION...] -- RCPT...: from alice@a.test, by sendmail.
letter()
{
	printf 'Subject: a letter\n\nhello\n' |
		send a -i -f alice@a.test "$@"
}

# answer [OPTION...] -- RCPT...: from kim@b.test, by Postfix's sendmail.
answer()
{
	printf 'Subject: an answer\n\nhello\n' |
		post b sendmail -i -f kim@b.test "$@"
}

# run_queue [OPTION...]: a queue run of a.test.
run_queue() { run_queue_of a "$@"; }
run_queue_of() { on "$1" "$(prog queuerun)" -C "$T/$1/facteur.conf" "${@:2}"; }

# arrives USER COUNT [HOST]: has a queue run brought so many letters by now?
arrives()
{
	run_queue_of "${3-a}"
	delivered "${3-a}" "$1" "$2"
}

postfix_is_done() { [[ $(post b postqueue -p) == 'Mail queue is empty' ]]; }

reports() { python3 "$REPO/tests/reports.py" "$1"; }

# logged ADDRESS: what came of it: "STATUS DSN RELAY TEXT", the last time.
logged()
{
	sed -nE "s/.*: to=<$1>, (orig_to=[^ ]* )?relay=([^,]*), .*dsn=([^,]*), status=([a-z]*) \((.*)\)\$/\4 \3 \2 \5/p" \
	    "$D/log" | tail -n 1
}


# A letter with whatever lines may be spoiled on the way.
all_sorts()
{
	printf 'Subject: all sorts\nMIME-Version: 1.0\n'
	printf 'Content-Type: text/plain; charset=utf-8\n'
	printf 'Content-Transfer-Encoding: 8bit\n\n'
	printf '.\n..\nFrom me\n>From you\n\ttab  \n\n.x\n'
	printf 'été, ñandú, 郵便屋\n%0990d\n' 0
}

@test "a letter each way arrives byte for byte" {
	all_sorts > "$T/sorts"
	send a -i -f alice@a.test jo@b.test < "$T/sorts"
	run_queue
	[[ $(logged jo@b.test) == "sent 2.0.0 mx.b.test["*"]:25 250 2.0.0 Ok: "* ]]
	wait_for delivered b jo 1
	grep -q '^From alice@a.test ' "$T/b/mail/jo"
	# Postfix's mbox does not tell these two apart.
	diff <(body "$T/b/mail/jo") <(sed '1,5d; s/^>From you/From you/' "$T/sorts")
	post b sendmail -i -f jo@b.test -B 8BITMIME alice@a.test < "$T/sorts"
	wait_for arrives alice 1
	diff <(body "$D/mail/alice") <(sed 1,5d "$T/sorts")
	grep -q '^Return-Path: <jo@b.test>$' "$D/mail/alice"
	grep -q '^Received: from mx.b.test (' "$D/mail/alice"
	wait_for grep 'disconnect from .* ehlo=1 mail=1 rcpt=1 data=1 quit=1 commands=5$' "$D/log"
}

@test "addresses in UTF-8 and domains that are not ASCII, each way" {
	printf 'Subject: grüße\n\nété\n' > "$T/m"
	send a -i -f alice@a.test 'kåre@b.test' jo@bücher.test < "$T/m"
	run_queue
	wait_for delivered b kim 1
	wait_for delivered b jo 1
	[[ $(logged 'kåre@b.test') == "sent 2.0.0 mx.b.test["* ]]
	grep -q '^	for <jo@xn--bcher-kva.test>' "$T/b/mail/jo"
	grep -q '^Subject: grüße$' "$T/b/mail/kim"
	grep -q 'with UTF8SMTP' "$T/b/mail/kim"
	post b sendmail -i -f kim@b.test 'jörg@a.test' alice@köln.test \
	    alice@xn--kln-sna.test < "$T/m"
	wait_for arrives bob 1
	wait_for arrives alice 2
	grep -q 'with UTF8SMTP' "$D/mail/bob"
	grep -q '^Subject: grüße$' "$D/mail/bob"
	# Nobody there: refused, and reported in UTF-8.
	rm "$T/b/mail/kim" "$D/mail/alice"
	send a -i -f alice@a.test 'nønexistent@b.test' < "$T/m"
	wait_for arrives alice 1
	[[ $(reports "$D/mail/alice") == 'nønexistent@b.test|failed|5.1.1|mx.b.test|smtp; 550 5.1.1 '* ]]
	post b sendmail -i -f kim@b.test 'nønexistent@a.test' < "$T/m"
	wait_for delivered b kim 1
	[[ $(reports "$T/b/mail/kim") == 'nønexistent@a.test|failed|5.1.1|mx.a.test|'* ]]
}

@test "a host with nothing but IPv6" {
	[ -e "$T/pid/inetd-f" ] || {
		net_host f 6
		on f ip -4 address flush dev eth0
		echo "nameserver $V6::53" > "$T/etc-f/resolv.conf"
		net_facteur f
	}
	D=$T/f
	printf 'Subject: six\n\nsix\n' |
		send f -i -f kim@f.test jo@b.test alice@a.test jo@nomx.test
	run_queue_of f
	[[ $(logged jo@b.test) == "sent 2.0.0 mx.b.test[$V6::2]:25 "* ]]
	[[ $(logged alice@a.test) == "sent 2.0.0 mx.a.test[$V6::1]:25 "* ]]
	# That one has nothing but IPv4: who knows, tomorrow.
	[[ $(logged jo@nomx.test) == *"deferred 4.4.1 nomx.test[$V4.2]:25 connect to nomx.test[$V4.2]:25: Network is unreachable" ]]
	wait_for delivered b jo 1
	wait_for arrives alice 1
	grep -qF "Received: from f.test (unknown [IPv6:$V6::6])" "$T/a/mail/alice"
	# Between two of ours there is BDAT.
	wait_for grep 'disconnect from .* bdat=1 ' "$T/a/log"
	answer -- kim@f.test
	wait_for arrives kim 1 f
	grep -qF "Received: from mx.b.test (unknown [IPv6:$V6::2])" "$D/mail/kim"
}

@test "unknown users: refused at the door, and the sender is told, each way" {
	# Postfix hears it from us.
	answer -- nosuch@a.test
	wait_for delivered b kim 1
	[[ $(reports "$T/b/mail/kim") == 'nosuch@a.test|failed|5.1.1|mx.a.test|smtp; 550 5.1.1 <nosuch@a.test>: '* ]]
	grep -qE 'smtpd.*: NOQUEUE: reject: RCPT from [^ ]+: 550 5.1.1 <nosuch@a.test>: Recipient address rejected: .*; from=<kim@b.test> to=<nosuch@a.test> proto=ESMTP helo=<mx.b.test>$' "$D/log"
	[ "$(queued a)" -eq 0 ]
	# We hear it from Postfix.
	letter -- nosuch@b.test
	wait_for arrives alice 1
	[[ $(logged nosuch@b.test) == "bounced 5.1.1 mx.b.test["*"]:25 host mx.b.test["*"] said: 550 5.1.1 "* ]]
	[[ $(reports "$D/mail/alice") == 'nosuch@b.test|failed|5.1.1|mx.b.test|smtp; 550 5.1.1 <nosuch@b.test>: '* ]]
	[ "$(queued a)" -eq 0 ]
}

@test "what is known too late is bounced to the other host" {
	# Postfix took it, and sends its report here.
	letter -- gone@b.test
	run_queue
	[[ $(logged gone@b.test) == "sent "* ]]
	wait_for arrives alice 1
	[[ $(reports "$D/mail/alice") == 'nosuch@b.test|failed|5.1.1||X-Postfix; unknown user: "nosuch"' ]]
	grep -q '^Return-Path: <>$' "$D/mail/alice"
	# We took it, and ours goes there.
	echo 'forward: nosuch@b.test' >> "$D/aliases"
	answer -- forward@a.test
	wait_for bounced_to kim
	grep -q 'from=<>, size=[0-9]*, nrcpt=1 (queue active)' "$D/log"
	[[ $(reports "$T/b/mail/kim") == 'nosuch@b.test|failed|5.1.1|mx.b.test|smtp; 550 5.1.1 '* ]]
	wait_for postfix_is_done
	[ "$(queued a)" -eq 0 ]
}

bounced_to()
{
	run_queue
	delivered b "$1" 1
}

@test "refused for now: each side keeps it and comes again" {
	letter -- later@b.test never@b.test jo@b.test
	run_queue
	[[ $(logged later@b.test) == "deferred 4.2.0 mx.b.test["*"said: 450 4.2.0 <later@b.test>: "*"greylisted (in reply to RCPT TO command)" ]]
	[[ $(logged never@b.test) == "bounced 5.7.1 mx.b.test["* ]]
	[[ $(logged jo@b.test) == "sent "* ]]
	wait_for delivered b jo 1
	[ "$(queued a)" -eq 1 ]
	# A full mailbox here.
	head -c 200000 /dev/zero > "$D/mail/bob"
	answer -- bob@a.test
	wait_for grep -q 'status=deferred (host mx.a.test.* said: 452 4.2.2 ' "$T/b/log"
	grep -q 'NOQUEUE: reject: RCPT from .*: 452 4.2.2 <bob@a.test>: ' "$D/log"
	rm "$D/mail/bob"
	post b postqueue -f
	wait_for arrives bob 1
	[ "$(letters "$T/b/mail/jo")" -eq 1 ]
}

@test "DSN parameters go through, each way" {
	letter -N success -V 'order 7' -R hdrs -- jo@b.test
	run_queue
	wait_for arrives alice 1
	[[ $(reports "$D/mail/alice") == 'jo@b.test|delivered|2.0.0||X-Postfix; '* ]]
	grep -q '^Original-Envelope-Id: order 7$' "$D/mail/alice"
	grep -q '^Original-Recipient: rfc822;jo@b.test$' "$D/mail/alice"
	grep -q '^Content-Type: text/rfc822-headers' "$D/mail/alice"
	answer -N success -V 'order=8' -R hdrs -- bob@a.test
	wait_for bounced_to kim
	delivered a bob 1
	[[ $(reports "$T/b/mail/kim") == 'bob@a.test|delivered|2.0.0||'* ]]
	grep -q '^Original-Envelope-Id: order=8$' "$T/b/mail/kim"
	grep -q '^Original-Recipient: rfc822;bob@a.test$' "$T/b/mail/kim"
	# Never is never.
	rm -f "$D/mail/alice" "$T/b/mail/kim"
	letter -N never -- nosuch@b.test
	run_queue
	[[ $(logged nosuch@b.test) == "bounced "* ]]
	answer -N never -- nosuch@a.test
	wait_for grep -q 'to=<nosuch@a.test>.*status=bounced' "$T/b/log"
	wait_for postfix_is_done
	run_queue
	[ "$(queued a)" -eq 0 ]
	[ ! -e "$D/mail/alice" ]
	[ ! -e "$T/b/mail/kim" ]
}

@test "twenty letters share a connection, each way" {
	local i
	for i in {1..20}; do
		letter -- jo@b.test
	done
	run_queue
	wait_for delivered b jo 20
	[ "$(grep -c 'smtpd.*: connect from ' "$T/b/log")" -eq 1 ]
	wait_for grep 'disconnect from .* ehlo=1 mail=20 rcpt=20 bdat=20 .*quit=1 ' "$T/b/log"
	for i in {1..20}; do
		answer -- bob@many.test
	done
	wait_for arrives bob 20
	wait_for grep -q 'disconnect from .* mail=20 rcpt=20 data=20 ' "$D/log"
}

@test "where the mail goes: all that the name server may say" {
	local d want t0
	t0=$(date +%s)
	while read -r d want; do
		letter -- "jo@$d"
	done < <(destinations)
	run_queue
	while read -r d want; do
		# shellcheck disable=SC2053
		[[ $(logged "jo@${d/bücher/xn--bcher-kva}") == $want ]] || {
			echo "$d: $(logged "jo@$d"), not $want"
			return 1
		}
	done < <(destinations)
	wait_for delivered b jo 6
	# What failed for good was told at once, the rest after four hours...
	reports "$D/mail/alice" | sort | diff - <(told failed bounced)
	rm "$D/mail/alice" "$D"/spool/hosts/*
	run_queue -T $((t0 + 18000))
	reports "$D/mail/alice" | sort | diff - <(told delayed deferred)
	# ... and given up after five days.
	rm "$D/mail/alice" "$D"/spool/hosts/*
	run_queue -T $((t0 + 6 * 86400))
	reports "$D/mail/alice" | cut -d '|' -f 1-3 | sort |
		diff - <(destinations | sed -n 's/\([^ ]*\) deferred .*/jo@\1|failed|5.4.7/p' | sort)
	[ "$(queued a)" -eq 0 ]
}

# DOMAIN OUTCOME
destinations()
{
	cat <<-END
		second.test sent 2.0.0 mx.b.test[[]*]:25 250 2.0.0 Ok*
		nomx.test sent 2.0.0 nomx.test[[]$V4.2]:25 250 2.0.0 Ok*
		six.test sent 2.0.0 mx.six.test[[]$V6::2]:25 250 2.0.0 Ok*
		half.test sent 2.0.0 half.test[[]$V4.2]:25 250 2.0.0 Ok*
		bücher.test sent 2.0.0 mx.b.test[[]*]:25 250 2.0.0 Ok*
		alias.test sent 2.0.0 *.b.test[[]*]:25 250 2.0.0 Ok*
		null.test bounced 5.1.10 none null.test: the domain takes no mail (null MX)
		nx.test bounced 5.1.2 none nx.test: no such domain
		self.test bounced 5.4.6 none mail for self.test loops back to myself
		mirror.test bounced 5.4.6 mx.a.test[[]*]:25 mail loops back to myself: mx.a.test[[]*] has my own name
		backup.test deferred 4.4.1 dead2.c.test[[]*]:25 connect to dead2.c.test[[]*]:25: Connection refused
		servfail.test deferred 4.4.3 none servfail.test: the name server did not answer
		off.test deferred 4.4.1 mx.off.test[[]*]:25 connect to mx.off.test[[]*]:25: Network is unreachable
	END
}

# told ACTION STATUS: what reports says of those, from the log.
told()
{
	local d want status dsn relay text
	while read -r d want; do
		read -r status dsn relay text <<< "$(logged "jo@$d")"
		[ "$status" = "$2" ] || continue
		relay=${relay%%[*}
		echo "jo@$d|$1|$dsn|${relay/none/}|x-facteur; $text"
	done < <(destinations) | sort
}

@test "a host that refuses, hangs or hangs up at each stage" {
	local addr dir script name act want
	start_on c scripted python3 "$REPO/tests/crowd.py" "$T/stages"
	wait_for all_ready
	while IFS=$'\t' read -r addr _ dir script; do
		letter -- "jo@${dir##*/}.test"
	done < "$T/stages"
	SECONDS=0
	run_queue
	# They do not wait for each other, and the reports not for them.
	[ "$SECONDS" -le 35 ]
	run grep -cE 'to=<alice@a.test>.* delays=[^/]*/([89]|[1-9][0-9])' "$D/log"
	[ "$output" = 0 ]
	while IFS=$'\t' read -r addr _ dir script; do
		name=${dir##*/} act=${dir##*-}
		case $act in
		4) want="deferred 4.7.1 $name.test[$addr]:25 host $name.test[$addr] * 450 4.7.1 later*" ;;
		5) want="bounced 5.7.1 $name.test[$addr]:25 host $name.test[$addr] * 550 5.7.1 never*" ;;
		hang) want="deferred 4.4.2 $name.test[$addr]:25 conversation with $name.test[$addr] timed out while *" ;;
		close) want="deferred 4.4.2 $name.test[$addr]:25 lost connection with $name.test[$addr] while *" ;;
		esac
		# shellcheck disable=SC2053
		[[ $(logged "jo@$name.test") == ${want//[/[[]} ]] || {
			echo "$name: $(logged "jo@$name.test"), not $want"
			return 1
		}
	done < "$T/stages"
	# Of what failed for good, and only of that, the sender was told.
	reports "$D/mail/alice" | sort > "$T/told"
	for name in data dot ehlo greet mail rcpt; do
		echo "jo@$name-5.test|failed|5.7.1|$name-5.test|smtp; 550 5.7.1 never"
	done | diff "$T/told" -
	[ "$(queued a)" -eq "$(grep -cv -- '-5	' "$T/stages")" ]
}

all_ready()
{
	[ "$(find "$T/stage" -name ready | wc -l)" -eq "$(wc -l < "$T/stages")" ]
}

@test "the log of a day: pflogsumm counts right, fail2ban sees who was refused" {
	need pflogsumm
	# Three letters come from Postfix and one that is refused; a stranger
	# is refused twice.
	answer -- bob@a.test
	answer -- bob@a.test
	answer -- bob@a.test
	wait_for arrives bob 3
	answer -- nosuch@a.test
	wait_for grep -q 'NOQUEUE: reject' "$D/log"
	on b python3 "$REPO/tests/talk.py" "$V4.1" 25 <<-'END' > "$T/talk"
		EHLO evil.test
		MAIL FROM:<a@evil.test>
		RCPT TO:<victim@elsewhere.test>
		RSET
		MAIL FROM:<a@evil.test> SIZE=999999999999
		QUIT
	END
	grep -q '^554 5.7.1 ' "$T/talk"
	grep -q '^552 5.3.4 ' "$T/talk"
	# Of alice's four two arrive at b.test, one comes back, and one has to
	# wait, twice.  A fourth from Postfix goes to two places.
	echo 'kim: \kim, kim@b.test' >> "$D/aliases"
	letter -- jo@b.test
	letter -- jo@b.test
	letter -- nosuch@b.test
	letter -- jo@servfail.test
	answer -- kim@a.test
	wait_for arrives kim 1
	run_queue -R servfail.test
	wait_for delivered b jo 2
	wait_for arrives alice 1
	pflogsumm --syslog_name=facteur --smtpd_stats "$D/log" > "$T/summary"
	diff - <(sed -n '/^messages/,/^Per-Hour/s/^ *\([1-9].*\)/\1/p' "$T/summary" |
	    grep -v -e bytes -e hosts/domains) <<-'END'
		8   received
		8   delivered
		1   deferred  (2  deferrals)
		1   bounced
		3   rejected (27%)
		2   senders
		5   recipients
		6   connections
	END
	grep -q '1   User unknown in local recipient table' "$T/summary"
	grep -q '2   servfail.test: the name server did not answer' "$T/summary"
	for want in smtp\ delivery\ failures Warnings Fatal\ Errors Panics; do
		grep -q "^$want: none" "$T/summary"
	done
	need fail2ban-regex
	cp -r "$PEERS/etc/fail2ban" "$T/fail2ban" 2> /dev/null ||
		cp -r /etc/fail2ban "$T/fail2ban"
	cp "$REPO/etc/fail2ban/filter.conf" "$T/fail2ban/filter.d/facteur.conf"
	PYTHONPATH=$PEERS/usr/lib/python3/dist-packages \
	    run python3 "$(peer fail2ban-regex)" -c "$T/fail2ban" "$D/log" \
	    "$T/fail2ban/filter.d/facteur.conf[mode=more]"
	echo "$output"
	grep -q 'Failregex: 2 total' <<< "$output"
}
