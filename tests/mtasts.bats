# mtasts - MTA-STS (RFC 8461): mtasts(8), which fetches policies, and what the
# SMTP client makes of them, by sts_drive.  The name server is dnsd.py, the web
# server httpsd.py.

load lib

DRIVE=$BIN/unit/sts_drive
[ -x "$DRIVE" ] || DRIVE=$REPO/build/unit/sts_drive
HTTPS_PORT=8443

setup()
{
	need openssl
	test_begin
	certificates
	mkdir "$T/bin" "$T/web"
	: > "$T/asked"
	chmod 666 "$T/asked"
	cat > "$T/bin/mtasts" <<-END
		#!/bin/sh
		echo "\$*" >> $T/asked
		exec $BIN/queuerun/mtasts/mtasts -A $T/ca -P $HTTPS_PORT -t \$(cat $T/limit) "\$@"
	END
	chmod 755 "$T/bin/mtasts"
	instance a a.test "programs $T/bin"
	owner=()
	[ "$EUID" -ne 0 ] ||
		owner=(setpriv --reuid="$(stat -c %u "$D/spool")"
		    --regid="$(stat -c %g "$D/spool")" --clear-groups)
	limit 30
	POLICY='version: STSv1\nmode: enforce\nmx: mx.b.test\nmx: *.c.test\nmax_age: 604800\n'
}

teardown() { test_end; }

# limit SECONDS: how long a fetch may take; short where it is the matter.
limit() { echo "$1" > "$T/limit"; }

# One authority for all tests of the suite, and what it signs.
certificates()
{
	local d=$BATS_FILE_TMPDIR
	if [ ! -e "$d/done" ]; then
		openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 \
		    -nodes -days 30 -subj /CN=authority -keyout "$d/ca.key" \
		    -out "$d/ca.pem"
		sign good mta-sts.b.test
		sign wide '*.b.test'
		sign other mta-sts.c.test
		sign old mta-sts.b.test -startdate 20200101000000Z \
		    -enddate 20200201000000Z
		openssl req -x509 -key "$d/ca.key" -days 30 \
		    -subj /CN=mta-sts.b.test \
		    -addext subjectAltName=DNS:mta-sts.b.test -out "$d/own.pem"
		cat "$d/ca.key" >> "$d/own.pem"
		: > "$d/done"
	fi 2> /dev/null
	mkdir "$T/ca"
	cp "$d/ca.pem" "$T/ca/$(openssl x509 -hash -noout -in "$d/ca.pem").0"
}

# sign NAME HOST [OPTION...]: $d/NAME.pem, chain and key, by openssl ca.
sign()
{
	local name=$1 host=$2
	shift 2
	: > "$d/index"
	printf '%s\n' '[ca]' 'default_ca=x' '[x]' "database=$d/index" \
	    "new_certs_dir=$d" 'rand_serial=yes' 'default_md=sha256' \
	    'policy=p' "certificate=$d/ca.pem" "private_key=$d/ca.key" \
	    'default_days=30' '[p]' 'commonName=supplied' '[e]' \
	    "subjectAltName=DNS:$host" > "$d/ca.conf"
	openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
	    -subj /CN=server -keyout "$d/$name.key" -out "$d/$name.csr"
	openssl ca -batch -notext -config "$d/ca.conf" -extensions e \
	    -in "$d/$name.csr" -out "$d/$name.pem" "$@"
	cat "$d/$name.key" >> "$d/$name.pem"
}

# web ACTION [CERTIFICATE]: the web server does that from now on.
web()
{
	printf '%s\n' "$1" > "$T/web/action"
	cp "$BATS_FILE_TMPDIR/${2:-good}.pem" "$T/web/cert.pem"
	[ -e "$T/web/policy" ] || printf "$POLICY" > "$T/web/policy"
	[ ! -e "$T/pid/web" ] || return 0
	rm -f "$T/web/ready"
	start web python3 "$REPO/tests/httpsd.py" "$NET.8" "$HTTPS_PORT" "$T/web"
	wait_for test -e "$T/web/ready"
}

# record [TEXT]: what _mta-sts.b.test says from now on; none: there is no such name.
record()
{
	set -- mta-sts.b.test="a:$NET.8" broken.test=servfail \
	    mta-sts.broken.test=servfail ${1+"_mta-sts.b.test=$1"}
	if [ -e "$T/pid/dns" ]; then
		printf '%s\n' "$@" > "$T/ready.zone"
	else
		rm -f "$T/ready"
		start dns python3 "$REPO/tests/dnsd.py" "$NET.53" $DNS_PORT \
		    "$T/ready" "$@"
		wait_for test -e "$T/ready"
	fi
}

mtasts() { run "$T/bin/mtasts" -C "$C" b.test; echo "$output"; }

# What the client is told; first_is PATTERN: its first line matches.
find_sts()
{
	run "${owner[@]}" "$DRIVE" "$C" b.test
	echo "$output"
	[ "$status" -eq 0 ]
}

# shellcheck disable=SC2053
first_is() { find_sts; [[ ${lines[0]} == $1 ]]; }
asked() { [ "$(grep -c b.test "$T/asked")" -eq "$1" ]; }
kept() { echo "$D/spool/sts/b.test"; }

# age WORD VALUE: set the field of that number in the first line of the file.
age()
{
	awk -v k="$1" -v v="$2" 'NR == 1 { $k = v } 1' "$(kept)" > "$T/aged"
	cat "$T/aged" > "$(kept)"
}

@test "mtasts prints what the web server has" {
	record 'txt:v=STSv1; id=1;'
	web 'ok text/plain'
	mtasts
	[ "$status" -eq 0 ]
	[ "$output" = "$(printf "$POLICY")" ]
	[ "$(cat "$T/web/requests")" = 'GET /.well-known/mta-sts.txt HTTP/1.1' ]
	web 'ok  Text/Plain ;charset=x; y' wide
	mtasts
	[ "$status" -eq 0 ]
}

@test "mtasts takes no other answer" {
	record
	# ACTION=EXIT
	for a in 'status 301=69' 'status 302=69' 'status 307=69' \
	    'status 404=69' 'status 201=69' 'status 500=69' \
	    'ok text/html=65' 'ok text/plainer=65' 'ok =65' 'big 1024=65' \
	    'heads 1024=65' 'short=69' 'plain=76'; do
		web "${a%=*}"
		mtasts
		[ "$status" -eq "${a#*=}" ]
		[ "${#lines[@]}" -eq 1 ]
		[[ $output == 'mtasts: mta-sts.b.test: '* ]]
	done
	run grep -v '/.well-known/mta-sts.txt ' "$T/web/requests"
	[ "$status" -eq 1 ]
	# 64 kB are not too much.
	web 'big 64'
	mtasts
	[ "$status" -eq 0 ]
	[ "${#output}" -gt 65000 ]
}

@test "mtasts trusts no certificate but a right one" {
	record
	for c in other old own; do
		web 'ok text/plain' "$c"
		mtasts
		[ "$status" -eq 76 ]
		[ "${#lines[@]}" -eq 1 ]
	done
	[ ! -e "$T/web/requests" ]
	web 'ok text/plain'
	rm "$T"/ca/*
	mtasts
	[ "$status" -eq 76 ]
}

@test "mtasts does not wait for ever" {
	limit 2
	record
	for a in drip hang mute; do
		web "$a"
		begin=$SECONDS
		mtasts
		[ "$status" -eq 75 ]
		[ $((SECONDS - begin)) -lt 30 ]
	done
}

@test "mtasts: no such host, no answer, nobody there, nonsense" {
	record
	run "$T/bin/mtasts" -C "$C" c.test
	[ "$status" -eq 68 ]
	run "$T/bin/mtasts" -C "$C" broken.test
	[ "$status" -eq 75 ]
	mtasts
	[ "$status" -eq 75 ]
	for d in '[127.0.0.1]' 'b.test/x' 'a@b.test' 'b.test:1' '' 'b..test'; do
		run "$T/bin/mtasts" -C "$C" "$d"
		[ "$status" -eq 64 ]
	done
	run "$T/bin/mtasts" -t 0 b.test
	[ "$status" -eq 64 ]
	run "$T/bin/mtasts" -C "$T/none" b.test
	[ "$status" -eq 78 ]
}

@test "mtasts takes no proxy, names or passwords from the environment" {
	record
	web 'ok text/plain'
	mkdir "$T/home"
	echo 'machine mta-sts.b.test login x password y' > "$T/home/.netrc"
	run env HOME="$T/home" https_proxy=http://127.0.0.1:9 \
	    HTTPS_PROXY=http://127.0.0.1:9 ALL_PROXY=socks5://127.0.0.1:9 \
	    SSL_CERT_DIR=/nowhere SSL_CERT_FILE=/nowhere CURL_CA_BUNDLE=/nowhere \
	    "$T/bin/mtasts" -C "$C" b.test
	echo "$output"
	[ "$status" -eq 0 ]
}

@test "a policy is fetched once and kept" {
	record 'txt:v=spf1 -all|v=STSv1; id=~20261122;'
	web 'ok text/plain'
	run "${owner[@]}" "$DRIVE" "$C" b.test mx.b.test MX.c.test c.test
	echo "$output"
	[[ ${lines[0]} == 'enforce: policy 20261122 of '?' s ago' ]]
	[ "$(printf '%s\n' "${lines[@]:1}")" = "$(printf '%s\n' 'mx mx.b.test' \
	    'mx *.c.test' 'mx.b.test yes' 'MX.c.test yes' 'c.test no')" ]
	grep -q 'mta-sts: b.test: policy 20261122 mode=enforce max_age=604800 mx=2$' "$D/log"
	[ "$(stat -c %a "$(kept)")" = 600 ]
	[ "$(tail -n +3 "$(kept)")" = "$(printf "$POLICY")" ]
	[ "$(ls -A "$D/spool/sts")" = b.test ]
	stop web
	first_is 'enforce: policy 20261122 of '*' s ago'
	asked 1
}

@test "a new id has the policy fetched anew" {
	record 'txt:v=STSv1; id=1;'
	web 'ok text/plain'
	first_is 'enforce: *'
	printf 'version: STSv1\nmode: testing\nmx: a\nmax_age: 9\n' > "$T/web/policy"
	first_is 'enforce: *'
	record 'txt:v=STSv1; id=2;'
	first_is 'testing: policy 2 of '?' s ago'
	printf 'version: STSv1\nmode: none\nmax_age: 9\n' > "$T/web/policy"
	record 'txt:v=STSv1; id=3;'
	first_is 'none: policy 3 of '?' s ago'
	asked 3
}

@test "a policy holds, whatever the servers say, until it expires" {
	record 'txt:v=STSv1; id=1;'
	web 'ok text/plain'
	first_is 'enforce: *'
	for r in 'txt:garbage' 'txt:v=STSv1; id=5;|v=STSv1; id=6;' servfail \
	    garbage hang 'txt:v=STSv1;'; do
		record "$r"
		RES_OPTIONS='timeout:1 attempts:1' \
		    first_is 'enforce: policy 1 of '*'; no new one: '*
	done
	record
	first_is 'enforce: policy 1 of * s ago; no new one: no record: no such domain'
	asked 1
	stop dns
	first_is 'enforce: policy 1 of '*
	# A new one that cannot be had, or is none.
	record 'txt:v=STSv1; id=2;'
	web 'status 404'
	first_is 'enforce: policy 1 of * s ago; no new one: *HTTP status 404'
	grep -q 'mta-sts: b.test: policy 2: .*HTTP status 404$' "$D/log"
	echo '<p>' > "$T/web/policy"
	web 'ok text/plain'
	record 'txt:v=STSv1; id=3;'
	first_is 'enforce: policy 1 of * s ago; no new one: that is no policy'
	[ "${#lines[@]}" -eq 3 ]
	age 3 $(($(date +%s) - 604801))
	first_is 'none: no policy: that is no policy'
	[ "${#lines[@]}" -eq 1 ]
	age 3 $(($(date +%s) - 604700))
	first_is 'enforce: policy 1 of 60470? s ago; *'
}

@test "one that has expired, or is a day old, is fetched anew" {
	record 'txt:v=STSv1; id=1;'
	web 'ok text/plain'
	first_is 'enforce: *'
	for s in 604801 99999999 86400; do
		age 3 $(($(date +%s) - s))
		first_is 'enforce: policy 1 of '?' s ago'
	done
	asked 4
	age 3 $(($(date +%s) - 86300))
	first_is 'enforce: policy 1 of 863?? s ago'
	asked 4
	# One from days to come, of a clock that was wrong.
	age 3 $(($(date +%s) + 9999))
	first_is 'enforce: policy 1 of '?' s ago'
	asked 5
}

@test "a server that fails is left alone for a while" {
	record 'txt:v=STSv1; id=1;'
	web 'status 500'
	first_is 'none: no policy: *HTTP status 500'
	web 'ok text/plain'
	first_is 'none: no policy: *HTTP status 500'
	asked 1
	# But not for a new id, and not for long.
	age 5 $(($(date +%s) - 601))
	first_is 'enforce: *'
	asked 2
	limit 2
	web 'drip'
	record 'txt:v=STSv1; id=2;'
	first_is 'enforce: policy 1 *; no new one: *'
	first_is 'enforce: policy 1 *; no new one: *'
	asked 3
	limit 30
	web 'ok text/plain'
	record 'txt:v=STSv1; id=3;'
	first_is 'enforce: policy 3 of '?' s ago'
	asked 4
}

@test "no record, a wrong one or two: nobody is asked" {
	web 'ok text/plain'
	for r in 'txt:v=STSv1' 'txt:v=STSv1; id=1;|v=STSv1; id=1;' txt: \
	    'txt:v=STSv2; id=1;' 'txt:v=STSv1; id=a/b;' "a:$NET.8" servfail; do
		record "$r"
		first_is 'none: no policy: *'
	done
	record
	first_is 'none: no policy: no record: no such domain'
	asked 0
	[ ! -e "$D/spool/sts" ]
	for d in ../b.test b/test . .. '' '[127.0.0.1]' -C; do
		run "${owner[@]}" "$DRIVE" "$C" "$d"
		[[ $output == 'none: '* ]]
	done
	[ ! -e "$D/spool/sts" ]
}

@test "many who ask at once fetch it once" {
	record 'txt:v=STSv1; id=1;'
	web 'ok text/plain'
	seq 12 | xargs -P 12 -I{} "${owner[@]}" "$DRIVE" "$C" b.test > "$T/all.out"
	[ "$(grep -c '^enforce: policy 1 of ' "$T/all.out")" -eq 12 ]
	asked 1
	[ "$(ls -A "$D/spool/sts")" = b.test ]
}

@test "a kept file that is damaged is none; a lock left behind does no harm" {
	record 'txt:v=STSv1; id=1;'
	web 'ok text/plain'
	first_is 'enforce: *'
	cp "$(kept)" "$T/whole"
	for n in 0 1 13 14 20 26 31 32 40 60 100 -1 -2 -4; do
		head -c "$n" "$T/whole" > "$T/part"
		cat "$T/part" > "$(kept)"
		first_is 'enforce: policy 1 of '?' s ago'
		[ "$(wc -c < "$(kept)")" -eq "$(wc -c < "$T/whole")" ]
	done
	head -c 90000 /dev/zero > "$T/part"
	cat "$T/part" > "$(kept)"
	first_is 'enforce: *'
	"${owner[@]}" touch "$D/spool/sts/.b.test"
	record 'txt:v=STSv1; id=2;'
	first_is 'enforce: policy 2 of '*
	[ "$(ls -A "$D/spool/sts")" = b.test ]
	chmod 0 "$(kept)"
	first_is 'none: the policy kept of b.test cannot be read: *'
	chmod 600 "$(kept)"
	# What nobody asked for in a year goes.
	"${owner[@]}" touch -d '2 years ago' "$D/spool/sts/old.test" \
	    "$D/spool/sts/.old.test"
	record 'txt:v=STSv1; id=3;'
	first_is 'enforce: policy 3 of '*
	[ "$(ls -A "$D/spool/sts")" = b.test ]
}

@test "what cannot be kept is used all the same" {
	record 'txt:v=STSv1; id=1;'
	web 'ok text/plain'
	"${owner[@]}" ln -s /nonexistent "$D/spool/sts"
	first_is 'enforce: policy 1 of '*
	first_is 'enforce: policy 1 of '*
	asked 2
	rm "$D/spool/sts"
	[ "$EUID" -eq 0 ] || return 0
	# root leaves nothing that the owner could not read
	run "$DRIVE" "$C" b.test
	[[ $output == 'enforce: policy 1 of '* ]]
	[ ! -e "$D/spool/sts" ]
}

@test "no mtasts, or one that says too much, or ends badly: none" {
	record 'txt:v=STSv1; id=1;'
	rm "$T/bin/mtasts"
	first_is 'none: no policy: no policy came in time'
	n=1
	for what in 'yes version: STSv1' 'kill -9 $$' 'printf "x\033[1m\344"; exit 1' \
	    'echo >&2 why; exit 75' 'exit 0' 'exit 1'; do
		printf '#!/bin/sh\n%s\n' "$what" > "$T/bin/mtasts"
		chmod 755 "$T/bin/mtasts"
		n=$((n + 1))
		record "txt:v=STSv1; id=$n;"
		first_is 'none: no policy: *'
		[ "${lines[0]}" = "$(LC_ALL=C tr -dc '\n -~' <<< "${lines[0]}")" ]
	done
}

@test "queuerun fetches a policy, whatever it may do itself" {
	[ "$EUID" -eq 0 ] || skip 'only root can listen on port 443'
	instance b a.test
	record 'txt:v=STSv1; id=1;'
	HTTPS_PORT=443
	web 'ok text/plain'
	stop dns
	rm -f "$T/ready"
	start dns python3 "$REPO/tests/dnsd.py" "$NET.53" $DNS_PORT \
	    "$T/ready" b.test=mx:1:mx.b.test mx.b.test="a:$NET.9" \
	    mta-sts.b.test="a:$NET.8" '_mta-sts.b.test=txt:v=STSv1; id=1;'
	wait_for test -e "$T/ready"
	start peer python3 "$REPO/tests/peer.py" "$NET.9" "$SMTP_PORT" "$T/peer"
	wait_for test -e "$T/peer/ready"
	send b -f alice@a.test bob@b.test <<< 'Subject: hi'
	unshare -m sh -c 'mount --bind "$1" /etc/ssl/certs && exec "$2" -C "$3"' \
	    sh "$T/ca" "$(prog queuerun)" "$C"
	grep -q 'mta-sts: b.test: policy 1 mode=enforce' "$D/log"
	[ "$(tail -n +3 "$D/spool/sts/b.test")" = "$(printf "$POLICY")" ]
	# The peer has no TLS: it must wait.
	grep -q 'to=<bob@b.test>.* status=deferred ' "$D/log"
	[ "$(queued b)" -eq 1 ]
	# What binds it may stand in a file that cannot be read now.
	stop web
	chmod 0 "$D/spool/sts/b.test"
	queue b -R b.test
	grep 'to=<bob@b.test>.* status=deferred .*the policy kept of b.test cannot' "$D/log"
	[ "$(queued b)" -eq 1 ]
}
