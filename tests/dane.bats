# dane - letters from facteur, a.test, to Postfix, b.test, on a network of their
# own (netns.bash), with a name server that signs (knot), a resolver that
# validates on a's loopback (unbound), and c, where scripted hosts are.  All tests
# share them.

load lib
load netns
load tls

setup_file()
{
	test_begin
	WHY=$(net_lacks)
	peer inetd > /dev/null && peer knotd > /dev/null &&
	    peer unbound > /dev/null &&
	    [ -x "$PEERS/usr/lib/postfix/sbin/master" ] ||
		WHY='no inetd, knot, unbound or Postfix here'
	export WHY
	[ -z "$WHY" ] || return 0
	net_begin
	net_host a 1
	net_host b 2
	net_host c 3
	certificates
	name_server
	resolver
	net_facteur a 'smtp_timeout 30s' \
	    'domains a.test localhost in.b.test inwrong.b.test'
	printf 'nameserver %s\noptions trust-ad edns0\n' "$V4.1" \
	    > "$T/etc-b/resolv.conf"
	mkdir -p "$T/b/etc"
	net_postfix b 'alias_maps =' \
	    'mydestination = b.test wrong.b.test bogus.b.test usage.b.test
	     plain.test' "smtpd_tls_cert_file = $T/b.pem" \
	    'smtpd_tls_security_level = may' 'smtpd_tls_received_header = yes' \
	    'smtp_tls_security_level = dane' 'smtp_dns_support_level = dnssec' \
	    'smtp_tls_loglevel = 1'
}

teardown_file() { test_end; }

setup()
{
	[ -z "$WHY" ] || skip "$WHY"
	D=$T/a
	on a find "$T/b/mail" "$D/spool/hosts" "$D/spool/new" "$D/spool/q" \
	    -type f -delete
	: > "$D/log"
	: > "$T/b/log"
	rm -rf "$T/c" "$D/tls_policy"
	printf 'nameserver 127.0.0.1\noptions timeout:10 attempts:2\n' \
	    > "$T/etc-a/resolv.conf"
}

teardown()
{
	stop c
	[ -z "${BATS_TEST_COMPLETED-}${WHY-}" ] || return 0
	tail -n 25 "$T"/{a,b}/log "$T"/c/log "$T"/{knot,unbound}.out || :
}

# b's certificate, of an authority that a knows; and one that is out of date.
certificates()
{
	tls_ca
	mkdir -p "$T/etc-a/ssl/certs"
	cp "$CA" "$T/etc-a/ssl/certs"
	openssl rehash "$T/etc-a/ssl/certs"
	tls_make "$T/b.pem" mx.b.test
	DAYS=-1 tls_make "$T/old.pem" mx.b.test
	mkdir -p "$T/a/tls"
	tls_make "$T/a/tls/default.pem" mxin.b.test
}

# The digest of a key, for 3 1 1.
digest()
{
	openssl pkey -in "$T/$1.pem" -pubout -outform DER | sha256sum |
	    cut -d' ' -f1
}

# b.test, signed; below it a zone whose signatures nobody can believe, as its DS
# is of no key; and plain.test, not signed.
name_server()
{
	local z=$T/zones
	mkdir -p "$z"
	cat > "$z/b.test" <<-END
		\$TTL 60
		@ SOA ns.b.test. x.b.test. 1 60 60 60 60
		@ NS ns
		ns A $V4.53
		@ MX 1 mx
		mx A $V4.2
		_25._tcp.mx TLSA 3 1 1 $(digest b)
		wrong MX 1 mxwrong
		mxwrong A $V4.2
		_25._tcp.mxwrong TLSA 3 1 1 $(digest old)
		usage MX 1 mxusage
		mxusage A $V4.2
		_25._tcp.mxusage TLSA 1 1 1 $(digest old)
		in MX 1 mxin
		mxin A $V4.1
		_25._tcp.mxin TLSA 3 1 1 $(digest a/tls/default)
		inwrong MX 1 mxinwrong
		mxinwrong A $V4.1
		_25._tcp.mxinwrong TLSA 3 1 1 $(digest old)
		bogus MX 1 mxbogus
		mxbogus A $V4.2
		_tcp.mxbogus NS ns
		_tcp.mxbogus DS 12345 13 2 $(digest old)
		c MX 1 mxc
		mxc A $V4.3
		_25._tcp.mxc TLSA 3 1 1 $(digest b)
	END
	cat > "$z/_tcp.mxbogus.b.test" <<-END
		\$TTL 60
		@ SOA ns.b.test. x.b.test. 1 60 60 60 60
		@ NS ns.b.test.
		_25 TLSA 3 1 1 $(digest b)
	END
	cat > "$z/plain.test" <<-END
		\$TTL 60
		@ SOA ns x 1 60 60 60 60
		@ NS ns
		ns A $V4.53
		@ MX 1 mx
		mx A $V4.2
		_25._tcp.mx TLSA 3 1 1 $(digest old)
		c MX 1 mxc
		mxc A $V4.3
	END
	cat > "$T/knot.conf" <<-END
		server:
		  rundir: "$T/knot"
		  listen: $V4.53@53
		database:
		  storage: "$T/knot"
		policy:
		  - id: p
		    algorithm: ecdsap256sha256
		template:
		  - id: default
		    storage: "$z"
		    file: "%s"
		    zonefile-sync: -1
		    journal-content: none
		    semantic-checks: off
		zone:
		  - domain: b.test
		    dnssec-signing: on
		    dnssec-policy: p
		  - domain: _tcp.mxbogus.b.test
		    dnssec-signing: on
		    dnssec-policy: p
		  - domain: plain.test
	END
	for z in b.test _tcp.mxbogus.b.test plain.test; do
		mv "$T/zones/$z" "$T/zones/$z."
	done
	sed -i 's/file: "%s"/file: "%s."/' "$T/knot.conf"
	mkdir "$T/knot"
	start_on net knot "$(peer knotd)" -c "$T/knot.conf"
	wait_for anchor
}

# The DS of b.test's key, which a trusts.
anchor()
{
	LD_LIBRARY_PATH=$(peer_libs) "$(peer keymgr)" -c "$T/knot.conf" \
	    b.test ds > "$T/anchor" && [ -s "$T/anchor" ]
}

resolver()
{
	{
		cat <<-END
			server:
			  interface: 127.0.0.1
			  interface: $V4.1
			  access-control: 0.0.0.0/0 allow
			  do-daemonize: no
			  chroot: ""
			  username: ""
			  directory: "$T"
			  pidfile: "$T/unbound.pid"
			  use-syslog: no
			  logfile: ""
			  module-config: "validator iterator"
			  local-zone: "test." nodefault
			  do-not-query-localhost: no
			  val-log-level: 2
		END
		grep -m 1 ' 13 2 ' "$T/anchor" |
		    sed 's/.*/  trust-anchor: "&"/'
		printf 'remote-control:\n  control-enable: no\n'
		printf 'stub-zone:\n  name: "%s"\n  stub-addr: %s\n' \
		    b.test $V4.53 plain.test $V4.53
	} > "$T/unbound.conf"
	start_on a unbound "$(peer unbound)" -d -c "$T/unbound.conf"
	wait_for validates
}

validates()
{
	on a python3 - <<-'END'
		import socket
		s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		s.settimeout(1)
		s.sendto(b"\0\1\1\x20\0\1\0\0\0\0\0\0\1b\4test\0\0\x0f\0\1",
		         ("127.0.0.1", 53))
		assert s.recv(512)[3] & 0x20
	END
}

# letter DOMAIN: from alice to kim there, tried once.
letter()
{
	printf 'Subject: a letter\n\nhello\n' |
	    on a "$(prog sendmail)" -C "$T/a/facteur.conf" -i -f alice@a.test \
	    "kim@$1"
	on a "$(prog queuerun)" -C "$T/a/facteur.conf"
	cat "$T/a/log"
}

explain() { on a "$(prog queuerun)" -C "$T/a/facteur.conf" -n "kim@$1"; }

arrived()
{
	wait_for test -s "$T/b/mail/kim"
	grep -q 'status=sent' "$T/a/log"
}

# by_tls LEVEL: it came by TLS, as Postfix says in Received.
by_tls()
{
	arrived
	grep -q 'using TLSv1.3 with cipher' "$T/b/mail/kim"
	grep -q "TLS connection established to .*, level $1: " "$T/a/log"
}

# kept TEXT: it waits for that reason, and Postfix was told of no letter.
kept()
{
	grep -q "status=deferred.*$1" "$T/a/log"
	[ "$(queued a)" -eq 1 ]
	[ ! -s "$T/b/mail/kim" ]
	[ -z "$(grep -E 'client=|from=<' "$T/b/log")" ]
	on a "$(prog mailq)" -C "$T/a/facteur.conf" | grep -q "$1"
}

# scripted [STAGE=ACTION]...: a host on c.
scripted()
{
	start_on c c python3 "$REPO/tests/peer.py" "$V4.3" 25 "$T/c" \
	    "CERT=$T/b.pem" "$@"
	wait_for test -e "$T/c/ready"
}

@test "the right TLSA record delivers, verified" {
	letter b.test
	by_tls dane
	grep -q '^.*Verified TLS connection established' "$T/a/log"
	explain b.test | grep -q 'mx.b.test: dane (TLSA records of mx.b.test)'
}

@test "a wrong TLSA record: the letter waits" {
	letter wrong.b.test
	kept 'TLS with mxwrong.b.test.* failed'
}

@test "a TLSA record with a signature that is none: the letter waits" {
	letter bogus.b.test
	kept 'TLSA records of mxbogus.b.test cannot be looked up'
	[ -z "$(grep 'connect from' "$T/b/log")" ]
}

@test "a stripped STARTTLS under DANE: the letter waits" {
	scripted OFFER=PIPELINING
	letter c.b.test
	kept 'STARTTLS was not offered'
	grep -q 'C: QUIT' "$T/c/log"
	[ -z "$(grep 'C: MAIL' "$T/c/log")" ]
	# The same host where nobody asks for more.
	letter c.plain.test
	wait_for test -e "$T/c/1"
}

@test "replies injected behind STARTTLS: the letter waits" {
	scripted OFFER=STARTTLS 'starttls=220 go|250-evil|250 AUTH PLAIN'
	letter c.plain.test
	kept 'an attack'
	[ -z "$(grep 'C: MAIL' "$T/c/log")" ]
}

@test "records for other usages: TLS, with whomever" {
	letter usage.b.test
	by_tls encrypt
}

@test "a zone that is not signed: as well as it goes" {
	letter plain.test
	by_tls may
	grep -q Untrusted "$T/a/log"
}

@test "a resolver elsewhere is believed where resolv.conf says trust-ad" {
	printf 'nameserver %s\n' "$V4.1" > "$T/etc-a/resolv.conf"
	letter wrong.b.test
	by_tls may
	rm "$T/b/mail/kim"
	: > "$T/b/log"
	echo 'options trust-ad' >> "$T/etc-a/resolv.conf"
	letter wrong.b.test
	kept 'TLS with mxwrong.b.test.* failed'
}

@test "verify: the authority, the name and the time count" {
	echo 'plain.test verify mx.b.test' > "$T/a/tls_policy"
	letter plain.test
	by_tls verify
	rm "$T/b/mail/kim"
	echo 'plain.test verify' > "$T/a/tls_policy"
	: > "$T/b/log"
	letter plain.test
	kept 'certificate verify failed'
}

@test "verify: a certificate that is out of date: the letter waits" {
	echo '.plain.test verify mx.b.test' > "$T/a/tls_policy"
	start_on c c python3 "$REPO/tests/peer.py" "$V4.3" 25 "$T/c" \
	    "CERT=$T/old.pem" OFFER=STARTTLS
	wait_for test -e "$T/c/ready"
	letter c.plain.test
	kept 'certificate has expired'
	[ -z "$(grep 'C: MAIL' "$T/c/log")" ]
	echo '.plain.test encrypt' > "$T/a/tls_policy"
	on a "$(prog queuerun)" -C "$T/a/facteur.conf" -R c.plain.test
	wait_for test -e "$T/c/1"
}

# The other way: Postfix is the client, with DANE, and our smtpd is the server.
from_b()
{
	printf 'Subject: a letter\n\nhello\n' |
	    post b sendmail -f jo@b.test "alice@$1"
}

@test "Postfix believes our TLSA record" {
	from_b in.b.test
	wait_for grep -q 'status=sent (250 2.0.0 Ok: queued' "$T/b/log"
	grep -q 'Verified TLS connection established to mxin.b.test' "$T/b/log"
	on a "$(prog queuerun)" -C "$T/a/facteur.conf"
	wait_for test -s "$T/a/mail/alice"
	grep -q '	with ESMTPS id' "$T/a/mail/alice"
}

@test "Postfix does not deliver to us where our TLSA record is wrong" {
	from_b inwrong.b.test
	wait_for grep -q 'status=deferred (.*not' "$T/b/log"
	[ -z "$(find "$D/spool/new" "$D/spool/q" -type f)" ]
	run grep 'Verified TLS connection' "$T/b/log"
	[ "$status" -eq 1 ]
}
