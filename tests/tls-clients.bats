# tls-clients - programs that read mail over TLS, as they really do, through a real
# inetd, where no password may go in the clear: STLS and STARTTLS, and TLS from the first
# byte on.  Each checks the certificate.

load lib
load pop
load imap
load clients
load tls

setup()
{
	test_begin
	instance a a.test 'clear_from 192.0.2.0/24'
	clients_begin
	tls_cert a default a.test "$H"
	cp "$CA_DIR/cert" "$T/server.pem"
	chmod 644 "$T/server.pem"
	pop_inetd a "$H"
	imap_inetd a "$H"
	bring d1 d2 d3
}
teardown()
{
	clients_end
	test_end
}

# taken SESSIONS: by these all letters came here, over TLS.
taken()
{
	tally once 'd1 d2 d3' "$GOT"
	wait_for sessions "$1"
}
sessions() { [ "$(grep -c 'Logout user=bob .*tls=TLSv1' "$D/log")" -ge "$1" ]; }

@test "python's poplib and imaplib" {
	"${AS[@]}" /usr/bin/python3 - "$H" "$POP_PORT" "$POPS_PORT" "$IMAP_PORT" \
	    "$IMAPS_PORT" "$CA" <<-'END'
		import imaplib, poplib, ssl, sys
		host, ca = sys.argv[1], sys.argv[-1]
		pop, pops, imap, imaps = map(int, sys.argv[2:-1])
		ctx = ssl.create_default_context(cafile=ca)
		def use(p):
		    p.user("bob")
		    p.pass_("secret")
		    assert p.stat()[0] == 3
		    p.quit()
		p = poplib.POP3(host, pop, timeout=20)
		try:
		    p.user("bob")
		    sys.exit("in the clear")
		except poplib.error_proto as e:
		    assert b"STLS" in e.args[0], e
		p.stls(ctx)
		use(p)
		use(poplib.POP3_SSL(host, pops, context=ctx, timeout=20))
		def see(i):
		    i.login("bob", "secret")
		    assert i.select() == ("OK", [b"3"])
		    i.logout()
		i = imaplib.IMAP4(host, imap)
		try:
		    i.login("bob", "secret")
		    sys.exit("in the clear")
		except imaplib.IMAP4.error as e:
		    assert "PRIVACYREQUIRED" in str(e), e
		assert i.starttls(ctx)[0] == "OK"
		see(i)
		see(imaplib.IMAP4_SSL(host, imaps, ssl_context=ctx))
	END
	wait_for sessions 4
}

@test "curl" {
	need curl
	local curl=(curl -sS --cacert "$CA" -u "bob:$SECRET" --connect-to "::$H:")
	"${curl[@]}" --ssl-reqd "pop3://a.test:$POP_PORT/1" > "$GOT/1"
	"${curl[@]}" "pop3s://a.test:$POPS_PORT/2" > "$GOT/2"
	"${curl[@]}" --ssl-reqd "imap://a.test:$IMAP_PORT/INBOX;MAILINDEX=3" > "$GOT/3"
	"${curl[@]}" "imaps://a.test:$IMAPS_PORT/INBOX" -X 'NOOP' > "$T/curl.out"
	taken 4
	# Where TLS is not wanted there is nothing.
	! "${curl[@]}" "pop3://a.test:$POP_PORT/1" 2> "$T/curl.out" || false
	! "${curl[@]}" "imap://a.test:$IMAP_PORT/INBOX" 2> "$T/curl.out" || false
}

# with_fetchmail PROTOCOL PORT OPTIONS
with_fetchmail()
{
	cat > "$T/fetchmailrc" <<-END
		poll $H protocol $1 port $2
		user bob password $SECRET $3 sslcertck sslcertfile $CA
		sslcommonname a.test fetchall
		mda "/usr/bin/python3 $REPO/tests/tally.py keep $GOT"
	END
	chmod 600 "$T/fetchmailrc"
	mine "$T/fetchmailrc"
	"${AS[@]}" fetchmail -f "$T/fetchmailrc" > "$T/fetchmail.out" 2>&1
}

@test "fetchmail, POP3 and IMAP" {
	need fetchmail
	with_fetchmail pop3 "$POP_PORT" 'sslproto TLS1.2+ keep'
	rm "$GOT"/*/* 2> /dev/null || find "$GOT" -type f -delete
	with_fetchmail pop3 "$POPS_PORT" 'ssl keep'
	find "$GOT" -type f -delete
	with_fetchmail imap "$IMAP_PORT" 'sslproto TLS1.3+ keep'
	find "$GOT" -type f -delete
	with_fetchmail imap "$IMAPS_PORT" 'ssl nokeep'
	taken 4
	[ "$(tally count "$BOX")" -eq 0 ]
}

# with_mpop AUTH OPTION...
with_mpop()
{
	"${AS[@]}" mpop --file=/dev/null --host="$H" --user=bob --auth="$1" \
	    --passwordeval="echo $SECRET" --tls=on --tls-trust-file="$CA" \
	    --only-new=off --uidls-file="$T/home/uidls" --received-header=off \
	    --delivery="maildir,$GOT" "${@:2}" > "$T/mpop.out" 2>&1
}

@test "mpop, SCRAM too" {
	need mpop
	with_mpop user --port="$POP_PORT" --tls-starttls=on --keep=on
	find "$GOT" -type f -delete
	with_mpop plain --port="$POPS_PORT" --tls-starttls=off --keep=on
	find "$GOT" -type f -delete
	tls_scram a bob
	with_mpop scram-sha-256 --port="$POP_PORT" --tls-starttls=on --keep=on
	find "$GOT" -type f -delete
	# It chooses by itself.
	with_mpop on --port="$POPS_PORT" --tls-starttls=off --keep=off
	taken 4
	[ "$(tally count "$BOX")" -eq 0 ]
}

# with_mbsync TYPE PORT
with_mbsync()
{
	mkdir -p "$T/near"
	cat > "$T/mbsyncrc" <<-END
		IMAPAccount bob
		Host $H
		Port $2
		User bob
		Pass $SECRET
		SSLType $1
		CertificateFile $T/server.pem

		IMAPStore far
		Account bob

		MaildirStore near
		Path $T/near/
		Inbox $T/near/inbox

		Channel all
		Far :far:
		Near :near:
		Create Near
		SyncState *
		Sync Pull
	END
	mine "$T/mbsyncrc" "$T/near"
	"${AS[@]}" mbsync -c "$T/mbsyncrc" all > "$T/mbsync.out" 2>&1
}

@test "mbsync" {
	need mbsync
	with_mbsync STARTTLS "$IMAP_PORT"
	bring d4
	with_mbsync IMAPS "$IMAPS_PORT"
	[ "$(cat "$T"/near/inbox/*/* | grep -c '^Subject: letter d')" -eq 4 ]
	wait_for sessions 2
}

# mutt takes letters out of an IMAP or POP3 folder; with GNU SASL it speaks SCRAM.  It has
# no tls-exporter, tries it all the same, and over POP3 then loses count of the answers:
# there it is told what to take.
with_mutt()
{
	mutt_does fetch "$1" \
	    "<tag-pattern>~A<enter><tag-prefix><save-message><kill-line>$GOT<enter><sync-mailbox><quit>" \
	    "set ssl_ca_certificates_file=$CA imap_pass=$SECRET pop_pass=$SECRET" \
	    'set ssl_force_tls=yes mbox_type=Maildir confirmappend=no' \
	    'set confirmcreate=no pop_authenticators=scram-sha-256' \
	    "set ssl_verify_host=yes certificate_file=$T/server.pem"
}

@test "mutt" {
	need mutt script
	tls_scram a bob
	with_mutt "pop://bob@$H:$POP_PORT/"
	taken 1
	bring d4
	with_mutt "imap://bob@$H:$IMAP_PORT/INBOX"
	bring d5
	with_mutt "imaps://bob@$H:$IMAPS_PORT/INBOX"
	bring d6
	with_mutt "pops://bob@$H:$POPS_PORT/"
	tally once 'd1 d2 d3 d4 d5 d6' "$GOT"
	wait_for sessions 4
	[ "$(tally count "$BOX")" -eq 0 ]
}

# opens MAILBOX: alpine shows its index.
opens()
{
	cat > "$T/home/pinerc" <<-END
		inbox-path=$1
		last-version-used=9.99
		feature-list=quit-without-confirm, disable-password-file-saving
	END
	mine "$T/home/pinerc"
	SSL_CERT_FILE=$CA terminal alpine -p "$T/home/pinerc" -i
	wait_for shown 'ENTER PASSWORD'
	keys "$SECRET" Enter
	wait_for shown 'letter d3'
	keys q
	wait_for ended
}

@test "alpine" {
	need alpine tmux
	opens "{$H:$IMAP_PORT/imap/user=bob/tls/novalidate-cert}INBOX"
	opens "{$H:$IMAPS_PORT/imap/user=bob/ssl/novalidate-cert}INBOX"
	opens "{$H:$POP_PORT/pop3/user=bob/tls/novalidate-cert}INBOX"
	opens "{$H:$POPS_PORT/pop3/user=bob/ssl/novalidate-cert}INBOX"
	wait_for sessions 4
}
