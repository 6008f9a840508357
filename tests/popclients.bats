# popclients - programs that fetch mail, as they really do, through a real inetd.
# Each takes all that comes while procmail delivers and mutt and mail(1) work on the
# same mbox; and each that can leave the mail there sees nothing twice.

load lib
load pop
load clients

setup()
{
	test_begin
	instance a a.test
	clients_begin
	pop_inetd a "$H"
}
teardown()
{
	clients_end
	test_end
}

# --- the clients ---

with_poplib()
{
	"${AS[@]}" /usr/bin/python3 - "$H" "$POP_PORT" "$SECRET" "$GOT" "$1" <<-'END'
		import os, poplib, sys
		host, port, secret, got, what = sys.argv[1:]
		p = poplib.POP3(host, int(port), timeout=120)
		p.user("bob")
		p.pass_(secret)
		for line in p.uidl()[1]:
		    n, uid = line.decode().split()
		    path = os.path.join(got, uid)
		    if what == "keep" and os.path.exists(path):
		        continue
		    lines = p.retr(int(n))[1]
		    with open(path, "xb") as f:
		        f.write(b"\n".join(lines) + b"\n")
		    if what == "take":
		        p.dele(int(n))
		p.quit()
	END
}

@test "python's poplib takes" { takes with_poplib take; }
@test "python's poplib keeps" { keeps with_poplib keep; }

# with_fetchmail OPTION USER-OPTIONS
with_fetchmail()
{
	local s=0
	cat > "$T/fetchmailrc" <<-END
		poll $H protocol pop3 port $POP_PORT auth password $1
		user bob password $SECRET sslproto ""
		$2 mda "/usr/bin/python3 $REPO/tests/tally.py keep $GOT"
	END
	chmod 600 "$T/fetchmailrc"
	mine "$T/fetchmailrc"
	"${AS[@]}" fetchmail -f "$T/fetchmailrc" > "$T/fetchmail.out" 2>&1 || s=$?
	[ $s -le 1 ] # 1: there was nothing
}

@test "fetchmail takes" {
	need fetchmail
	takes with_fetchmail '' 'fetchall nokeep'
}

@test "fetchmail keeps" {
	need fetchmail
	keeps with_fetchmail uidl keep
}

# getmail waits for ever for a delivery that ends before it looks; an interpreter
# takes its time.
with_getmail()
{
	mkdir -p "$T/getmail"
	cat > "$T/getmail/getmailrc" <<-END
		[retriever]
		type = SimplePOP3Retriever
		server = $H
		port = $POP_PORT
		username = bob
		password = $SECRET
		[destination]
		type = MDA_external
		path = /usr/bin/python3
		arguments = ("$REPO/tests/tally.py", "keep", "$GOT")
		[options]
		read_all = false
		delete = $1
	END
	mine "$T/getmail"
	"${AS[@]}" getmail -g "$T/getmail" > "$T/getmail.out" 2>&1
}

@test "getmail takes" {
	need getmail
	takes with_getmail true
}

@test "getmail keeps" {
	need getmail
	keeps with_getmail false
}

with_mpop()
{
	"${AS[@]}" mpop --file=/dev/null --host="$H" --port="$POP_PORT" --user=bob \
	    --passwordeval="echo $SECRET" --auth="$2" --tls=off --keep="$1" \
	    --only-new=on --uidls-file="$T/home/uidls" --received-header=off \
	    --delivery="maildir,$GOT" > "$T/mpop.out" 2>&1
}

@test "mpop takes" {
	need mpop
	takes with_mpop off user
}

@test "mpop keeps, with SASL" {
	need mpop
	keeps with_mpop on plain
}

# Each session of curl gives one command; what is left is then numbered anew.
with_curl()
{
	local url=pop3://$H:$POP_PORT curl=(curl -sS -u "bob:$SECRET")
	"${curl[@]}" "$url/" | grep '[0-9]' > "$T/list" || :
	while read -r _; do
		"${curl[@]}" "$url/1" > "$(mktemp -p "$GOT")"
		"${curl[@]}" -I -X DELE "$url/1" > "$T/curl.out"
	done < "$T/list"
}

@test "curl takes" {
	need curl
	takes with_curl
}

# mutt fetches mail into its own mailbox.
with_mutt()
{
	mutt_does fetch "$GOT" '<fetch-mail><quit>' "set spoolfile=$GOT" \
	    "set pop_host=pop://bob:$SECRET@$H:$POP_PORT/ pop_delete=yes" \
	    'set ssl_force_tls=no ssl_starttls=no'
}

@test "mutt fetches mail" { takes with_mutt; }

# mutt has the maildrop for a folder, and moves the letters out of it.
with_mutt_folder()
{
	mutt_does fetch "pop://bob:$SECRET@$H:$POP_PORT/" \
	    "<tag-pattern>~A<enter><tag-prefix><save-message><kill-line>$GOT<enter><sync-mailbox><quit>" \
	    'set ssl_force_tls=no ssl_starttls=no mbox_type=Maildir' \
	    'set confirmappend=no confirmcreate=no'
}

@test "mutt opens pop://" { takes with_mutt_folder; }

@test "alpine takes" {
	need alpine tmux
	bring d1 d2 d3
	cat > "$T/home/pinerc" <<-END
		inbox-path={$H:$POP_PORT/pop3/user=bob/notls}INBOX
		last-version-used=9.99
		feature-list=enable-aggregate-command-set, expunge-without-confirm,
		 quit-without-confirm, disable-password-file-saving
	END
	mine "$T/home/pinerc"
	terminal alpine -p "$T/home/pinerc" -i
	wait_for shown 'ENTER PASSWORD'
	keys "$SECRET" Enter
	wait_for shown 'letter d3'
	keys '\;' a
	wait_for shown 'messages selected'
	keys a s
	wait_for shown 'SAVE'
	keys C-u "$T/home/taken" Enter
	wait_for shown 'Create'
	keys y
	wait_for shown 'D   3 '
	keys q
	wait_for ended
	tally once 'd1 d2 d3' "$T/home/taken" "$BOX"
	[ "$(tally count "$BOX")" -eq 0 ]
}

# --- what the users of the mbox see ---

# ask COMMAND: in the session on descriptor 5.
ask()
{
	printf '%s\r\n' "$1" >&5
	IFS= read -r -t 120 REPLY <&5
	[[ $REPLY == +OK* ]]
}

login()
{
	exec 5<> "/dev/tcp/$H/$POP_PORT"
	ask 'USER bob'
	IFS= read -r -t 120 REPLY <&5	# after the greeting
	ask "PASS $SECRET"
}

@test "what POP fetched is not new in mutt and mail(1), the rest is" {
	need mutt bsd-mailx script
	bring d1 d2 d3
	login
	ask 'RETR 2'
	while [ "$REPLY" != $'.\r' ]; do
		IFS= read -r -t 120 REPLY <&5
	done
	ask QUIT
	mail_does $'headers\nexit'
	grep -qE '^>N +1 .*letter d1' "$T/mail.out"
	grep -qE '^  +2 .*letter d2' "$T/mail.out"
	grep -qE '^ N +3 .*letter d3' "$T/mail.out"
	mutt_does mutt "$BOX" '<quit>'
	grep -q 'Msgs:3 New:2' "$T/mutt.out"
}

@test "mail(1) deletes and procmail delivers in the middle of a session" {
	need procmail bsd-mailx
	bring d1 d2 d3 d4
	login
	ask 'DELE 2'
	mail_does $'delete 1\nhold 2-4\nquit'
	by_procmail p1
	ask 'LIST 3'
	ask QUIT
	tally once 'd3 d4 p1' "$BOX"
}

@test "mutt writes into every letter in the middle of a session" {
	need mutt script
	bring d1 d2 d3
	login
	ask 'DELE 2'
	mutt_flags mutt
	grep -q '^Lines: ' "$BOX"
	ask QUIT
	tally once 'd1 d3' "$BOX"
}
