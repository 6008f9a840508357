# roundcube - the webmail that most sites have, as its user sees it: Roundcube's own
# pages, served by PHP, in a headless Chromium, and imapd under a real inetd.

load lib
load imap

setup()
{
	test_begin
	instance a a.test
	W=$T/web
	need php8.2 chromium chromedriver
	[ -d "$PEERS/usr/share/roundcube" ] || skip 'no Roundcube here'
	python3 "$REPO/tests/roundcube/letters.py" > "$T/letters"
	cp "$T/letters" "$D/mail/bob"
	chmod 600 "$D/mail/bob"
	own "$D/mail/bob" bob
	imap_inetd a "$NET.1"
	webmail "$NET.1"
}
teardown()
{
	[ ! -d "$W" ] || cp "$W/logs/imap.log" "$T/imap.out" 2> /dev/null || :
	test_end
}

# A part of PHP: unpacked, or the system's.
extension()
{
	local f
	for f in {"$PEERS",}/usr/lib/php/*/"$1.so"; do
		[ ! -e "$f" ] || { echo "${2-}extension=$f"; return; }
	done
}

# webmail ADDRESS: Roundcube listens there; its place is $W.  The package wants to lie
# below /usr, and finds itself in a directory of links.
webmail()
{
	local e rc=$PEERS/usr/share/roundcube
	mkdir -p "$W"/{www/config,logs,temp,home,down}
	ln -s "$rc"/{index.php,program,skins,plugins} "$W/www/"
	ln -s "$PEERS"/etc/roundcube/{defaults.inc,mimetypes}.php \
	    "$REPO/tests/roundcube/config.inc.php" "$W/www/config/"
	python3 - "$W/db" "$rc/SQL/sqlite.initial.sql" <<-'END'
		import sqlite3, sys
		sqlite3.connect(sys.argv[1]).executescript(open(sys.argv[2]).read())
	END
	{
		echo "include_path=$PEERS/usr/share/php:/usr/share/php"
		echo "auto_prepend_file=$REPO/tests/roundcube/start.php"
		for e in ctype dom fileinfo iconv intl mbstring pdo pdo_sqlite posix \
		    simplexml sockets tokenizer xml xmlwriter xmlreader; do
			extension $e
		done
		extension opcache zend_
	} > "$W/php.ini"
	export ROUNDCUBE_TEST=$W ROUNDCUBE_IMAP=$1:$IMAP_PORT ROUNDCUBE_SMTP=$1:$SMTP_PORT
	export PHP_CLI_SERVER_WORKERS=3
	start web "$(peer php8.2)" -n -c "$W/php.ini" -S "$1:8080" -t "$W/www"
	wait_for listens "$1" 8080
}

# visit WHAT...: bob sits down before the browser; see visit.py.
visit()
{
	HOME=$W/home python3 "$REPO/tests/roundcube/visit.py" "$W" \
	    "http://$NET.1:8080/" "$@"
}

# flags FILE: the subjects of an mbox with their flags, as python reads them.
flags()
{
	python3 - "$1" <<-'END'
		import mailbox, sys
		from email.header import decode_header, make_header
		for m in mailbox.mbox(sys.argv[1], create=False):
		    print(make_header(decode_header(m["Subject"])),
		          m.get_flags().replace("O", ""), sep=":", end=" ")
	END
}

@test "Roundcube flags, lists, sorts, threads, searches, reads, moves, writes, deletes" {
	inetd a "$NET.1"
	visit flags lists searches reads folders writes deletes
	[[ $(flags "$D/mail/bob") == *'Über den Wolken:RF '* ]]
	[ "$(letters "$D/mail/bob")" -eq 3 ]
	[ "$(letters "$D/home/bob/mail/Trash")" -eq 0 ]
	[ "$(flags "$D/home/bob/mail/B&APw-cher tok")" = 'gross:R ' ]
	cmp <(body "$D/home/bob/mail/B&APw-cher tok") <(body "$T/letters" 4)
	[ "$(letters "$D/home/bob/mail/Drafts")" -eq 0 ]
	[ "$(letters "$D/home/bob/mail/Sent")" -eq 1 ]
	queue a
	delivered a kim 1
	[ "$(body "$D/mail/kim")" = 'Ein schöner Tag.' ]
}
