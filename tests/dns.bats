# dns - where mail for a domain goes (RFC 5321 5.1), by smtpc_drive -x and by
# sending; name servers are dnsmasq, and dnsd.py for what no server should say.

load lib

DRIVE=$BIN/unit/smtpc_drive
[ -x "$DRIVE" ] || DRIVE=$REPO/build/unit/smtpc_drive

setup()
{
	test_begin
	mkdir -p "$T/spool/hosts"
	printf '%s\n' 'Subject: hi' '' hello > "$T/m"
	conf
}

teardown() { test_end; }

conf()
{
	printf '%s\n' 'hostname a.test' 'domains a.test local.test' \
	    "spool $T/spool" "log $T/log" "port $SMTP_PORT" \
	    'smtp_timeout 30s' "nameserver $NET.53:$DNS_PORT" "$@" > "$T/conf"
}

# dnsd NAME=ACTION...: the name server that lies.
dnsd()
{
	rm -f "$T/ready"
	start dns python3 "$REPO/tests/dnsd.py" "$NET.53" $DNS_PORT \
	    "$T/ready" "$@"
	wait_for test -e "$T/ready"
}

host()
{
	start "$1" python3 "$REPO/tests/peer.py" "$2" "$SMTP_PORT" "$T/$1"
	wait_for test -e "$T/$1/ready"
}

# The resolver library's own patience is short where nobody answers.
short() { local -x RES_OPTIONS='timeout:1 attempts:1'; "$@"; }
explain() { run timeout 120 "$DRIVE" -x "$T/conf" "$1" "$T/m" x; echo "$output"; }
drive() { run "$DRIVE" "$T/conf" "$1" "$T/m" "bob@$1"; echo "$output"; }

# result_is WANT: what explain says in the end.
result_is()
{
	[ "${lines[-1]}" = "result: $1" ]
}

SENT='sent by SMTP to the first of these that takes it'

@test "MX hosts by preference, with all their addresses, IPv6 and IPv4 in turn" {
	need dnsmasq
	dns --mx-host=b.test,mx3.b.test,30 --mx-host=b.test,mx1.b.test,5 \
	    --mx-host=b.test,mx2.b.test,20 \
	    --host-record="mx1.b.test,$NET.1,fd00::1" \
	    --host-record="mx1.b.test,$NET.2,fd00::2" \
	    --host-record="mx2.b.test,$NET.3" --host-record=mx3.b.test,fd00::3
	explain b.test
	result_is "$SENT"
	diff - <(grep -v '^address: mx1\|^tls: ' <<< "$output") <<-END
		domain: b.test
		mx: 5 mx1.b.test
		mx: 20 mx2.b.test
		mx: 30 mx3.b.test
		address: mx2.b.test[$NET.3]:$SMTP_PORT
		address: mx3.b.test[fd00::3]:$SMTP_PORT
		result: $SENT
	END
	[[ $(grep '^address: mx1' <<< "$output" | tr '\n' ' ') == \
	    *fd00::*$NET.*fd00::*$NET.* ]]
}

@test "equal preferences are shuffled" {
	need dnsmasq
	dns --mx-host=b.test,x.b.test,10 --mx-host=b.test,y.b.test,10 \
	    --mx-host=b.test,z.b.test,20 --host-record="x.b.test,$NET.1" \
	    --host-record="y.b.test,$NET.1" --host-record="z.b.test,$NET.1"
	for _ in {1..40}; do
		explain b.test
		echo "${lines[1]} ${lines[2]} ${lines[3]}"
	done | grep ^mx > "$T/orders"
	[ "$(grep -c '^mx: 10 x.b.test mx: 10 y.b.test mx: 20 z' "$T/orders")" -gt 2 ]
	[ "$(grep -c '^mx: 10 y.b.test mx: 10 x.b.test mx: 20 z' "$T/orders")" -gt 2 ]
}

@test "no MX record: the domain's own address" {
	need dnsmasq
	dns --host-record="b.test,$NET.1"
	host b "$NET.1"
	drive b.test
	[[ $output == *" s 2.0.0 b.test[$NET.1]:"* ]]
}

@test "the first MX is dead, the second takes it" {
	need dnsmasq
	dns --mx-host=b.test,mx1.b.test,1 --mx-host=b.test,mx2.b.test,2 \
	    --mx-host=b.test,mx0.b.test,0 --host-record="mx1.b.test,$NET.1" \
	    --host-record="mx2.b.test,$NET.2" --host-record="mx2.b.test,$NET.3"
	host b "$NET.3"
	drive b.test
	[[ $output == *" s 2.0.0 mx2.b.test[$NET.3]:"* ]]
	explain b.test
	[[ $output == *"skip: mx0.b.test: no host takes mail"* ]]
	[[ $output == *"dead: connect to mx1.b.test[$NET.1]:$SMTP_PORT: Connection refused"* ]]
}

@test "null MX, no such domain, no address, none that is usable: bounced" {
	dnsd null.test=mx:0:. some.test=mx:0:.,5:mx.some.test \
	    mx.some.test="a:$NET.1" none.test=cname:nothing.test \
	    empty.test=txt noaddr.test=mx:1:gone.test,2:empty.test
	drive null.test
	[[ $output == *" f 5.1.10 none null.test: the domain takes no mail (null MX)" ]]
	explain some.test
	result_is "$SENT"
	drive nx.test
	[[ $output == *" f 5.1.2 none nx.test: no such domain" ]]
	drive none.test
	[[ $output == *" f 5.1.2 none none.test: no such domain" ]]
	drive empty.test
	[[ $output == *" f 5.4.4 none empty.test: no host takes mail for it, or it has no address" ]]
	drive noaddr.test
	[[ $output == *" f 5.4.4 none "* ]]
	drive 'b..test'
	[[ $output == *" f 5.1.2 none "* ]]
}

@test "SERVFAIL, REFUSED, nonsense, silence, no name server: later" {
	dnsd servfail.test=servfail refused.test=refused hang.test=hang \
	    garbage.test=garbage short.test=short \
	    half.test=mx:1:servfail.test,2:gone.test
	for d in servfail refused hang garbage short; do
		short drive "$d.test"
		[[ $output == *" d 4.4.3 none $d.test: the name server did not answer" ]]
	done
	# One host may have an address tomorrow.
	drive half.test
	[[ $output == *" d 4.4.3 none "* ]]
	stop dns
	short drive b.test
	[[ $output == *" d 4.4.3 none "* ]]
}

@test "an answer to another question is none" {
	dnsd other.test=other
	explain other.test
	[[ $output != *evil* ]]
}

@test "aliases are followed, in one answer and over several, but not for ever" {
	dnsd al.test=cname:b.test b.test=mx:1:mx.b.test mx.b.test="a:$NET.1" \
	    chain.test=chain:7 mx.chain.test="a:$NET.1" long.test=chain:30 \
	    loop.test=cname:pool.test pool.test=cname:loop.test \
	    self.test=cname:self.test mxal.test=mx:1:al2.test \
	    al2.test=cname:mx.b.test
	explain al.test
	[[ $output == *"mx: 1 mx.b.test"* ]]
	result_is "$SENT"
	explain chain.test
	[[ $output == *"mx: 1 mx.chain.test"* ]]
	explain mxal.test
	[[ $output == *"address: al2.test[$NET.1]"* ]]
	for d in long loop self; do
		drive "$d.test"
		[[ $output == *" f 5.4.4 none $d.test: "* ]]
	done
}

@test "we are an MX: only better ones are tried, none is a loop" {
	dnsd b.test=mx:1:one.test,5:a.test,5:t2.test,5:t3.test,5:t4.test,9:t9.test \
	    one.test="a:$NET.1" c.test=mx:10:A.TEST d.test=mx:1:local.test
	for _ in 1 2 3 4; do
		explain b.test
		[[ $output == *"skip: a.test is this host"* ]]
		[[ $output == *"address: one.test["* ]]
		[ "$(grep -c '^skip' <<< "$output")" -eq 1 ]
	done
	drive c.test
	[[ $output == *" f 5.4.6 none mail for c.test loops back to myself" ]]
	drive d.test
	[[ $output == *" f 5.4.6 none "* ]]
}

@test "an answer that needs TCP, and more records than we look at" {
	need dnsmasq
	opts=()
	for i in {1..70}; do
		opts+=("--mx-host=b.test,mx$i.b.test,$i")
	done
	dns "${opts[@]}" --host-record="mx1.b.test,$NET.1"
	explain b.test
	[ "$(grep -c '^mx: ' <<< "$output")" -eq 64 ]
	result_is "$SENT"
}

@test "a name server that takes long by TCP, or says nothing there: later, and soon" {
	local d began
	dnsd good.test=tcp:mx:10:mx.test hang.test=tcp:hang \
	    drip.test=tcp:drip close.test=tcp:close wrong.test=tcp:question \
	    cut.test=tcp:cut echo.test=tcp:echo \
	    gone.test=tcp:nx many.test=tcp:many:500 none.test=tcp:a:127.0.0.1 \
	    mx.test=a:"$NET.1"
	explain good.test
	[[ $output == *'mx: 10 mx.test'* ]]
	explain many.test
	[ "$(grep -c '^mx: ' <<< "$output")" -eq 64 ]
	explain none.test
	[[ $output == *'mx: none.test (there is no MX record)'* ]]
	explain gone.test
	result_is 'bounced: 5.1.2 gone.test: no such domain'
	began=$SECONDS
	for d in hang drip close wrong cut echo; do
		short explain $d.test
		result_is "deferred: 4.4.3 $d.test: the name server did not answer"
	done
	[ $((SECONDS - began)) -lt 30 ]
	# use-vc: nothing but TCP
	RES_OPTIONS='timeout:1 attempts:1 use-vc' explain hang.test
	result_is 'deferred: 4.4.3 hang.test: the name server did not answer'
}

@test "an IDN domain is asked for as A-labels" {
	dnsd xn--bcher-kva.test=mx:1:mx.b.test mx.b.test="a:$NET.1"
	explain BÜCHER.test
	[[ $output == *"domain: xn--bcher-kva.test"* ]]
	result_is "$SENT"
}

@test "hostile names in an answer are dropped" {
	local d long
	long=$(printf '\001%.0s' {1..60})
	long=$long.$long.$long.$long
	dnsd 'b.test=mx:1:a;b$(x).test,2:mx.b.test' mx.b.test="a:$NET.1" \
	    c.test='mx:1:x y.test' d.test="mx:1:$long" e.test="cname:$long"
	explain b.test
	[[ $output != *\;* ]]
	[[ $output != *"mx: 1"* ]]
	[[ $output == *"mx: 2 mx.b.test"* ]]
	drive c.test
	[[ $output == *" f 5.4.4 none "* ]]
	# An MX record that is worth nothing is one (RFC 5321 5.1).
	for d in c d; do
		explain $d.test
		[[ $output != *"no MX record"* ]]
		[[ ${lines[-1]} == 'result: bounced: 5.4.4 '* ]]
	done
	drive e.test
	[[ $output == *" f 5.1.2 none "* ]]
}

@test "a name server on IPv6, with a port" {
	python3 -c 'import socket
socket.socket(socket.AF_INET6).bind(("::1", 0))' || skip 'no IPv6 here'
	p=$((20000 + RANDOM % 10000))
	start dns python3 "$REPO/tests/dnsd.py" ::1 "$p" "$T/ready" \
	    b.test=mx:1:mx.b.test mx.b.test="a:$NET.1"
	wait_for test -e "$T/ready"
	conf "nameserver [::1]:$p"
	explain b.test
	[[ $output == *"address: mx.b.test[$NET.1]"* ]]
}

@test "a name server that is dead is waited for once, not at each question" {
	local s0=$SECONDS zone=(b.test=mx:1:mx.b.test "mx.b.test=a:$NET.1")
	[ "$EUID" -eq 0 ] || skip 'a port for root, and a mount'
	start dead python3 "$REPO/tests/dnsd.py" "$NET.53" 53 "$T/dead" \
	    {,mx.,_mta-sts.}b.test=hang
	start live python3 "$REPO/tests/dnsd.py" "$NET.54" 53 "$T/live" \
	    "${zone[@]}"
	wait_for test -e "$T/dead"
	wait_for test -e "$T/live"
	sed -i /^nameserver/d "$T/conf"
	printf '%s\n' "nameserver $NET.53" "nameserver $NET.54" \
	    'options timeout:3' > "$T/resolv.conf"
	# shellcheck disable=SC2016
	run timeout 120 unshare -m sh -c \
	    'mount --bind "$0" /etc/resolv.conf && exec "$@"' "$T/resolv.conf" \
	    "$DRIVE" -x "$T/conf" b.test "$T/m" x
	echo "$output"
	result_is "$SENT"
	[ $((SECONDS - s0)) -lt 9 ]
}

@test "resolv.conf cannot be read now: no other name server is asked instead" {
	need strace
	for e in openat,open:error=EMFILE read:error=EIO; do
		run strace -f -o "$T/calls" -P /etc/resolv.conf -e inject="$e":when=1 \
		    "$DRIVE" -x "$T/conf" b.test "$T/m" x
		echo "$output"
		grep -q INJECTED "$T/calls"
		result_is 'deferred: 4.4.3 resolv.conf cannot be read now'
	done
}
