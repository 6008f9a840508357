# smtpc - the SMTP client against scripted hosts (peer.py), by smtpc_drive.

load lib

DRIVE=$BIN/unit/smtpc_drive
[ -x "$DRIVE" ] || DRIVE=$REPO/build/unit/smtpc_drive

setup()
{
	test_begin
	mkdir -p "$T/spool/hosts"
	HOST=$NET.1
	TO="[$HOST]"
	AT="${HOST}[$HOST]"	# as results name it
	conf
	printf '%s\n' 'Subject: hi' '' hello . ..two > "$T/m"
}

teardown() { test_end; }

# conf [LINE...]: the client's configuration.
conf()
{
	printf '%s\n' 'hostname a.test' "spool $T/spool" "state $T/state" \
	    "log $T/log" "port $SMTP_PORT" 'smtp_timeout 30s' \
	    "nameserver $NET.53:$DNS_PORT" "$@" > "$T/conf"
}

# host NAME ADDRESS [STAGE=ACTION...]: a scripted host.
host()
{
	local name=$1 addr=$2
	shift 2
	start "$name" python3 "$REPO/tests/peer.py" "$addr" "$SMTP_PORT" \
	    "$T/$name" "$@"
	wait_for test -e "$T/$name/ready"
}

# again NAME ADDRESS [STAGE=ACTION...]: another script, an empty log.
again()
{
	rm -rf "$T/$1"/{log,[0-9]*} "$T"/spool/hosts/*
	if [ -e "$T/pid/$1" ]; then
		printf '%s\n' "${@:3}" > "$T/$1/script"
	else
		rm -rf "${T:?}/$1"
		host "$@"
	fi
}

# crowd STAGE=ACTION...: so many scripted hosts, at $NET.100 and the next.
crowd()
{
	local i=100 act
	for act; do
		printf '%s\t%s\t%s\t%s\n' "$NET.$i" "$SMTP_PORT" "$T/$i" "$act"
		i=$((i + 1))
	done > "$T/crowd"
	start crowd python3 "$REPO/tests/crowd.py" "$T/crowd"
	for ((i = 100; i < 100 + $#; i++)); do
		wait_for test -e "$T/$i/ready"
	done
}

# drive_all DOMAIN...: a letter to each, all at once; results in $T/100.out and the next.
drive_all()
{
	local i=100 pids=() d
	for d; do
		"$DRIVE" "$T/conf" "$d" "$T/m" bob@b.test > "$T/$i.out" 3>&- &
		pids+=($!)
		i=$((i + 1))
	done
	for i in "${pids[@]}"; do
		wait "$i"
	done
}

# drive [OPTION...] DOMAIN FILE RCPT...: output in $output.
drive()
{
	local opts=()
	while [[ $1 == -* ]]; do
		opts+=("$1")
		case $1 in -[efnNor]) opts+=("$2"); shift ;; esac
		shift
	done
	run timeout 120 "$DRIVE" "${opts[@]}" "$T/conf" "$@"
	echo "$output"
	[ "$status" -eq 0 ]
}

# not COMMAND...: it fails.
not() { ! "$@"; }

# said NAME: the dialogue as the host saw it.
said() { cat "$T/$1/log"; }

# is_crlf FILE WANT: the stored message is this, LF for CRLF.
is_crlf()
{
	diff <(printf '%s' "$2") <(sed 's/\r$//' "$1")
	not grep -qv $'\r$' "$1"
}

@test "with PIPELINING the envelope is one batch, QUIT comes with the dot" {
	host b "$HOST"
	drive "$TO" "$T/m" bob@b.test kim@b.test
	[ "${lines[0]}" = "0 bob@b.test s 2.0.0 $AT:$SMTP_PORT 250 2.0.0 queued as X1" ]
	[ "${lines[1]}" = "0 kim@b.test s 2.0.0 $AT:$SMTP_PORT 250 2.0.0 queued as X1" ]
	[ "${#lines[@]}" -eq 2 ]
	diff - <(said b) <<-'END'
		connect
		wait
		C: EHLO a.test
		wait
		C: MAIL FROM:<jo@a.test> SIZE=32
		C: RCPT TO:<bob@b.test>
		C: RCPT TO:<kim@b.test>
		C: DATA
		wait
		C: .
		C: QUIT
	END
	is_crlf "$T/b/1" $'Subject: hi\n\nhello\n..\n...two\n'
}

@test "without PIPELINING each command waits for its reply" {
	host b "$HOST" OFFER=8BITMIME
	drive "$TO" "$T/m" bob@b.test kim@b.test
	[ "${#lines[@]}" -eq 2 ]
	diff - <(said b) <<-'END'
		connect
		wait
		C: EHLO a.test
		wait
		C: MAIL FROM:<jo@a.test>
		wait
		C: RCPT TO:<bob@b.test>
		wait
		C: RCPT TO:<kim@b.test>
		wait
		C: DATA
		wait
		C: .
		wait
		C: QUIT
	END
}

@test "a host that does not know EHLO is greeted with HELO" {
	host b "$HOST" 'ehlo=502 5.5.1 what?'
	drive "$TO" "$T/m" bob@b.test
	[[ $output == "0 bob@b.test s "* ]]
	grep -q '^C: HELO a.test$' "$T/b/log"
	grep -q '^C: MAIL FROM:<jo@a.test>$' "$T/b/log"
}

@test "several messages share a connection, the next envelope follows the dot" {
	host b "$HOST"
	drive -n 3 "$TO" "$T/m" bob@b.test
	[ "${#lines[@]}" -eq 3 ]
	[ "$(grep -c connect "$T/b/log")" -eq 1 ]
	[ "$(grep -c wait "$T/b/log")" -eq 5 ]
	cmp "$T/b/1" "$T/b/3"
	again b "$HOST" OFFER=
	drive -n 3 "$TO" "$T/m" bob@b.test
	[ "${#lines[@]}" -eq 3 ]
	[ "$(grep -c connect "$T/b/log")" -eq 1 ]
	cmp "$T/b/1" "$T/b/3"
	# Who offers no PIPELINING has answered before.
	[ "$(grep -c '^C: ' "$T/b/log")" -eq "$(grep -c wait "$T/b/log")" ]
	again b "$HOST" OFFER=CHUNKING
	drive -n 3 "$TO" "$T/m" bob@b.test
	[ "$(grep -c '^C: ' "$T/b/log")" -eq "$(grep -c wait "$T/b/log")" ]
}

@test "the dialogue is shown as sendmail -v shows it" {
	host b "$HOST" "dot=250 ok"
	drive -v "$TO" "$T/m" bob@b.test
	diff - <(echo "$output") <<-END
		bob@b.test... Connecting to $HOST via esmtp...
		220 peer.test ESMTP
		>>> EHLO a.test
		250-peer.test
		250-PIPELINING
		250-8BITMIME
		250-SIZE 50000000
		250 ENHANCEDSTATUSCODES
		>>> MAIL FROM:<jo@a.test> SIZE=32
		>>> RCPT TO:<bob@b.test>
		>>> DATA
		250 2.1.0 ok
		250 2.1.5 ok
		354 go on
		>>> .
		>>> QUIT
		250 ok
		bob@b.test... Sent (ok)
		0 bob@b.test s 2.0.0 $AT:$SMTP_PORT 250 ok
		221 2.0.0 bye
	END
}

@test "4xx and 5xx at each stage, with and without pipelining" {
	local st want offer
	while IFS='!' read -r st want; do
		for offer in PIPELINING 8BITMIME PIPELINING,CHUNKING; do
			[[ $offer != *CHUNKING || $st != d* ]] || continue
			again b "$HOST" "OFFER=$offer" "$st"
			drive "$TO" "$T/m" bob@b.test
			[ "${#lines[@]}" -eq 1 ]
			[[ $output == "0 bob@b.test $want"* ]] || {
				echo "$offer $st: wanted $want"
				return 1
			}
		done
	done <<-END
		greet=450 4.7.1 later!d 4.7.1 $AT:$SMTP_PORT host $AT refused to talk to me: 450 4.7.1 later
		greet=554 no service!f 5.3.2 
		ehlo=450 not now!d 4.5.0 
		mail=451 4.3.0 disk!d 4.3.0 
		mail=550 5.7.1 not you!f 5.7.1 $AT:$SMTP_PORT host $AT said: 550 5.7.1 not you (in reply to MAIL FROM command)
		mail=550 4.7.1 not you!f 5.1.0 
		rcpt=450 4.2.0 greylisted!d 4.2.0 
		rcpt=450 greylisted!d 4.2.0 
		rcpt=550 no such user!f 5.1.1 $AT:$SMTP_PORT host $AT said: 550 no such user (in reply to RCPT TO command)
		rcpt=554-5.7.1 no|554 5.7.1 relaying!f 5.7.1 
		data=451 no!d 4.3.0 
		data=554 5.6.0 no!f 5.6.0 
		dot=452 4.3.1 full!d 4.3.1 
		dot=554 5.7.1 spam!f 5.7.1 $AT:$SMTP_PORT host $AT said: 554 5.7.1 spam (in reply to end of DATA command)
	END
	again b "$HOST" OFFER=CHUNKING 'bdat=554 5.7.1 spam'
	drive "$TO" "$T/m" bob@b.test
	[[ $output == *"f 5.7.1 "* ]]
	again b "$HOST" ehlo='502 no' helo='550 5.7.1 never'
	drive "$TO" "$T/m" bob@b.test
	[[ $output == *"f 5.7.1 "*"(in reply to HELO command)" ]]
}

@test "each recipient has its own result" {
	local offer
	for offer in PIPELINING 8BITMIME PIPELINING,CHUNKING; do
		again b "$HOST" "OFFER=$offer" 'rcpt1=550 5.1.1 no' \
		    'rcpt3=451 4.2.1 later'
		drive "$TO" "$T/m" a@b.test b@b.test c@b.test d@b.test
		[ "${#lines[@]}" -eq 4 ]
		[[ $output == *"a@b.test f 5.1.1 "* ]]
		[[ $output == *"b@b.test s 2.0.0 "* ]]
		[[ $output == *"c@b.test d 4.2.1 "* ]]
		[[ $output == *"d@b.test s 2.0.0 "* ]]
		[ -e "$T/b/1" ]
		[ ! -e "$T/b/2" ]
	done
}

@test "DATA that is accepted for nobody gets a lone dot (RFC 2920 3.1)" {
	host b "$HOST" 'rcpt=550 5.1.1 no' 'dot=554 5.5.0 nobody'
	drive -n 2 "$TO" "$T/m" bob@b.test
	[ "${#lines[@]}" -eq 2 ]
	[[ ${lines[1]} == "1 bob@b.test f 5.1.1 "* ]]
	[ -e "$T/b/1" ]
	[ ! -s "$T/b/1" ]
	[ ! -s "$T/b/2" ]
}

@test "a transaction that nobody wants is reset before the next" {
	host b "$HOST" OFFER= '1:rcpt=550 5.1.1 no'
	drive -n 2 "$TO" "$T/m" bob@b.test
	[ "$(grep -A1 -c 'C: RSET' "$T/b/log")" -eq 1 ]
	not grep -q 'C: DATA' "$T/b/log"
}

@test "a host that hangs, drips or never ends at a stage: later, and soon" {
	local st act i=100 s0 scripts=() to=()
	conf 'smtp_timeout 5s'
	for st in greet ehlo mail rcpt data body dot quit; do
		for act in hang close rst drip; do
			scripts+=("$st=$act")
			to+=("[$NET.$i]")
			i=$((i + 1))
		done
	done
	crowd "${scripts[@]}"
	s0=$SECONDS
	drive_all "${to[@]}"
	[ $((SECONDS - s0)) -le 40 ]
	i=100
	for st in "${scripts[@]}"; do
		output=$(cat "$T/$i.out")
		echo "$st: $output"
		case $st in
		quit=*) [[ $output == "0 bob@b.test s "* ]] ;;
		*) [[ $output == "0 bob@b.test d 4.4."[12]" $NET.${i}[$NET.$i]:"* ]] ;;
		esac
		[ "$(wc -l < "$T/$i.out")" -eq 1 ]
		i=$((i + 1))
	done
}

@test "a host that takes the content very slowly is not waited for without end" {
	local s0=$SECONDS
	conf 'smtp_timeout 3s'
	head -c 5M /dev/zero | tr '\0' x | fold -w 70 > "$T/m"
	host b "$HOST" body=crawl
	drive "$TO" "$T/m" bob@b.test
	[[ $output == *"conversation with $AT timed out while sending message body" ]]
	[ $((SECONDS - s0)) -le 30 ]
}

@test "a refusal in the middle of the content is heard, an acceptance is none" {
	local st act code dsn
	head -c 20M /dev/zero | tr '\0' x | fold -w 70 > "$T/big"
	conf 'smtp_timeout 5s'
	for act in 'close,' 'hang,' ''; do
		for code in f:552:5.3.4 d:452:4.3.1 d:421:4.3.2; do
			IFS=: read -r st code dsn <<< "$code"
			again b "$HOST" "body=$act$code $dsn too large"
			drive "$TO" "$T/big" bob@b.test
			[[ $output == "0 bob@b.test $st $dsn $AT:$SMTP_PORT host $AT said: $code $dsn too large (in reply to end of DATA command)" ]]
			[ ! -e "$T/b/1" ]
		done
	done
	# A reply too many stands for none that is still to come.
	for st in 'data=354 go on|250 2.0.0 ok' $'rcpt=250 ok|250 2.0.0 ok\nOFFER=CHUNKING'; do
		again b "$HOST" 'bdat=554 5.7.1 spam' "$st"
		drive "$TO" "$T/m" bob@b.test
		[[ $output == "0 bob@b.test d 4.5.0 "*" answered with nonsense while sending message body" ]]
	done
	# The others come on another connection.
	again b "$HOST" '1:body=close,552 5.3.4 no'
	drive -n 2 "$TO" "$T/big" bob@b.test
	[[ ${lines[0]} == "0 bob@b.test f 5.3.4 "* ]]
	[[ ${lines[1]} == "1 bob@b.test s 2.0.0 "* ]]
}

@test "what happened is told in Postfix's words" {
	host b "$HOST" greet=hang
	conf 'smtp_timeout 1s'
	drive "$TO" "$T/m" bob@b.test
	[[ $output == *"conversation with $AT timed out while receiving the initial server greeting" ]]
	conf
	again b "$HOST" rcpt=close
	drive "$TO" "$T/m" bob@b.test
	[[ $output == *"lost connection with $AT while sending RCPT TO" ]]
	again b "$HOST" dot=close
	drive "$TO" "$T/m" bob@b.test
	[[ $output == *"lost connection with $AT while sending end of data -- message may be sent more than once" ]]
	grep -q 'TEST: lost connection.*more than once' "$T/log"
	stop b
	rm -f "$T"/spool/hosts/*
	drive "$TO" "$T/m" bob@b.test
	[[ $output == *"d 4.4.1 $AT:$SMTP_PORT connect to $AT:$SMTP_PORT: Connection refused" ]]
}

@test "nonsense is no answer, and what is kept of one is clean" {
	local st act
	for st in greet ehlo mail rcpt dot; do
		for act in endless long 'hello there' '999 x'; do
			again b "$HOST" "$st=$act"
			drive "$TO" "$T/m" bob@b.test
			[[ $output == "0 bob@b.test d 4.5.0 "*"answered with nonsense while"* ]]
			[ "${#output}" -lt 1500 ]
		done
	done
	again b "$HOST" rcpt=nul
	drive -v "$TO" "$T/m" bob@b.test
	[[ ${lines[*]} == *"said: 550 5.7.1 a?b?c?[1md?e?f (in reply to"* ]]
	[ "$(tr -d '\n -~' <<< "$output" | LC_ALL=C tr -d '\200-\377' | wc -c)" -eq 0 ]
}

@test "replies may end in LF alone" {
	host b "$HOST" END=lf 'rcpt2=550-5.1.1 no|550 5.1.1 such user'
	drive "$TO" "$T/m" bob@b.test kim@b.test
	[[ ${lines[0]} == "0 kim@b.test f 5.1.1 "*' said: '*no*'such user'* ]]
	[[ ${lines[1]} == "0 bob@b.test s 2.0.0 "* ]]
	[ "$(grep -c ^connect "$T/b/log")" -eq 1 ]
}

@test "421 is the end of the connection at every stage: the next host" {
	local st
	host c "$NET.2"
	need dnsmasq
	dns --mx-host=b.test,mx1.b.test,1 --mx-host=b.test,mx2.b.test,2 \
	    --host-record="mx1.b.test,$HOST" --host-record="mx2.b.test,$NET.2"
	for st in greet ehlo mail rcpt data; do
		again b "$HOST" "$st=close,421 4.3.2 going down"
		drive b.test "$T/m" bob@b.test
		[ "$output" = "0 bob@b.test s 2.0.0 mx2.b.test[$NET.2]:$SMTP_PORT 250 2.0.0 queued as X1" ]
	done
	again b "$HOST" "dot=close,421 4.3.2 going down"
	drive b.test "$T/m" bob@b.test
	[[ $output == *"d 4.3.2 mx1.b.test["*"said: 421 4.3.2 going down (in reply to end of DATA command)" ]]
}

@test "a message at which the host hangs up does not keep those behind it" {
	local st
	host b "$HOST"
	for st in "mail=close,421 4.7.1 not you" rcpt=close data=rst body=rst; do
		again b "$HOST" "1:$st"
		drive -n 3 "$TO" "$T/m" bob@b.test
		[ "$(grep -c '^[12] bob@b.test s 2.0.0 ' <<< "$output")" -eq 2 ]
		[ "$(grep -c '^0 bob@b.test d 4.[47].[12] ' <<< "$output")" -eq 1 ]
		[ "$(grep -c ^connect "$T/b/log")" -eq 2 ]
	done
}

@test "a message lost before its dot goes to the next host, one lost after does not" {
	need dnsmasq
	local i records=() st=(greet=hang ehlo=close mail=hang rcpt=rst data=close
	    dot=hang dot=close dot=rst)
	for i in {100..108}; do
		records+=("--mx-host=d$i.test,mx$i.test,1"
		    "--mx-host=d$i.test,mx2.b.test,2"
		    "--host-record=mx$i.test,$NET.$i")
	done
	dns "${records[@]}" --host-record="mx2.b.test,$NET.2"
	host c "$NET.2"
	crowd "${st[@]}" body=rst
	conf 'smtp_timeout 5s'
	drive_all d{100..107}.test
	for i in {100..107}; do
		output=$(cat "$T/$i.out")
		echo "${st[i - 100]}: $output"
		case ${st[i - 100]} in
		dot=*) [[ $output == *" d 4.4.2 mx$i.test["*"more than once" ]] ;;
		*) [[ $output == *" s 2.0.0 mx2.b.test["* ]] ;;
		esac
	done
	[ "$(find "$T/c" -name '[0-9]*' | wc -l)" -eq 5 ]
	# A large one is cut in the middle for certain.
	head -c 30000000 /dev/zero | tr '\0' 'x' | fold -w 70 > "$T/m"
	drive_all d108.test
	[[ $(cat "$T/100.out") == *" s 2.0.0 mx2.b.test["* ]]
	[ "$(find "$T/c" -name '[0-9]*' | wc -l)" -eq 6 ]
}

@test "a host that does not greet is waited for by one, whatever domains it has" {
	need dnsmasq
	local i all=()
	for i in {100..105}; do
		all+=("--mx-host=d$i.test,mx.b.test,1")
	done
	dns "${all[@]}" "--host-record=mx.b.test,$HOST"
	host b "$HOST" greet=hang
	conf 'smtp_timeout 8s'
	drive_all d{100..105}.test
	cat "$T"/10?.out
	[ "$(cat "$T"/10?.out | grep -c " timed out while receiving the initial ")" -lt 3 ]
	[ "$(cat "$T"/10?.out | grep -c " d 4.4.1 .* does not greet (another waits)$")" -gt 3 ]
	rm "$T"/spool/hosts/*
	again b "$HOST" OFFER=
	drive_all d{100..105}.test
	[ "$(cat "$T"/10?.out | grep -c ' s 2.0.0 ')" -eq 6 ]
	[ -z "$(ls "$T/spool/hosts")" ]
}

@test "hosts that refuse for good: a bounce, unless another may take it later" {
	need dnsmasq
	dns --mx-host=b.test,mx1.b.test,1 --mx-host=b.test,mx2.b.test,2 \
	    --host-record="mx1.b.test,$HOST" --host-record="mx2.b.test,$NET.2"
	host b "$HOST" 'greet=554 5.7.1 go away'
	host c "$NET.2" 'greet=554 5.3.2 closed'
	drive b.test "$T/m" bob@b.test
	[[ $output == *" f 5.3.2 mx2.b.test["* ]]
	stop c
	drive b.test "$T/m" bob@b.test
	[[ $output == *" d 4.4.1 mx2.b.test["* ]]
	rm -f "$T"/spool/hosts/*
	stop b
	again c "$NET.2"
	drive b.test "$T/m" bob@b.test
	[[ $output == *" s 2.0.0 mx2.b.test["* ]]
}

@test "a connection lost between messages is made again" {
	host b "$HOST" OFFER= '1:rset=close' '1:rcpt=550 5.1.1 no'
	drive -n 3 "$TO" "$T/m" bob@b.test
	[ "$(grep -c 's 2.0.0' <<< "$output")" -eq 2 ]
	[ "$(grep -c connect "$T/b/log")" -eq 2 ]
	again b "$HOST" 'dot=close,250 2.0.0 one is enough'
	drive -n 4 "$TO" "$T/m" bob@b.test
	[ "$(grep -c 's 2.0.0' <<< "$output")" -eq 4 ]
	[ "$(grep -c connect "$T/b/log")" -eq 4 ]
	# Without any progress it is not for long.
	again b "$HOST" mail=close
	drive -n 20 "$TO" "$T/m" bob@b.test
	[ "$(grep -c 'd 4.4.2' <<< "$output")" -eq 20 ]
	[ "$(grep -c connect "$T/b/log")" -eq 4 ]
	# Nor at all with one that says nothing more.
	again b "$HOST" mail=hang
	conf 'smtp_timeout 2s'
	drive -n 4 "$TO" "$T/m" bob@b.test
	[ "$(grep -c 'd 4.4.2' <<< "$output")" -eq 4 ]
	[ "$(grep -c connect "$T/b/log")" -eq 1 ]
}

@test "SIZE: told, and kept to before MAIL" {
	host b "$HOST" 'OFFER=SIZE 40'
	drive "$TO" "$T/m" bob@b.test
	grep -q 'MAIL FROM:<jo@a.test> SIZE=32' "$T/b/log"
	seq 20 >> "$T/m"
	drive "$TO" "$T/m" bob@b.test kim@b.test
	[ "$(grep -c " f 5.3.4 $HOST\[" <<< "$output")" -eq 2 ]
	[ "$(grep -c MAIL "$T/b/log")" -eq 1 ]
	again b "$HOST" 'OFFER=SIZE 0'
	drive "$TO" "$T/m" bob@b.test
	[[ $output == *" s 2.0.0 "* ]]
}

@test "8-bit mail: BODY=8BITMIME, or converted without loss" {
	printf '%s\n' 'From: =?utf-8?Q?J=C3=BC?= <j@a.test>' 'MIME-Version: 1.0' \
	    'Content-Type: multipart/mixed; boundary="=_x"' \
	    'Content-Transfer-Encoding: 8bit' '' '--=_x' \
	    'Content-Type: text/plain; charset=utf-8' \
	    'Content-Transfer-Encoding: 8bit' '' 'Grüße = . ' '.' '--=_x' \
	    'Content-Type: application/x-a' 'Content-Transfer-Encoding: 8bit' \
	    '' > "$T/8"
	head -c 3000 /dev/urandom | tr -d '\0\r' > "$T/bin"
	{
		cat "$T/bin"
		printf '%s\n' '' '--=_x' 'Content-Type: text/plain' '' plain \
		    '--=_x--'
	} >> "$T/8"
	host b "$HOST"
	drive "$TO" "$T/8" bob@b.test
	grep -q 'MAIL FROM:<jo@a.test> SIZE=[0-9]* BODY=8BITMIME$' "$T/b/log"
	diff <(sed 's/$/\r/; s/^\./../' "$T/8") "$T/b/1"
	again b "$HOST" OFFER=PIPELINING
	drive "$TO" "$T/8" bob@b.test
	grep -q 'MAIL FROM:<jo@a.test>$' "$T/b/log"
	not env LC_ALL=C grep -q '[^ -~[:space:]]' "$T/b/1"
	python3 - "$T/b/1" "$T/bin" <<-'END'
		import email, sys
		b = open(sys.argv[1], "rb").read()
		assert max(map(len, b.split(b"\r\n"))) <= 78
		b = b.replace(b"\r\n..", b"\r\n.").replace(b"\r\n", b"\n")
		m = email.message_from_bytes(b)
		assert m["Content-Transfer-Encoding"] is None
		p = m.get_payload()
		assert p[0].get_payload(decode=True).decode() == "Grüße = . \n."
		assert p[0]["Content-Transfer-Encoding"] == "quoted-printable"
		want = open(sys.argv[2], "rb").read().replace(b"\n", b"\r\n")
		assert p[1].get_payload(decode=True) == want
		assert p[2].get_payload() == "plain"
		assert not any(x.defects for x in m.walk())
	END
}

@test "what may never go out does not: CR, LF, NUL by themselves" {
	printf 'Subject: a\rb\n\nx\ry\n\r.\r\n.\r\0z\n' > "$T/m"
	host b "$HOST"
	drive "$TO" "$T/m" bob@b.test
	python3 - "$T/b/1" <<-'END'
		import email, re, sys
		b = open(sys.argv[1], "rb").read()
		assert not re.search(rb"\r(?!\n)|(?<!\r)\n|\0", b), b
		m = email.message_from_bytes(b)
		got = m.get_payload(decode=True).replace(b"\r\n", b"\n")
		assert b"x\ry" in got and b"\0z" in got, got
	END
	again b "$HOST" OFFER=CHUNKING
	drive "$TO" "$T/m" bob@b.test
	not env LC_ALL=C grep -qP '\r(?!$)|\0' "$T/b/1"
}

@test "empty, no final newline, header only: all arrive" {
	local offer
	for offer in PIPELINING CHUNKING; do
		again b "$HOST" "OFFER=$offer"
		: > "$T/m"
		drive "$TO" "$T/m" bob@b.test
		[ ! -s "$T/b/1" ]
		printf 'A: b\n\n.' > "$T/m"
		drive "$TO" "$T/m" bob@b.test
		[ "$offer" = CHUNKING ] && dot=. || dot=..
		is_crlf "$T/b/2" $'A: b\n\n'"$dot"$'\n'
		printf 'A: b\n' > "$T/m"
		drive "$TO" "$T/m" bob@b.test
		is_crlf "$T/b/3" $'A: b\n'
	done
}

@test "SMTPUTF8 where it is needed, and a bounce where it is not known" {
	host b "$HOST"
	drive -u "$TO" "$T/m" bob@b.test
	[[ $output == *" s 2.0.0 "* ]]
	drive -u "$TO" "$T/m" bob@b.test bøb@b.test
	[[ $output == *"bøb@b.test f 5.6.7 "* ]]
	[[ $output == *"bob@b.test s 2.0.0 "* ]]
	drive -u -f jø@a.test "$TO" "$T/m" bob@b.test
	[[ $output == *"bob@b.test f 5.6.7 "* ]]
	printf 'Subject: hø\n\nx\n' > "$T/m"
	drive -u "$TO" "$T/m" bob@b.test
	[[ $output == *"bob@b.test f 5.6.7 "* ]]
	again b "$HOST" OFFER=SMTPUTF8,8BITMIME
	drive -u -f jø@a.test "$TO" "$T/m" bøb@b.test
	[[ $output == *"bøb@b.test s 2.0.0 "* ]]
	grep -q '^C: MAIL FROM:<jø@a.test> BODY=8BITMIME SMTPUTF8$' "$T/b/log"
	grep -q '^C: RCPT TO:<bøb@b.test>$' "$T/b/log"
}

@test "a domain that is not ASCII goes out as A-labels" {
	host b "$HOST"
	drive "$TO" "$T/m" bob@bücher.test
	grep -q '^C: RCPT TO:<bob@xn--bcher-kva.test>$' "$T/b/log"
	# So it does without SMTPUTF8 to a host that knows that (RFC 6531 3.4).
	again b "$HOST" OFFER=SMTPUTF8,8BITMIME
	drive -u -f jo@bücher.test "$TO" "$T/m" bob@bücher.test
	grep -q '^C: MAIL FROM:<jo@xn--bcher-kva.test>$' "$T/b/log"
	grep -q '^C: RCPT TO:<bob@xn--bcher-kva.test>$' "$T/b/log"
	again b "$HOST" OFFER=SMTPUTF8,8BITMIME
	drive -u -f jø@bücher.test "$TO" "$T/m" bob@bücher.test
	grep -q '^C: MAIL FROM:<jø@bücher.test> SMTPUTF8$' "$T/b/log"
	grep -q '^C: RCPT TO:<bob@bücher.test>$' "$T/b/log"
}

@test "CHUNKING: BDAT with the exact length, no dots" {
	host b "$HOST" OFFER=PIPELINING,CHUNKING
	drive -n 2 "$TO" "$T/m" bob@b.test
	[ "$(grep -c ' s 2.0.0 ' <<< "$output")" -eq 2 ]
	not grep -q DATA "$T/b/log"
	grep -q '^C: BDAT 32 LAST$' "$T/b/log"
	diff <(sed 's/$/\r/' "$T/m") "$T/b/1"
	diff <(sed 's/$/\r/' "$T/m") "$T/b/2"
	# RFC 3030: RSET is due behind a BDAT that may have failed.
	again b "$HOST" OFFER=PIPELINING,CHUNKING 'bdat=554 5.7.1 no'
	drive -n 2 "$TO" "$T/m" bob@b.test
	[ "$(grep -c ' f 5.7.1 ' <<< "$output")" -eq 2 ]
	[ "$(grep -c 'C: RSET' "$T/b/log")" -eq 1 ]
}

@test "DSN parameters are passed on, or not" {
	host b "$HOST" OFFER=DSN
	drive -e 'id+ 1' -r HDRS -N SUCCESS,DELAY -o 'rfc822;b o=b@x.test' \
	    "$TO" "$T/m" bob@b.test
	[[ $output == *"$SMTP_PORT dsn 250 "* ]]
	grep -q '^C: MAIL FROM:<jo@a.test> RET=HDRS ENVID=id+2B+201$' "$T/b/log"
	grep -q '^C: RCPT TO:<bob@b.test> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;b+20o+3Db@x.test$' "$T/b/log"
	drive -o 'utf-8;b\x{F8}b@x.test' "$TO" "$T/m" bob@b.test
	grep -qF 'C: RCPT TO:<bob@b.test> ORCPT=utf-8;b\x{F8}b@x.test' "$T/b/log"
	# As long as it may be, or left out.
	o=$(printf 'o%.0s' {1..493})
	drive -o "rfc822;$o" "$TO" "$T/m" kim@b.test
	grep -q "^C: RCPT TO:<kim@b.test> ORCPT=rfc822;$o$" "$T/b/log"
	drive -o "rfc822;=$o" "$TO" "$T/m" jo@b.test
	grep -q '^C: RCPT TO:<jo@b.test>$' "$T/b/log"
	again b "$HOST" OFFER=
	drive -e x -r FULL -N NEVER -o 'rfc822;bob@x' "$TO" "$T/m" bob@b.test
	[[ $output != *" dsn "* ]]
	grep -q '^C: MAIL FROM:<jo@a.test>$' "$T/b/log"
	grep -q '^C: RCPT TO:<bob@b.test>$' "$T/b/log"
}

@test "many recipients: a hundred at once, or what LIMITS says" {
	mapfile -t rcpt < <(seq -f 'u%g@b.test' 1000)
	host b "$HOST"
	drive "$TO" "$T/m" "${rcpt[@]}"
	[ "$(grep -c ' s 2.0.0 ' <<< "$output")" -eq 1000 ]
	[ "$(grep -c 'C: MAIL' "$T/b/log")" -eq 10 ]
	[ "$(grep -c connect "$T/b/log")" -eq 1 ]
	[ "$(grep 'C: RCPT' "$T/b/log" | sort -u | wc -l)" -eq 1000 ]
	again b "$HOST" 'OFFER=LIMITS RCPTMAX=3 MAILMAX=2,PIPELINING'
	drive "$TO" "$T/m" "${rcpt[@]:0:10}"
	[ "$(grep -c ' s 2.0.0 ' <<< "$output")" -eq 10 ]
	[ "$(grep -c 'C: MAIL' "$T/b/log")" -eq 4 ]
	[ "$(grep -c connect "$T/b/log")" -eq 2 ]
	again b "$HOST" 'OFFER=LIMITS RCPTDOMAINMAX=2,PIPELINING'
	drive "$TO" "$T/m" {1,2}@{b,c}.test 3@{d,b,d}.test
	[ "$(grep -c ' s 2.0.0 ' <<< "$output")" -eq 7 ]
	sed -n 's/^C: \(MAIL\).*/\1/p; s/^C: RCPT TO:<\(.*\)>$/\1/p' "$T/b/log" > "$T/rcpts"
	[ "$(tr '\n' ' ' < "$T/rcpts")" = "MAIL 1@b.test 1@c.test 2@b.test 2@c.test MAIL 3@d.test 3@b.test 3@d.test " ]
}

@test "too many recipients: the rest in the next transaction (452, 552)" {
	local code
	for code in '452 4.5.3 too many' '552 too many' '452 too many'; do
		again b "$HOST" "rcpt3=$code" "rcpt4=$code" "rcpt5=$code"
		drive "$TO" "$T/m" a@b.test b@b.test c@b.test d@b.test e@b.test
		[ "$(grep -c ' s 2.0.0 ' <<< "$output")" -eq 5 ]
		[ "$(grep -c 'C: MAIL' "$T/b/log")" -eq 3 ]
		[ "$(grep -c connect "$T/b/log")" -eq 1 ]
	done
	again b "$HOST" 'rcpt=452 4.5.3 always'
	drive "$TO" "$T/m" a@b.test b@b.test
	[ "$(grep -c ' d 4.5.3 ' <<< "$output")" -eq 2 ]
	again b "$HOST" 'rcpt2=552 5.2.2 mailbox full'
	drive "$TO" "$T/m" a@b.test b@b.test
	[[ $output == *"b@b.test f 5.2.2 "* ]]
}

@test "memory stays flat: 25 MB, lines of 10 MB, converted or not" {
	python3 - "$T" <<-'END'
		import sys
		line = b"x" * 10_000_000
		with open(sys.argv[1] + "/long", "wb") as f:
		    f.write(b"A: b\n\n" + line + b"\n" + line + b"\n")
		with open(sys.argv[1] + "/long8", "wb") as f:
		    f.write(b"A: b\n\n" + line + b"\xe4\n" + line)
		with open(sys.argv[1] + "/big", "wb") as f:
		    f.write(b"A: b\n\n" + (b"y" * 70 + b"\n") * 350_000)
	END
	host b "$HOST" OFFER=PIPELINING
	# kB of data that it may have; a sanitizer wants more.
	grep -qa __asan_init "$DRIVE" || ulimit -S -d 4000
	for f in long long8 big; do
		drive "$TO" "$T/$f" bob@b.test
		[[ $output == *" s 2.0.0 "* ]]
	done
	ulimit -S -d unlimited
	diff <(sed 's/$/\r/' "$T/long") "$T/b/1" > /dev/null
	diff <(sed 's/$/\r/' "$T/big") "$T/b/3" > /dev/null
	python3 - "$T/b/2" "$T/long8" <<-'END'
		import email, sys
		m = email.message_from_binary_file(open(sys.argv[1], "rb"))
		want = open(sys.argv[2], "rb").read().split(b"\n\n", 1)[1]
		got = m.get_payload(decode=True).replace(b"\r\n", b"\n")
		assert got == want + b"\n" and m["MIME-Version"] == "1.0"
	END
}

@test "a host that just failed is left alone for a while" {
	drive "$TO" "$T/m" bob@b.test
	[ -e "$T/spool/hosts/$HOST:$SMTP_PORT" ]
	host b "$HOST"
	drive "$TO" "$T/m" bob@b.test
	[[ $output == *"d 4.4.1 none connect to $AT:$SMTP_PORT: Connection refused (a moment ago)" ]]
	# It counts for half of the shortest retry.
	touch -d '100 seconds ago' "$T/spool/hosts/$HOST:$SMTP_PORT"
	drive "$TO" "$T/m" bob@b.test
	[[ $output == *" d 4.4.1 none "* ]]
	touch -d '200 seconds ago' "$T/spool/hosts/$HOST:$SMTP_PORT"
	drive "$TO" "$T/m" bob@b.test
	[[ $output == *" s 2.0.0 "* ]]
	[ ! -e "$T/spool/hosts/$HOST:$SMTP_PORT" ]
	# Junk, or a file from the future, is no hint.
	head -c 5000 /dev/urandom > "$T/spool/hosts/$HOST:$SMTP_PORT"
	drive "$TO" "$T/m" bob@b.test
	[[ $output == *" s 2.0.0 "* ]]
	echo later > "$T/spool/hosts/$HOST:$SMTP_PORT"
	touch -d tomorrow "$T/spool/hosts/$HOST:$SMTP_PORT"
	drive "$TO" "$T/m" bob@b.test
	[[ $output == *" s 2.0.0 "* ]]
	echo later > "$T/spool/hosts/$HOST:$SMTP_PORT"
	drive -F "$TO" "$T/m" bob@b.test
	[[ $output == *" s 2.0.0 "* ]]
	# Without the directory everything works, but for the memory.
	rmdir "$T/spool/hosts"
	stop b
	drive "$TO" "$T/m" bob@b.test
	[[ $output == *"Connection refused" ]]
}

@test "who greets with our own name is ourselves" {
	host b "$HOST" 'greet=220 A.test ESMTP'
	drive "$TO" "$T/m" bob@b.test
	[[ $output == *"f 5.4.6 "*"mail loops back to myself"* ]]
	again b "$HOST" 'ehlo=250 a.test'
	drive "$TO" "$T/m" bob@b.test
	[[ $output == *"f 5.4.6 "* ]]
	# Another port of this machine is meant so.
	conf "smarthost $TO:$SMTP_PORT" 'port 25'
	drive b.test "$T/m" bob@b.test
	[[ $output == *" s 2.0.0 "* ]]
}

@test "a smarthost gets it all" {
	need dnsmasq
	dns --mx-host=smart.test,mx.smart.test,1 --host-record="mx.smart.test,$HOST" \
	    --host-record="smart.test,$NET.9"
	host b "$HOST"
	for smart in smart.test "smart.test:$SMTP_PORT" '[mx.smart.test]' \
	    "[$HOST]:$SMTP_PORT" "$HOST"; do
		conf "smarthost $smart"
		drive '' "$T/m" bob@b.test kim@c.test
		[ "$(grep -c ' s 2.0.0 ' <<< "$output")" -eq 2 ]
	done
	conf 'smarthost none.test'
	drive '' "$T/m" bob@b.test
	[[ $output == *"d 4.3.5 none smarthost none.test: no such domain" ]]
}

@test "an address literal is a host" {
	host b "$HOST"
	drive "[$HOST]" "$T/m" "bob@[$HOST]"
	[[ $output == *" s 2.0.0 $AT:"* ]]
	grep -qF "C: RCPT TO:<bob@[$HOST]>" "$T/b/log"
	drive "[1.2.3]" "$T/m" "bob@[1.2.3]"
	[[ $output == *" f 5.1.2 none "* ]]
}

@test "IPv6" {
	# There is one loopback address only: a port of our own.
	SMTP_PORT=$((20000 + RANDOM % 10000))
	python3 -c 'import socket
socket.socket(socket.AF_INET6).bind(("::1", 0))' || skip 'no IPv6 here'
	conf
	host b ::1
	drive '[IPv6:::1]' "$T/m" 'bob@[IPv6:::1]'
	[[ $output == *" s 2.0.0 ::1[::1]:$SMTP_PORT 250 "* ]]
}
