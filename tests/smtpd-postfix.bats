# smtpd-postfix - Postfix, on a host of its own, as a client of smtpd: mandatory TLS to
# port 25, and a smarthost with a login.

load lib
load tls
load netns

setup()
{
	test_begin
	why=$(net_lacks)
	[ -z "$why" ] || skip "$why"
	need inetd dnsmasq openssl
	[ -x "$PEERS/usr/lib/postfix/sbin/master" ] || skip 'no Postfix here'
	net_begin
	net_host a 1
	net_host b 2
	net_dns --mx-host=a.test,mx.a.test,10 --host-record="mx.a.test,$V4.1,$V6::1"
}

teardown()
{
	[ -n "${BATS_TEST_COMPLETED-}${why-}" ] || tail -n 25 "$T"/{a,b}/log
	test_end
}

mail_from_b()
{
	printf 'From: %s\nTo: bob@a.test\nSubject: x\n\nText.\n' "$1" |
	    post b sendmail -f "$1" "$2"
}

@test "Postfix with mandatory, verified TLS delivers, and nothing in the clear" {
	net_facteur a
	tls_ca
	net_postfix b 'mydestination = b.test' 'alias_maps =' \
	    'smtp_tls_security_level = verify' \
	    "smtp_tls_CAfile = $CA" 'smtp_tls_loglevel = 1' \
	    'smtp_tls_verify_cert_match = hostname'
	mail_from_b jo@b.test bob@a.test
	wait_for grep -q 'status=deferred (TLS is required, but was not offered' \
	    "$T/b/log"
	[ "$(letters "$T/a/mail/bob")" -eq 0 ]
	tls_cert a default mx.a.test
	post b postqueue -f
	wait_for grep -q 'status=sent (250 2.0.0 Ok: queued' "$T/b/log"
	grep -q 'Verified TLS connection established to mx.a.test.*TLSv1.3' "$T/b/log"
	on a "$(prog queuerun)" -C "$C"
	delivered a bob 1
	grep -q '	with ESMTPS id' "$D/mail/bob"
	grep -q '(using TLSv1.3 with cipher' "$D/mail/bob"
}

@test "Postfix sends through us with a login" {
	net_facteur a 'domains a.test'
	tls_cert a default mx.a.test
	sed -i 's/:x:/:{PLAIN}secret:/' "$D/passwd"
	printf '%s\n' 'bob: @b.test' > "$D/senders"
	echo "587 stream tcp nowait.1000000 root $(smtpd_line a) -a" \
	    > "$T/inetd-s.conf"
	start_on a inetd-s "$(peer inetd)" -i "$T/inetd-s.conf"
	wait_for net_listens a 587
	[ -n "$(find "$PEERS"/usr/lib -name 'libplain.so*' 2> /dev/null)" ] ||
	    [ -n "$(find /usr/lib -name 'libplain.so*' 2> /dev/null)" ] ||
		skip 'Postfix has no SASL mechanisms here'
	net_postfix b 'mydestination = none.test' 'alias_maps =' \
	    'smtp_tls_security_level = encrypt' 'relayhost = [mx.a.test]:587' \
	    'smtp_sasl_auth_enable = yes' 'smtp_sasl_security_options =' \
	    'smtp_sasl_mechanism_filter = plain, login' \
	    "smtp_sasl_password_maps = inline:{{[mx.a.test]:587=bob:secret}}"
	mail_from_b jo@b.test bob@a.test
	wait_for grep -q 'status=sent (250 2.0.0 Ok: queued' "$T/b/log"
	on a "$(prog queuerun)" -C "$C"
	delivered a bob 1
	grep -q '	with ESMTPSA id' "$D/mail/bob"
}
