# imapclients - programs that read mail by IMAP, as they really do, through a real
# inetd, while others work on the same mbox.  At the end the mbox is right.

load lib
load pop
load imap
load clients

setup()
{
	test_begin
	instance a a.test
	clients_begin
	imap_inetd a "$H"
	URL=imap://bob@$H:$IMAP_PORT/
}
teardown()
{
	clients_end
	test_end
}

# holds FILE LINE...: the letters of an mbox with their flags, as python reads them:
# "d1 RF", "d2".
holds()
{
	local f=$1
	shift
	python3 - "$f" > "$T/holds.out" <<-'END'
		import mailbox, sys
		for m in mailbox.mbox(sys.argv[1], create=False):
		    flags = m.get_flags().replace("O", "")
		    print(m["Subject"].replace("letter ", ""), flags)
	END
	diff <(printf '%s\n' "$@") <(sed 's/ $//' "$T/holds.out")
}

# bob's mailbox of that name.
mailbox_of() { echo "$D/home/bob/mail/$1"; }

# wire: what passes between clients and imapd at port 1144 comes into $T/wire.out.
wire()
{
	start wire socat -v "TCP-LISTEN:1144,bind=$H,fork,reuseaddr" \
	    "TCP:$H:$IMAP_PORT"
	wait_for listens "$H" 1144
}

# said PATTERN: a client said that on the wire.  New on the wire is what came after
# `silence`.
said() { tail -n "+$((SILENCE + 1))" "$T/wire.out" | grep -aqE -- "$1"; }
silence() { SILENCE=$(wc -l < "$T/wire.out"); }

# dialogue: the commands of stdin, in another session of bob's.
dialogue()
{
	{
		echo "x LOGIN bob $SECRET"
		sed 's/^/x /'
		echo 'x LOGOUT'
	} | python3 "$REPO/tests/imap.py" -t "$H" "$IMAP_PORT"
}

# elsewhere COMMAND...: in INBOX, in another session; all are OK.
elsewhere()
{
	printf '%s\n' 'SELECT INBOX' "$@" | dialogue > "$T/elsewhere.out"
	[ "$(grep -c '^x OK' "$T/elsewhere.out")" -eq $(($# + 3)) ]
}

# --- mutt and neomutt ---

# mutt_imap KEYS [LINE...]: on INBOX, by IMAP.
mutt_imap()
{
	mutt_does imap "${URL}INBOX" "$1" "set folder=$URL imap_pass=$SECRET" \
	    'set ssl_force_tls=no ssl_starttls=no confirmappend=no' \
	    'set confirmcreate=no mail_check=1 timeout=1' "${@:2}"
}

# What every user of the two does.
works()
{
	need "$MUTT" script
	bring d1 d2 d3 d4 d5
	mutt_imap '<display-message><exit><jump>2<enter><flag-message><jump>3<enter><delete-message><jump>4<enter><save-message><kill-line>=saved<enter><sync-mailbox><jump>4<enter><copy-message><kill-line>=saved<enter><quit>'
	tally once 'd1 d2 d5' "$BOX"
	tally once 'd4 d5' "$(mailbox_of saved)"
	holds "$BOX" 'd1 R' 'd2 F' d5
	mutt_does local "$BOX" '<quit>'
	grep -q 'Msgs:3 .*Flag:1' "$T/local.out"
}

# Sends a letter, a copy goes into =sent.
sends()
{
	need "$MUTT" script
	bring d1
	elsewhere 'CREATE sent'
	inetd a "$H"
	mutt_imap '<mail>kim@a.test<enter>letter sent<enter><send-message><quit>' \
	    'set record==sent copy=yes abort_unmodified=no use_from=yes' \
	    "set smtp_url=smtp://$H:$SMTP_PORT/ realname=Bob from=bob@a.test" \
	    "set editor='echo bonjour >>'"
	queue a
	delivered a kim 1
	holds "$(mailbox_of sent)" 'sent R'
	[ "$(body "$(mailbox_of sent)")" = bonjour ]
}

# Starts a second time with what it remembers: it asks for flags only.
remembers()
{
	need "$MUTT" script socat
	wire
	URL=imap://bob@$H:1144/
	bring d1 d2 d3
	local cache="set header_cache=$T/home/cache $1"
	mutt_imap '<quit>' "$cache"
	said 'FETCH 1:.*HEADER.FIELDS'
	silence
	mutt_imap '<quit>' "$cache"
	grep -q 'Msgs:3' "$T/imap.out"
	said 'SELECT'
	! said 'HEADER.FIELDS'
	# Others change something meanwhile.
	silence
	elsewhere 'STORE 2 +FLAGS (\Flagged \Seen)' \
	    'STORE 1 +FLAGS (\Deleted)' 'EXPUNGE'
	bring d4
	mutt_imap '<limit>~F<enter><pipe-message>cat >'"$GOT"'/flagged<enter><limit>~A<enter><tag-pattern>d4<enter><tag-prefix><pipe-message>cat >'"$GOT"'/last<enter><quit>' "$cache"
	[ "$2" = no ] || said 'SELECT .*QRESYNC'
	grep -qx 'Subject: letter d2' "$GOT/flagged"
	grep -qx 'Subject: letter d4' "$GOT/last"
	grep -q 'Msgs:3' "$T/imap.out"
}

# Sits in the index, in IDLE, and is told.
waits()
{
	need "$MUTT" tmux socat
	wire
	bring d1
	cat > "$T/rc" <<-END
		set folder=imap://bob@$H:1144/ imap_pass=$SECRET imap_idle=yes
		set ssl_force_tls=no ssl_starttls=no mail_check=1 timeout=1 quit=yes
		set sort=mailbox-order
	END
	mine "$T/rc"
	terminal "$MUTT" -n -F "$T/rc" -f "imap://bob@$H:1144/INBOX"
	wait_for shown 'letter d1'
	SILENCE=0
	wait_for said 'IDLE'
	bring d2
	wait_for shown 'letter d2'
	elsewhere 'STORE 1 +FLAGS (\Flagged)'
	wait_for shown '^ +1 .*!.*letter d1'
	elsewhere 'STORE 1 +FLAGS (\Deleted)' EXPUNGE
	wait_for shown '^ +1 .*letter d2'
	keys q
	wait_for ended
	tally once d2 "$BOX"
}

# By a program that asks for no password, as over ssh.
tunnels()
{
	need "$MUTT" script
	sed -i '/^bob:/!d' "$D/passwd"	# nobody else has his number
	bring d1 d2
	mutt_imap '<delete-message><sync-mailbox><quit>' \
	    "set tunnel='$(prog imapd) -C $C'"
	tally once d2 "$BOX"
	! grep -q 'Login' "$D/log"
}

@test "mutt reads, flags, deletes, saves" { MUTT=mutt works; }
@test "neomutt reads, flags, deletes, saves" { MUTT=neomutt works; }
@test "mutt sends, and keeps a copy" { MUTT=mutt sends; }
@test "neomutt sends, and keeps a copy" { MUTT=neomutt sends; }

@test "mutt starts again with what it remembers" {
	MUTT=mutt remembers 'imap_qresync=no' no
}

@test "mutt starts again with QRESYNC" {
	MUTT=mutt remembers 'imap_qresync=yes imap_condstore=yes' yes
}

@test "neomutt starts again with what it remembers" {
	MUTT=neomutt remembers 'imap_qresync=no' no
}

@test "neomutt starts again with QRESYNC" {
	MUTT=neomutt remembers 'imap_qresync=yes imap_condstore=yes' yes
}

@test "mutt waits in IDLE" { MUTT=mutt waits; }
@test "neomutt waits in IDLE" { MUTT=neomutt waits; }
@test "mutt through a tunnel" { MUTT=mutt tunnels; }
@test "neomutt through a tunnel" { MUTT=neomutt tunnels; }

# mutt_sleeps TEXT: mutt has shown that of the mbox, and is busy elsewhere, as when it
# waits for an editor, until mutt_wakes, which changes and writes the first letter.
mutt_sleeps()
{
	printf '%s\n' "set folder=$T quit=yes delete=yes move=no" \
	    'set sort=mailbox-order sleep_time=0 wait_key=no' > "$T/rc"
	mine "$T/rc"
	terminal mutt -n -F "$T/rc" -f "$BOX"
	wait_for shown "$1"
	asleep=$(pgrep -f "^mutt -n -F $T/rc")
	kill -STOP "$asleep"
}

mutt_wakes()
{
	kill -CONT "$asleep"
	keys 1 Enter F '$'
	keys q
	wait_for ended
}

# mutt takes an mbox that begins a message where it ended before for one that only
# grew, and one that is as long as it was for the same.
@test "mutt has the mbox open while a small letter goes out of its midst" {
	need mutt tmux
	local d=small n
	for n in $(seq 60); do d+=" big$n"; done
	python3 - "$REPO/tests" "$BOX" $d <<-'END'
		import sys
		sys.path.insert(0, sys.argv[1])
		import tally
		with open(sys.argv[2], "ab") as f:
		    for name in sys.argv[3:]:
		        f.write(b"From jo@x.test Sat Nov 21 19:54:01 2026\n" +
		            tally.letter(name, 600 if name == "small" else 20000)
		            .replace(b"\nFrom ", b"\n>From ") + b"\n")
	END
	mine "$BOX"
	elsewhere CHECK
	mutt_sleeps 'Msgs:61'
	bring last
	elsewhere 'STORE 1 +FLAGS.SILENT (\Deleted)' EXPUNGE
	mutt_wakes
	tally once "${d#small } last" "$BOX"
}

# at TIME NAME...: letters that queuerun had then, and brings.
at()
{
	local n
	for n in "${@:2}"; do
		tally letter "$n" > "$T/letter"
		printf '%s\n' "message $n.$1 $(wc -c < "$T/letter")" \
		    'sender jo@x.test' 'to bob@a.test' "time $1" '' |
		    cat - "$T/letter" | "$(prog deliver)" -C "$C" -b bob
	done
}

@test "mutt has the mbox open while a letter goes and one of the same length comes" {
	need mutt tmux
	at 1763765040 d1 d2 d3
	elsewhere CHECK
	mutt_sleeps 'Msgs:3'
	elsewhere 'STORE 2 +FLAGS.SILENT (\Deleted)' EXPUNGE
	at 1763851440 d2
	mutt_wakes
	tally once 'd1 d2 d3' "$BOX"
}

# --- alpine ---

# alpine_opens: bob's alpine, logged in, in the index of INBOX.
alpine_opens()
{
	local at="{$H:$IMAP_PORT/imap/user=bob/notls/norsh}"
	cat > "$T/home/pinerc" <<-END
		inbox-path=${at}INBOX
		folder-collections=Mail ${at}[]
		default-fcc=${at}sent
		status-message-delay=0
		user-domain=a.test
		smtp-server=$H:$SMTP_PORT
		customized-hdrs=From: Bob <bob@a.test>
		last-version-used=9.99
		incoming-startup-rule=last
		feature-list=expunge-without-confirm, quit-without-confirm,
		 disable-password-file-saving, send-without-confirm, quell-charset-warning
	END
	mine "$T/home/pinerc"
	terminal alpine -p "$T/home/pinerc" -i
	wait_for shown 'ENTER PASSWORD'
	keys "$SECRET" Enter
}

@test "alpine reads, answers, deletes" {
	need alpine tmux
	inetd a "$H"
	bring d1 d2
	"$(prog deliver)" -C "$C" -f jo@x.test bob <<-'END'
		From: Jo <jo@x.test>
		To: bob@a.test
		Subject: letter d3
		MIME-Version: 1.0
		Content-Type: multipart/mixed; boundary=b

		--b

		voici
		--b
		Content-Type: text/plain; name=liste.txt
		Content-Disposition: attachment; filename=liste.txt
		Content-Transfer-Encoding: base64

		cG9tbWVzIGV0IHBvaXJlcwo=
		--b--
	END
	alpine_opens
	wait_for shown '^ *N +3 .*Jo .*letter d3'
	keys Enter
	wait_for shown 'liste.txt'
	keys v
	wait_for shown '2 .*Text/PLAIN'
	keys Down Enter
	wait_for shown 'pommes et poires'
	keys '<'
	wait_for shown 'ATTACHMENT INDEX'
	keys '<'
	wait_for shown 'MESSAGE TEXT'
	keys '<'
	wait_for shown 'MESSAGE INDEX'
	keys r
	wait_for shown 'Include'
	keys n
	wait_for shown 'Reply to all'
	keys n
	wait_for shown 'COMPOSE MESSAGE'
	keys merci C-x
	wait_for shown "doesn't exist. +Create"
	keys y
	wait_for shown '^ *A +3 .*letter d3'
	keys p
	keys d
	wait_for shown '^ *N?D +2 .*letter d2'
	keys l
	wait_for shown 'sent'
	keys i
	wait_for shown 'letter d1'
	keys q
	wait_for ended
	holds "$BOX" d1 'd3 RA'
	holds "$(mailbox_of sent)" 'Re: d3'
	[ "$(queued a)" -eq 1 ]
}

# --- those who keep two places the same ---

# As after a visit of a client: the same bytes, but for what stands in its files.
state_of()
{
	(cd "$1" && find . -path "*/cur/*" -o -path "*/new/*" -o -type d) | sort
	cat "$BOX" "$D/home/bob/mail/"*
}

# uidvalidity: of all of bob's mailboxes, as "1795328761 INBOX".
uidvalidity()
{
	printf '%s\n' 'STATUS INBOX (UIDVALIDITY)' 'STATUS work (UIDVALIDITY)' |
	    dialogue | sed -n 's/^\* STATUS \(.*\) (UIDVALIDITY \(.*\))/\2 \1/p'
}

# near NAME LETTERS: they are in bob's copy of that mailbox.
near() { tally once "$2" "$NEAR/$1/cur" "$NEAR/$1/new"; }

# copy_of LETTER: its file there.
copy_of() { grep -l "^Subject: letter $1$" "$NEAR"/INBOX/{cur,new}/*; }

# both_ways COMMAND: the client has $NEAR and bob's mail agree, whatever changes where.
both_ways()
{
	local others uids
	NEAR=$T/home/near
	mkdir -p "$NEAR"
	mine "$NEAR"
	bring d1 d2 d3 d4
	elsewhere 'CREATE work' 'COPY 4 work' 'STORE 3 +FLAGS (\Seen \Flagged)'
	"$@"
	near INBOX 'd1 d2 d3 d4'
	near work 'd4'
	grep -l '^Subject: letter d3$' "$NEAR/INBOX/cur/"*:2,FS
	uids=$(uidvalidity)
	[ "$(wc -l <<< "$uids")" -eq 2 ]
	# Flags, new letters and deletions at both ends.
	mv "$(copy_of d1)" "$(copy_of d1 | sed 's/:2,.*//; s,/new/,/cur/,'):2,RS"
	rm "$(copy_of d2)"
	tally letter n1 700 > "$NEAR/INBOX/cur/1.1.x:2,FS"
	tally letter n2 700 > "$NEAR/work/new/1.2.x"
	mine "$NEAR"
	elsewhere 'STORE 4 +FLAGS (\Flagged)' 'STORE 3 -FLAGS (\Flagged)'
	bring d5
	"$@"
	near INBOX 'd1 d3 d4 d5 n1'
	near work 'd4 n2'
	tally once 'd1 d3 d4 d5 n1' "$BOX"
	tally once 'd4 n2' "$(mailbox_of work)"
	[[ $(copy_of d1) == *:2,RS ]]
	[[ $(copy_of d3) == *:2,S ]]
	[[ $(copy_of d4) == *:2,F ]]
	holds "$BOX" 'd1 RA' 'd3 R' 'd4 F' d5 'n1 RF' ||
	    holds "$BOX" 'd1 RA' 'd3 R' 'd4 F' 'n1 RF' d5
	elsewhere 'STORE 1 +FLAGS (\Deleted)' EXPUNGE
	"$@"
	near INBOX 'd3 d4 d5 n1'
	# A run more changes nothing.
	state_of "$NEAR" > "$T/before"
	"$@"
	state_of "$NEAR" | cmp "$T/before"
	[ "$(uidvalidity)" = "$uids" ]
	# With others at work.
	need procmail mutt bsd-mailx script
	busy 3>&- &
	others=$!
	while kill -0 $others 2> /dev/null; do
		"$@"
	done
	wait $others
	"$@"
	near INBOX 'd3 d4 d5 n1 p1 p2 p3 p4'
	tally once 'd3 d4 d5 n1 p1 p2 p3 p4' "$BOX"
	[ "$(uidvalidity)" = "$uids" ]
}

with_mbsync()
{
	cat > "$T/mbsyncrc" <<-END
		IMAPAccount bob
		Host $H
		Port $IMAP_PORT
		User bob
		Pass $SECRET
		SSLType None
		AuthMechs LOGIN

		IMAPStore far
		Account bob

		MaildirStore near
		Path $NEAR/
		Inbox $NEAR/INBOX
		SubFolders Verbatim

		Channel all
		Far :far:
		Near :near:
		Patterns *
		Create Both
		Remove Both
		Expunge Both
		SyncState *
	END
	mine "$T/mbsyncrc"
	"${AS[@]}" mbsync -c "$T/mbsyncrc" all > "$T/mbsync.out" 2>&1
}

@test "mbsync, both ways" {
	need mbsync
	both_ways with_mbsync
}

with_offlineimap()
{
	cat > "$T/offlineimaprc" <<-END
		[general]
		accounts = bob
		metadata = $T/home/offlineimap
		[Account bob]
		localrepository = near
		remoterepository = far
		[Repository near]
		type = Maildir
		localfolders = $NEAR
		[Repository far]
		type = IMAP
		remotehost = $H
		remoteport = $IMAP_PORT
		remoteuser = bob
		remotepass = $SECRET
		ssl = no
		starttls = no
		auth_mechanisms = PLAIN
	END
	mine "$T/offlineimaprc"
	"${AS[@]}" offlineimap -o -u basic -c "$T/offlineimaprc" \
	    > "$T/offlineimap.out" 2>&1
}

@test "offlineimap, both ways" {
	need offlineimap
	both_ways with_offlineimap
}

# --- those who fetch ---

# with_fetchmail USER-OPTIONS
with_fetchmail()
{
	local s=0
	cat > "$T/fetchmailrc" <<-END
		poll $H protocol imap port $IMAP_PORT auth password
		user bob password $SECRET sslproto ""
		$1 mda "/usr/bin/python3 $REPO/tests/tally.py keep $GOT"
	END
	chmod 600 "$T/fetchmailrc"
	mine "$T/fetchmailrc"
	"${AS[@]}" fetchmail -f "$T/fetchmailrc" > "$T/fetchmail.out" 2>&1 || s=$?
	[ $s -le 1 ] # 1: there was nothing
}

@test "fetchmail takes" {
	need fetchmail
	takes with_fetchmail 'fetchall nokeep'
}

@test "fetchmail keeps, by what is not seen" {
	need fetchmail
	bring d1 d2 d3
	with_fetchmail keep
	tally once 'd1 d2 d3' "$GOT"
	mutt_does mutt "$BOX" '<delete-pattern>d2<enter><sync-mailbox><quit>'
	bring d4
	with_fetchmail keep
	with_fetchmail keep
	tally once 'd1 d2 d3 d4' "$GOT"
	holds "$BOX" 'd1 R' 'd3 R' 'd4 R'
}

# getmail waits for ever for a delivery that ends before it looks; an interpreter
# takes its time.
with_getmail()
{
	mkdir -p "$T/getmail"
	cat > "$T/getmail/getmailrc" <<-END
		[retriever]
		type = SimpleIMAPRetriever
		server = $H
		port = $IMAP_PORT
		username = bob
		password = $SECRET
		mailboxes = ("INBOX",)
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

@test "curl lists, fetches, searches, appends" {
	need curl
	local curl=(curl -sS -u "bob:$SECRET") at=imap://$H:$IMAP_PORT
	bring d1 d2 d3
	elsewhere 'CREATE work'
	"${curl[@]}" "$at" | grep -x $'\* LIST (.*) "/" "\\?work"\\?\r'
	"${curl[@]}" "$at/INBOX;UID=2" > "$GOT/2"
	"${curl[@]}" "$at/INBOX;MAILINDEX=3" > "$GOT/3"
	tally once 'd2 d3' "$GOT"
	[ "$("${curl[@]}" "$at/INBOX?SUBJECT%20d3")" = $'* SEARCH 3\r' ]
	[ "$("${curl[@]}" "$at/INBOX?UNSEEN")" = $'* SEARCH 1\r' ]
	"${curl[@]}" -X 'EXAMINE INBOX' "$at/INBOX" | grep -x $'\* 3 EXISTS\r'
	tally letter n1 600 | sed 's/$/\r/' > "$T/n1"
	"${curl[@]}" -T "$T/n1" "$at/work"
	tally once n1 "$(mailbox_of work)"
	holds "$BOX" d1 'd2 R' 'd3 R'
	holds "$(mailbox_of work)" 'n1 R'
}

@test "python's imaplib, all of it" {
	bring d1 d2 d3
	/usr/bin/python3 "$REPO/tests/imapall.py" "$H" "$IMAP_PORT" "$SECRET"
	holds "$BOX" 'd2 F' d3
}
