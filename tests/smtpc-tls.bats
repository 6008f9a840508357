# smtpc-tls - TLS and logins of the SMTP client, against scripted hosts (peer.py)
# and a name server that says what is secure (dnsd.py), by smtpc_drive.

load lib
load tls

DRIVE=$BIN/unit/smtpc_drive
[ -x "$DRIVE" ] || DRIVE=$REPO/build/unit/smtpc_drive

# An authority, and certificates: once for all tests.
setup_file()
{
	CERTS=$(mktemp -d)
	export CERTS
	chmod 755 "$CERTS"
	T=$CERTS tls_ca
	openssl rehash "$CERTS/ca"
	certificate good mx.b.test
	certificate other mx.other.test
	certificate domain b.test
	DAYS=-1 certificate expired mx.b.test
	# shellcheck disable=SC2046
	tls_make "$CERTS/long.pem" mx.b.test $(printf 'a%d.b.test ' {100..180})
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
	    -keyout "$CERTS/key" -subj /CN=self -days 30 2> /dev/null |
	    cat - "$CERTS/key" > "$CERTS/self.pem"
}

teardown_file() { rm -rf "$CERTS"; }

# certificate NAME HOST: $CERTS/NAME.pem with its key and its authority.
certificate()
{
	tls_make "$CERTS/$1.pem" "$2"
	cat "$CA" >> "$CERTS/$1.pem"
}

setup()
{
	test_begin
	mkdir -p "$T/spool/hosts" "$T/spool/sts"
	printf '%s\n' 'Subject: hi' '' hello > "$T/m"
	HOST=$NET.1
	conf
}

teardown() { test_end; }

conf()
{
	printf '%s\n' 'hostname a.test' "spool $T/spool" "state $T/state" \
	    "log $T/log" "port $SMTP_PORT" 'smtp_timeout 30s' \
	    "nameserver $NET.53:$DNS_PORT" "programs $BIN" "$@" > "$T/conf"
}

policy() { printf '%s\n' "$@" > "$T/tls_policy"; }

# secret LINE...: who we are to the smarthost.
secret()
{
	printf '%s\n' "$@" > "$T/smarthost_auth"
	chmod 600 "$T/smarthost_auth"
}

# dnsd NAME=ACTION...: a name server for b.test with one host mx.b.test, and these.
dnsd()
{
	set -- "b.test=mx:1:mx.b.test" "mx.b.test=a:$HOST" "$@"
	if [ -e "$T/pid/dns" ]; then
		printf '%s\n' "$@" > "$T/ready.zone"
	else
		start dns python3 "$REPO/tests/dnsd.py" "$NET.53" $DNS_PORT \
		    "$T/ready" "$@"
		wait_for test -e "$T/ready"
	fi
}

# secure [NAME=ACTION]...: the same, validated.
secure()
{
	dnsd b.test=ad:mx:1:mx.b.test "mx.b.test=ad:a:$HOST" "$@"
}

TLSA=_$SMTP_PORT._tcp.mx.b.test

# spki NAME: the digest of a certificate's key, for 3 1 1.
spki()
{
	openssl x509 -in "$CERTS/$1.pem" -noout -pubkey |
	    openssl pkey -pubin -outform DER | sha256sum | cut -d' ' -f1
}

# host CERT [STAGE=ACTION...]: a scripted host that offers STARTTLS.
host()
{
	set -- "CERT=$CERTS/$1.pem" \
	    'OFFER=PIPELINING,8BITMIME,SIZE 50000000,STARTTLS' "${@:2}"
	rm -rf "$T/host"/{log,[0-9]*} "$T"/spool/hosts/*
	if [ -e "$T/pid/host" ]; then
		printf '%s\n' "$@" > "$T/host/script"
	else
		start host python3 "$REPO/tests/peer.py" "$HOST" \
		    "${PORT:-$SMTP_PORT}" "$T/host" "$@"
		wait_for test -e "$T/host/ready"
	fi
}

# drive DOMAIN: with our authority in place of the machine's.
drive()
{
	local ca=() auth=()
	[ "$EUID" -ne 0 ] || ca=(unshare -m sh -c
	    "mount --bind '$CERTS/ca' /etc/ssl/certs && exec \"\$@\"" sh)
	[ ! -e "$T/smarthost_auth" ] || auth=(-a "$T/smarthost_auth")
	run timeout 120 "${ca[@]}" "$DRIVE" -F -p -v "${auth[@]}" "$T/conf" "$1" \
	    "$T/m" "${2:-bob@$1}"
	echo "$output"
	result=$(grep '^0 ' <<< "$output")
	cat "$T/log" "$T/host/log" || :
}

root() { [ "$EUID" -eq 0 ] || skip 'needs an authority of its own'; }

# How it went: "s", "d" or "f", and the status.
went() { [[ $result == "0 bob@"*" $1 $2 "* ]]; }

# not COMMAND...: it fails.
not() { ! "$@"; }

# Nothing of a letter went over in the clear, nor at all.
kept()
{
	went d "$1"
	[ ! -e "$T/host/1" ]
	[ -z "$(grep -E 'C: (MAIL|RCPT|DATA)' "$T/host/log")" ]
}

sent_by_tls()
{
	went s 2.0.0
	[ -e "$T/host/1" ]
	[[ $result == *"]:"*", TLSv1."[23]', level '* ]]
	sed -n '/^tls /,$p' "$T/host/log" | grep -q 'C: MAIL'
	[ -z "$(sed '/^tls /,$d' "$T/host/log" | grep 'C: MAIL')" ]
}

sent_in_clear()
{
	went s 2.0.0
	[ -e "$T/host/1" ]
	[[ $result == *"]:$SMTP_PORT, in the clear, level "* ]]
	[ -z "$(sed -n '/^tls /,$p' "$T/host/log")" ]
}

# --- opportunistic ---

@test "STARTTLS is used where it is offered, whoever it is; EHLO is said anew" {
	dnsd
	host self
	drive b.test
	sent_by_tls
	[ "$(grep -c 'C: EHLO a.test' "$T/host/log")" -eq 2 ]
	grep -q '^tls mx.b.test$' "$T/host/log"
	grep -qE "Untrusted TLS connection established to mx.b.test\[$HOST\]:$SMTP_PORT: TLSv1.3 with cipher TLS_[A-Z0-9_]* \([0-9]*/[0-9]* bits\), level may: " "$T/log"
	[[ $output == *'>>> STARTTLS'* ]]
}

@test "what was offered in the clear does not count in TLS" {
	dnsd
	host self 'TLSOFFER=8BITMIME'
	drive b.test
	sent_by_tls
	[ -z "$(grep SIZE= "$T/host/log")" ]
}

@test "no STARTTLS, a refused one, and a failed handshake: clear, where it may be" {
	dnsd
	host self OFFER=PIPELINING
	drive b.test
	sent_in_clear
	host self 'starttls=454 4.7.0 not now'
	drive b.test
	sent_in_clear
	host self 'starttls=501 5.5.4 what'
	drive b.test
	sent_in_clear
	host self '1:starttls=close,220 go on'
	: > "$T/log"
	drive b.test
	sent_in_clear
	grep -q 'going on in the clear' "$T/log"
	[ "$(grep -c '^connect$' "$T/host/log")" -eq 2 ]
}

@test "a host that does not shake hands is what is named, not the relay" {
	dnsd
	sed -i 's/^smtp_timeout .*/smtp_timeout 2s/' "$T/conf"
	policy 'b.test encrypt'
	host self 'starttls=hang,220 go on'
	drive b.test
	kept 4.7.5
	[[ $result == *': no handshake in time' ]]
}

@test "many letters share the connection and the handshake" {
	dnsd
	host self
	run "$DRIVE" -n 20 "$T/conf" b.test "$T/m" bob@b.test kim@b.test
	[ "$(grep -c ' s 2.0.0 ' <<< "$output")" -eq 40 ]
	[ "$(grep -c '^tls ' "$T/host/log")" -eq 1 ]
	[ ! -e "$T/host/21" ]
	cmp "$T/host/1" "$T/host/20"
}

@test "a large letter comes through as it was" {
	dnsd
	host self
	python3 -c 'import random
print("Subject: big\n")
for i in range(60000): print(random.getrandbits(200))' > "$T/m"
	drive b.test
	sent_by_tls
	cmp <(sed 's/$/\r/' "$T/m") "$T/host/1"
}

no_relay() { ! pgrep -f "tlsrelay.*$T"; }

@test "no relay is left behind" {
	dnsd
	host self
	drive b.test
	sent_by_tls
	wait_for no_relay
	conf 'smtp_timeout 5s'
	host self dot=hang
	drive b.test
	went d 4.4.2
	wait_for no_relay
}

# --- attacks ---

@test "replies behind the reply to STARTTLS are an attack: the letter waits" {
	local end
	dnsd
	for end in crlf lf; do
		host good END=$end 'starttls=220 go on|250-evil.test|250 SIZE 1'
		drive b.test
		kept 4.7.5
		[[ $result == *attack* ]]
		grep -q 'bytes in the clear behind the reply to STARTTLS, an attack' \
		    "$T/log"
		rm "$T/log"
		not grep -q '^tls mx' "$T/host/log"
	done
}

@test "a stripped STARTTLS under encrypt, verify, dane: the letter waits" {
	local l
	secure "$TLSA=ad:tlsa:030101$(spki good)"
	for l in 'b.test encrypt' 'b.test verify' 'b.test dane' ''; do
		policy "$l"
		host good OFFER=PIPELINING
		drive b.test
		kept 4.7.4
		[[ $result == *'STARTTLS was not offered'* ]]
		host good 'starttls=454 4.7.0 not now'
		drive b.test
		kept 4.7.4
		host good 'starttls=close,220 go on'
		drive b.test
		kept 4.7.5
		host good 'ehlo=502 5.5.1 what'
		drive b.test
		kept 4.7.4
	done
}

@test "who must prove who he is, and has not, cannot refuse a letter for good" {
	local l
	secure "$TLSA=ad:tlsa:030101$(spki good)"
	for l in 'b.test verify' ''; do
		policy "$l"
		host good 'greet=554 5.7.1 go away'
		drive b.test
		kept 4.3.2
		[[ $result == *'refused to talk to me: 554 5.7.1 go away'* ]]
		host good 'ehlo=554 5.7.1 go away' 'helo=554 5.7.1 go away'
		drive b.test
		kept 4.5.0
		host good 'greet=220 a.test ESMTP' 'ehlo=250 a.test'
		drive b.test
		kept 4.7.4
	done
	policy 'b.test encrypt'
	host good 'greet=554 5.7.1 go away'
	secure
	drive b.test
	went f 5.7.1
}

# --- the table ---

@test "none: no TLS, even where it is offered" {
	policy 'b.test none'
	dnsd
	host self
	drive b.test
	sent_in_clear
	not grep -q STARTTLS "$T/host/log"
}

@test "a table that is wrong: everything waits, and the line is named" {
	policy 'c.test may' 'b.test encrypted'
	dnsd
	host self
	drive b.test
	kept 4.3.5
	[[ $result == *'tls_policy:2: no such level' ]]
	grep -q 'tls_policy:2: ' "$T/log"
	rm "$T/tls_policy"
	mkdir "$T/tls_policy"
	drive b.test
	kept 4.3.5
	rmdir "$T/tls_policy"
	ln -s nowhere "$T/tls_policy"
	drive b.test
	went d 4.3.5
	[[ $result == *'tls_policy: No such file'* ]]
}

@test "a table that is not there while it is written anew is waited for" {
	dnsd
	host self OFFER=PIPELINING
	policy '* encrypt'
	mv "$T/tls_policy" "$T/old"
	(sleep 0.3; mv "$T/old" "$T/tls_policy") &
	drive b.test
	kept 4.7.4
	# Nobody writes one: there is none.
	rm "$T/tls_policy"
	drive b.test
	sent_in_clear
}

@test "verify: the right authority, name and time" {
	root
	policy '* verify'
	dnsd
	for c in good domain; do
		host $c
		drive b.test
		sent_by_tls
		grep -q 'Verified TLS connection .*, level verify: tls_policy:1' \
		    "$T/log"
	done
	for c in self other expired; do
		host $c
		drive b.test
		kept 4.7.5
		[[ $result == *'certificate verify failed'* ]]
	done
	policy 'b.test verify mx.other.test'
	host other
	drive b.test
	sent_by_tls
	host good
	drive b.test
	kept 4.7.5
	# An address literal is a name of its own.
	CA_DIR=$CERTS/ca T=$CERTS certificate literal "$HOST"
	policy "[$HOST] verify"
	host literal
	drive "[$HOST]"
	sent_by_tls
	host good
	drive "[$HOST]"
	kept 4.7.5
}

# --- DANE ---

@test "DANE: the right key delivers, and needs no authority" {
	for c in self other expired; do
		secure "$TLSA=ad:tlsa:030101$(spki $c)"
		host $c
		drive b.test
		sent_by_tls
		grep -q 'Verified TLS .*, level dane: TLSA records of mx.b.test' \
		    "$T/log"
	done
	# One of several is enough.
	secure "$TLSA=ad:tlsa:030101$(spki good),030101$(spki self)"
	host self
	drive b.test
	sent_by_tls
}

@test "DANE: a wrong key, or an authority with a wrong name: the letter waits" {
	local ca
	secure "$TLSA=ad:tlsa:030101$(spki other)"
	host good
	drive b.test
	kept 4.7.5
	ca=$(openssl x509 -in "$CA" -outform DER | sha256sum |
	    cut -d' ' -f1)
	secure "$TLSA=ad:tlsa:020001$ca"
	host other
	drive b.test
	kept 4.7.5
	for c in good domain; do
		host $c
		drive b.test
		sent_by_tls
	done
}

@test "DANE: what is not secure from end to end is not even asked for" {
	local n
	n=$TLSA=ad:tlsa:030101$(spki other)
	dnsd "$n"
	host self
	drive b.test
	sent_by_tls
	dnsd b.test=ad:mx:1:mx.b.test "$n"
	drive b.test
	went s 2.0.0
	dnsd "mx.b.test=ad:a:$HOST" "$n"
	drive b.test
	went s 2.0.0
	# Records that nobody vouches for are none.
	secure "$TLSA=tlsa:030101$(spki other)"
	drive b.test
	went s 2.0.0
}

@test "DANE: records that cannot be looked up: the letter waits" {
	local a
	for a in servfail refused garbage hang; do
		secure "$TLSA=$a"
		host self
		if [ "$a" = hang ]; then
			export RES_OPTIONS='timeout:4 attempts:1'
		fi
		drive b.test
		kept 4.7.5
		[[ $result == *'cannot be looked up'* ]]
		[ ! -s "$T/host/log" ]
	done
	# An answer that there are none is one.
	secure
	drive b.test
	sent_by_tls
}

@test "DANE: records that cannot be used ask for TLS, with whomever" {
	secure "$TLSA=ad:tlsa:010101$(spki good)"
	host self
	drive b.test
	sent_by_tls
	grep -q 'level encrypt: no TLSA record of mx.b.test can be used' "$T/log"
	host self OFFER=PIPELINING
	drive b.test
	kept 4.7.4
	# Nor can what is cut short; a host without TLS would have none.
	for r in '' 03 030101; do
		secure "$TLSA=ad:tlsa:$r"
		drive b.test
		kept 4.7.4
	done
}

@test "DANE: what should be a certificate or a key and is none cannot be used" {
	local r
	for r in 030000deadbeef 03010030030102 02000030 0300003082ffff01; do
		host self
		secure "$TLSA=ad:tlsa:$r"
		drive b.test
		sent_by_tls
		grep -q 'level encrypt: no TLSA record of mx.b.test can be used' "$T/log"
	done
	host self OFFER=PIPELINING
	drive b.test
	kept 4.7.4
	# Who asks for DANE, or for MTA-STS, has not got it.
	policy 'b.test dane'
	host self
	drive b.test
	kept 4.7.5
	rm "$T/tls_policy"
	sts enforce mx.b.test
	secure "$RECORD" "$TLSA=ad:tlsa:$r"
	drive b.test
	kept 4.7.5
	# One that can be used counts.
	host self
	secure "$TLSA=ad:tlsa:030000deadbeef,030101$(spki good)"
	drive b.test
	kept 4.7.5
	host good
	drive b.test
	sent_by_tls
	grep -q 'Verified TLS .*, level dane' "$T/log"
}

@test "DANE: a certificate as a whole, of more than a kilobyte" {
	local der
	der=$(openssl x509 -in "$CERTS/long.pem" -outform DER | od -An -v -tx1 | tr -d ' \n')
	[ "${#der}" -gt 2500 ]
	host long
	secure "$TLSA=tcp:ad:tlsa:030000$der"
	drive b.test
	sent_by_tls
	grep -q 'Verified TLS .*, level dane' "$T/log"
	secure "$TLSA=tcp:ad:tlsa:030000${der%????}0000"
	host long
	drive b.test
	kept 4.7.5
}

@test "DANE: a host that is an alias (RFC 7672 2.2.2)" {
	local at="_$SMTP_PORT._tcp"
	secure mx.b.test=ad:cname:real.b.test "real.b.test=ad:a:$HOST" \
	    "$at.real.b.test=ad:tlsa:030101$(spki self)" \
	    "$TLSA=ad:tlsa:030101$(spki good)"
	host self
	drive b.test
	sent_by_tls
	grep -q '^tls real.b.test$' "$T/host/log"
	secure mx.b.test=ad:cname:real.b.test "real.b.test=ad:a:$HOST" \
	    "$TLSA=ad:tlsa:030101$(spki good)"
	host self
	drive b.test
	kept 4.7.5
	host good
	drive b.test
	sent_by_tls
	# The alias is secure, what it leads to is not.
	secure mx.b.test=ad:cname:real.b.test "real.b.test=a:$HOST" \
	    "$TLSA=ad:tlsa:030101$(spki good)"
	host self
	drive b.test
	kept 4.7.5
	secure mx.b.test=cname:real.b.test "real.b.test=a:$HOST" \
	    "$TLSA=ad:tlsa:030101$(spki good)"
	drive b.test
	sent_by_tls
}

@test "DANE: an alias whose addresses of one kind cannot be looked up" {
	local at="_$SMTP_PORT._tcp" real other
	for real in "ad:aaaa:__ffff_$HOST" "ad:a:$HOST"; do
		other=a
		[[ $real = *aaaa* ]] || other=aaaa
		secure mx.b.test=ad:cname:real.b.test "real.b.test=$real" \
		    "$other@mx.b.test=servfail" \
		    "$at.real.b.test=ad:tlsa:030101$(spki good)"
		host self
		drive b.test
		kept 4.7.5
		host good
		drive b.test
		sent_by_tls
		grep -q 'level dane' "$T/log"
		: > "$T/log"
	done
}

# --- MTA-STS ---

# sts MODE MX: the policy of b.test, as it was fetched a moment ago.
sts()
{
	local text
	text=$(printf '%s\n' 'version: STSv1' "mode: $1" "mx: $2" \
	    'max_age: 86400')
	printf 'facteur-sts 1 %s 1 0 - %s\n\n%s\n' "$(date +%s)" \
	    $((${#text} + 1)) "$text" > "$T/spool/sts/b.test"
}
RECORD='_mta-sts.b.test=txt:v=STSv1; id=1;'

@test "MTA-STS: a host of the policy, with a certificate for its name" {
	root
	dnsd "$RECORD"
	sts enforce '*.b.test'
	host good
	drive b.test
	sent_by_tls
	grep -q 'Verified TLS .*, level verify: MTA-STS: policy' "$T/log"
	for c in self domain expired; do
		host $c
		drive b.test
		kept 4.7.5
	done
	host good OFFER=PIPELINING
	drive b.test
	kept 4.7.4
	# To test a policy costs nobody a letter.
	sts testing '*.b.test'
	host good OFFER=PIPELINING
	drive b.test
	sent_in_clear
}

@test "MTA-STS: another host than those of the policy gets nothing" {
	dnsd "$RECORD"
	sts enforce mx.other.test
	host good
	drive b.test
	kept 4.7.5
	[[ $result == *'MTA-STS policy of b.test does not name mx.b.test'* ]]
	[ ! -s "$T/host/log" ]
	policy 'b.test none'
	drive b.test
	sent_in_clear
}

@test "MTA-STS: whoever hides the MX records takes nothing from the policy" {
	root
	dnsd b.test=a:"$HOST" "$RECORD"
	sts enforce '*.b.test'
	host self
	drive b.test
	kept 4.7.5
	[[ $result == *'MTA-STS policy of b.test does not name b.test'* ]]
	sts enforce b.test
	host domain
	drive b.test
	sent_by_tls
	host self
	drive b.test
	kept 4.7.5
}

@test "DANE wins over MTA-STS" {
	sts enforce mx.other.test
	secure "$RECORD" "$TLSA=ad:tlsa:030101$(spki self)"
	host self
	drive b.test
	sent_by_tls
	sts enforce mx.b.test
	secure "$RECORD" "$TLSA=ad:tlsa:030101$(spki self)"
	host good
	drive b.test
	kept 4.7.5
}

@test "queuerun -n: the level of each host, and why" {
	secure "$TLSA=ad:tlsa:030101$(spki good)"
	run "$DRIVE" -x "$T/conf" b.test "$T/m" x
	echo "$output"
	[[ $output == *'mx: 1 mx.b.test (secure)'* ]]
	[[ $output == *'tls: mx.b.test: dane (TLSA records of mx.b.test)'* ]]
	[[ $output == *'tls: record 3 1 1'* ]]
	policy '.test encrypt'
	dnsd
	run "$DRIVE" -x "$T/conf" b.test "$T/m" x
	[[ $output == *'tls: mx.b.test: encrypt (tls_policy:1)'* ]]
	policy 'b.test dane'
	run "$DRIVE" -x "$T/conf" b.test "$T/m" x
	[[ $output == *'skip: tls_policy:1 asks for TLSA records'* ]]
}

# --- a smarthost ---

OFFER='PIPELINING,AUTH PLAIN LOGIN SCRAM-SHA-256'

@test "a smarthost is logged in to by the strongest that it offers" {
	local m want
	secret "$HOST jo secret word"
	conf "smarthost [$HOST]:$SMTP_PORT"
	while read -r want m; do
		host self "TLSOFFER=AUTH $m" 'LOGIN=jo:secret word'
		drive b.test
		sent_by_tls
		grep -q "^login $want ok" "$T/host/log"
		grep -q '^C: MAIL' "$T/host/log"
	done <<-'END'
		PLAIN PLAIN
		LOGIN LOGIN CRAM-MD5
		PLAIN LOGIN PLAIN
		SCRAM-SHA-256 PLAIN LOGIN SCRAM-SHA-256
	END
	[[ $output == *'>>> AUTH SCRAM-SHA-256 ***'* ]]
}

@test "a login that is too long for a command waits to be asked for" {
	local n m long
	long=$(printf '%0400d' 7)
	conf "smarthost [$HOST]:$SMTP_PORT"
	# 512 bytes with CRLF, and one more.
	for n in 368 369 400; do
		secret "$HOST jo ${long: -n}"
		host self 'TLSOFFER=AUTH PLAIN' "LOGIN=jo:${long: -n}"
		drive b.test
		sent_by_tls
		grep -q '^login PLAIN ok' "$T/host/log"
		m=$(sed -n 's/^C: \(AUTH .*\)/\1/p' "$T/host/log")
		[ "${#m}" -le 510 ]
		[ "$n" -eq 368 ] || [ "$m" = 'AUTH PLAIN' ]
	done
	long=${long//0/,}
	secret "$HOST ${long: -250} pw"
	host self 'TLSOFFER=AUTH SCRAM-SHA-256' "LOGIN=${long: -250}:pw"
	drive b.test
	grep -q '^C: AUTH SCRAM-SHA-256$' "$T/host/log"
}

@test "a smarthost with a final dot has its policy and its login" {
	dnsd
	secret 'mx.b.test jo pw'
	policy "mx.b.test:$SMTP_PORT encrypt"
	conf "smarthost [mx.b.test.]:$SMTP_PORT"
	host self 'TLSOFFER=AUTH PLAIN' LOGIN=jo:pw
	drive b.test
	sent_by_tls
	[[ $result == *'level encrypt: tls_policy:1'* ]]
	grep -q '^login PLAIN ok' "$T/host/log"
	grep -q '^tls mx.b.test$' "$T/host/log"
	secret 'mx.b.test. jo pw'
	host self 'TLSOFFER=AUTH PLAIN' LOGIN=jo:pw
	drive b.test
	grep -q '^login PLAIN ok' "$T/host/log"
}

@test "the password is in no trace, log or reason" {
	local p
	secret "$HOST jo topsecret"
	conf "smarthost [$HOST]:$SMTP_PORT"
	for m in PLAIN LOGIN; do
		host self "TLSOFFER=AUTH $m" 'LOGIN=jo:topsecret'
		drive b.test
		sent_by_tls
		for p in topsecret "$(printf topsecret | base64)" \
		    "$(printf '\0jo\0topsecret' | base64)"; do
			[[ $result$(cat "$T/log")$(grep -v ^C: <<< "$output") \
			    != *"$p"* ]]
		done
	done
}

@test "a password is told to nobody in the clear, but here" {
	secret "$HOST jo pw"
	conf "smarthost [$HOST]:$SMTP_PORT"
	host self "OFFER=$OFFER" LOGIN=jo:pw
	drive b.test
	sent_in_clear
	grep -q '^login SCRAM-SHA-256 ok' "$T/host/log"
	# $HOST is loopback: PLAIN would do, too.
	host self 'OFFER=AUTH PLAIN' LOGIN=jo:pw
	drive b.test
	sent_in_clear
}

@test "a login that fails, or is not to be had: the letter waits" {
	secret "$HOST jo wrong"
	conf "smarthost [$HOST]:$SMTP_PORT"
	for m in PLAIN LOGIN SCRAM-SHA-256; do
		host self "TLSOFFER=AUTH $m" LOGIN=jo:pw
		drive b.test
		went d 4.7.8
		[ ! -e "$T/host/1" ]
		[[ $result == *'the login of jo '*'failed: 535 5.7.8 wrong'* ]]
	done
	host self TLSOFFER=PIPELINING
	drive b.test
	went d 4.7.0
	host self 'TLSOFFER=AUTH CRAM-MD5'
	drive b.test
	went d 4.7.0
	# A host that does not know the password is not the one.
	secret "$HOST jo pw"
	host self 'TLSOFFER=AUTH SCRAM-SHA-256' LOGIN=jo:pw auth=forged
	drive b.test
	went d 4.7.8
	[ ! -e "$T/host/1" ]
}

@test "port 465: TLS from the first byte on" {
	[ "$EUID" -eq 0 ] || skip 'a low port'
	secret "$HOST:465 jo pw"
	conf "smarthost [$HOST]:465"
	PORT=465 host self TLS=now 'OFFER=AUTH PLAIN' LOGIN=jo:pw
	drive b.test
	sent_by_tls
	not grep -q 'C: STARTTLS' "$T/host/log"
	grep -q '^login PLAIN ok' "$T/host/log"
	policy "[$HOST]:465 verify smtp.b.test"
	PORT=465 host self TLS=now
	drive b.test
	kept 4.7.5
}

@test "smarthost_auth must be readable by its owner alone, and a broken one is named" {
	instance a a.test "smarthost [$HOST]:$SMTP_PORT"
	echo "$HOST jo pw" > "$D/smarthost_auth"
	host self 'TLSOFFER=AUTH PLAIN' LOGIN=jo:pw
	send a -i -f alice@a.test bob@b.test < "$T/m"
	chmod 640 "$D/smarthost_auth"
	run queue a
	cat "$D/log"
	grep -q 'status=deferred.*smarthost_auth:0: ' "$D/log"
	[ ! -s "$T/host/log" ]
	chmod 600 "$D/smarthost_auth"
	echo 'other.test jo' >> "$D/smarthost_auth"
	run queue a -R b.test
	grep -q 'status=deferred.*smarthost_auth:2: ' "$D/log"
	sed -i 2d "$D/smarthost_auth"
	queue a -R b.test
	grep -q 'status=sent' "$D/log"
	grep -q '^login PLAIN ok' "$T/host/log"
}

@test "a smarthost_auth that is not there while it is written anew is waited for" {
	instance a a.test "smarthost [$HOST]:$SMTP_PORT"
	echo "$HOST jo pw" > "$D/smarthost_auth"
	chmod 600 "$D/smarthost_auth"
	host self 'TLSOFFER=AUTH PLAIN' LOGIN=jo:pw
	send a -i -f alice@a.test bob@b.test < "$T/m"
	mv "$D/smarthost_auth" "$T/old"
	(sleep 0.3; mv "$T/old" "$D/smarthost_auth") &
	queue a
	grep -q 'status=sent' "$D/log"
	grep -q '^login PLAIN ok' "$T/host/log"
}

@test "an authority that cannot be read is no fault of the host" {
	root
	dnsd
	policy 'b.test verify mx.b.test'
	host good
	cp -a "$CERTS/ca" "$T/ca"
	chmod 600 "$T/ca/ca.pem"
	CERTS=$T drive b.test
	kept 4.7.5
	grep 'certificate verify failed: ' <<< "$output"
}

# linked COMMAND: the letter goes by queuerun, behind the walls of its client, where
# that made an /etc/ssl; its configuration is a link there.
linked()
{
	rm -f "$D"/spool/hosts/*
	send a bob@b.test < "$T/m"
	unshare -m sh -e -c 'mount -t tmpfs none /etc/ssl
		ln -s "$2" /etc/ssl/facteur
		eval "$3"
		exec "$1" -C /etc/ssl/facteur/facteur.conf' \
	    sh "$(prog queuerun)" "$D" "$1"
	cat "$D/log"
	grep 'Verified TLS .* mx.b.test' "$D/log"
	grep 'status=sent' "$D/log"
	: > "$D/log"
}

@test "certificates and configuration may be links out of their directory" {
	root
	instance a a.test
	dnsd
	host good
	echo 'b.test verify mx.b.test' > "$D/tls_policy"
	linked 'ln -s "$CERTS/ca" /etc/ssl/certs'
	[ -d /etc/ca-certificates ] || return 0
	linked 'mount -t tmpfs none /etc/ca-certificates
		mkdir /etc/ca-certificates/extracted /etc/ssl/certs
		cp -a "$CERTS/ca/." /etc/ca-certificates/extracted
		ln -s /etc/ca-certificates/extracted/* /etc/ssl/certs'
}
