# imap-list - names of mailboxes: LIST and LSUB, CREATE, DELETE, RENAME, subscriptions of
# every make, special uses, STATUS, quota; mbox and Maildir++.

load lib
load imap

setup()
{
	test_begin
	instance a a.test
	imap_ready
	H=$D/home/bob
}

teardown() { test_end; }

# The rest of the test is about Maildir++ folders.
maildir() { echo 'mailbox ~/Maildir/' >> "$C"; }

# says USER: a dialogue of which the answers are compared: lines that begin with "> "
# go in, the others are what must come out.
says()
{
	cat > "$T/script"
	sed -n 's/^> //p' "$T/script" | imap "$1" > "$T/got"
	diff <(grep -v '^> ' "$T/script") "$T/got"
}

@test "a new user: INBOX, an empty directory; CREATE makes what is above" {
	says bob <<-'END'
		> 1 LIST "" "*"
		* LIST (\Noinferiors \HasNoChildren) "/" "INBOX"
		1 OK that is all
		> 2 LIST "" ""
		* LIST (\Noselect) "/" ""
		2 OK that is all
		> 3 LIST sent ""
		* LIST (\Noselect) "/" ""
		3 OK that is all
		> 4 NAMESPACE
		* NAMESPACE (("" "/")) NIL NIL
		4 OK one, and it is yours
		> 5 LSUB "" "*"
		5 OK that is all
		> 6 SUBSCRIBE INBOX
		6 OK subscribed
		> 7 LSUB "" inb%
		* LSUB () "/" "INBOX"
		7 OK that is all
	END
	[ -z "$(ls -A "$H/mail")" ]
	[ "$(cat "$H/.mailboxlist")" = INBOX ]
	imap bob <<< '1 CREATE a/b' | grep -q '^1 OK \[MAILBOXID (F[0-9a-f]*)\]'
	[ -f "$H/mail/a/b" ]
	[ "$(stat -c %a "$H/mail" "$H/mail/a" "$H/mail/a/b" "$H/.mailboxlist" | xargs)" = '700 700 600 600' ]
}

@test "mbox: directories are places, files have nothing below" {
	imap bob <<-'END' > /dev/null
		1 CREATE Fruit/Apple
		2 CREATE Tofu
		3 CREATE Empty/
	END
	says bob <<-'END'
		> 1 LIST "" *
		* LIST (\Noinferiors \HasNoChildren) "/" "INBOX"
		* LIST (\Noselect \HasNoChildren) "/" "Empty"
		* LIST (\Noselect \HasChildren) "/" "Fruit"
		* LIST (\Noinferiors \HasNoChildren) "/" "Fruit/Apple"
		* LIST (\Noinferiors \HasNoChildren) "/" "Tofu"
		1 OK that is all
		> 2 LIST "" %
		* LIST (\Noinferiors \HasNoChildren) "/" "INBOX"
		* LIST (\Noselect \HasNoChildren) "/" "Empty"
		* LIST (\Noselect \HasChildren) "/" "Fruit"
		* LIST (\Noinferiors \HasNoChildren) "/" "Tofu"
		2 OK that is all
		> 3 LIST "Fruit/" %
		* LIST (\Noinferiors \HasNoChildren) "/" "Fruit/Apple"
		3 OK that is all
		> 4 CREATE Tofu/x
		4 NO [CANNOT] what that name wants above is a mailbox, and can hold no others
		> 5 SELECT Fruit
		5 NO [CANNOT] that is no mailbox, but a place for others
		> 6 DELETE Fruit
		6 NO [HASCHILDREN] there is something below that name
		> 7 CREATE Tofu
		7 NO [ALREADYEXISTS] there is one of that name
		> 8 STATUS Tofu/x (MESSAGES)
		8 NO [NONEXISTENT] there is no such mailbox
		> 9 DELETE Fruit/Apple
		9 OK gone
		> 10 DELETE Fruit
		10 OK gone
	END
}

@test "no name leads outside, and nothing says what is there" {
	local n
	mkdir "$H/mail"
	ln -s ../secret "$H/mail/link"
	ln -s / "$H/mail/root"
	printf 'From a Thu Jan  1 00:00:00 2026\n\nsecret\n' > "$H/secret"
	own "$H/mail" bob
	for n in ../secret ./../secret a/../../secret /etc/passwd "~"/secret "~"root \
	    root/etc/passwd link .mailboxlist a//b x.lock; do
		printf '%s\n' "1 SELECT \"$n\"" "2 STATUS \"$n\" (MESSAGES)" \
		    "3 DELETE \"$n\"" "4 RENAME \"$n\" x" "5 CREATE \"$n\"" \
		    "6 RENAME inbox \"$n\"" "7 LIST \"\" \"$n\"" \
		    "8 LIST \"$n\" \"*\""
	done | imap bob > "$T/got"
	run grep -v '^[1-6] NO \|^[78] OK' "$T/got"
	echo "$output"
	[ -z "$output" ]
	[ -e "$H/secret" ] && [ "$(echo "$H"/mail/*)" = "$H/mail/link $H/mail/root" ]
	# Controls and what is no UTF-7 are no names at all.
	printf '1 CREATE "a\001b"\n2 CREATE "a&"\n3 CREATE "&AAo-"\n4 SELECT {3}\na\0b\n' |
	    imap bob > "$T/got"
	run grep -c '^[1-4] BAD' "$T/got"
	[ "$output" -ge 3 ]
	# Nor are line and paragraph separators in one (RFC 6855 3).
	printf '%s\n' '1 CREATE "x&ICg-y"' '2 RENAME INBOX "x&ICk-"' '3 ENABLE IMAP4rev2' \
	    $'4 CREATE "a\342\200\250b"' $'5 CREATE "a\342\200\247b"' | imap bob > "$T/got"
	run grep -c '^[124] NO \[CANNOT\]' "$T/got"
	[ "$output" -eq 3 ]
	grep -q '^5 OK' "$T/got"
	# A pattern that no name can match finds none (RFC 9051 6.3.9).
	says bob <<-'END'
		> 1 LIST "" "&*"
		1 OK that is all
		> 2 LIST "" ("a&b" inbox)
		* LIST (\Noinferiors \HasNoChildren) "/" "INBOX"
		2 OK that is all
		> 3 LSUB "" "&AO%"
		3 OK that is all
		> 4 LIST "" "
		4 BAD a quoted string has no end
	END
}

@test "names are modified UTF-7 in IMAP4rev1 and on disk, UTF-8 in IMAP4rev2" {
	imap bob <<< '1 CREATE "B&APw-cher &- co"' | grep -q '^1 OK'
	[ -f "$H/mail/B&APw-cher &- co" ]
	says bob <<-'END'
		> 1 LIST "" B*
		* LIST (\Noinferiors \HasNoChildren) "/" "B&APw-cher &- co"
		1 OK that is all
		> 2 ENABLE IMAP4rev2
		* ENABLED IMAP4rev2
		2 OK done
		> 3 LIST "" "Bü%"
		* LIST (\Noinferiors \HasNoChildren) "/" "Bücher & co"
		3 OK that is all
		> 4 RENAME "Bücher & co" R&D
		4 OK it has another name
		> 5 STATUS R&D (MESSAGES)
		* STATUS "R&D" (MESSAGES 0)
		5 OK that is how it is
	END
	# What mutt made is there as well, by the name that one sees.
	: > "$H/mail/été"
	own "$H/mail/été" bob
	says bob <<-'END'
		> 1 LIST "" &AOk-*
		* LIST (\Noinferiors \HasNoChildren) "/" "&AOk-t&AOk-"
		1 OK that is all
		> 2 STATUS "&AOk-t&AOk-" (MESSAGES)
		* STATUS "&AOk-t&AOk-" (MESSAGES 0)
		2 OK that is how it is
	END
}

# The hierarchy of RFC 9051 6.3.9.8, as a Maildir has it: any name may be a mailbox.
rfc_folders()
{
	maildir
	printf '1 CREATE %s\n' Fruit Fruit.Apple Fruit.Banana Tofu Vegetable \
	    Vegetable.Broccoli Vegetable.Corn | imap bob > /dev/null
	printf '1 SUBSCRIBE %s\n' Fruit.Banana Fruit.Peach Vegetable \
	    Vegetable.Broccoli inbox | imap bob > /dev/null
}

@test "RFC 9051 6.3.9.8, 2 to 6: subscribed, children, both" {
	rfc_folders
	says bob <<-'END'
		> 2 LIST (SUBSCRIBED) "" "*"
		* LIST (\HasNoChildren \Subscribed) "." "INBOX"
		* LIST (\HasNoChildren \Subscribed) "." "Fruit.Banana"
		* LIST (\NonExistent \HasNoChildren \Subscribed) "." "Fruit.Peach"
		* LIST (\HasChildren \Subscribed) "." "Vegetable"
		* LIST (\HasNoChildren \Subscribed) "." "Vegetable.Broccoli"
		2 OK that is all
		> 3 LIST () "" "%" RETURN (CHILDREN)
		* LIST (\HasNoChildren) "." "INBOX"
		* LIST (\HasChildren) "." "Fruit"
		* LIST (\HasNoChildren) "." "Tofu"
		* LIST (\HasChildren) "." "Vegetable"
		3 OK that is all
		> 6 LIST (REMOTE) "" "*" RETURN (SUBSCRIBED)
		* LIST (\HasNoChildren \Subscribed) "." "INBOX"
		* LIST (\HasChildren) "." "Fruit"
		* LIST (\HasNoChildren) "." "Fruit.Apple"
		* LIST (\HasNoChildren \Subscribed) "." "Fruit.Banana"
		* LIST (\HasNoChildren) "." "Tofu"
		* LIST (\HasChildren \Subscribed) "." "Vegetable"
		* LIST (\HasNoChildren \Subscribed) "." "Vegetable.Broccoli"
		* LIST (\HasNoChildren) "." "Vegetable.Corn"
		6 OK that is all
		> 7 LIST (SUBSCRIBED RECURSIVEMATCH) "" "%"
		* LIST (\HasNoChildren \Subscribed) "." "INBOX"
		* LIST (\HasChildren) "." "Fruit" ("CHILDINFO" ("SUBSCRIBED"))
		* LIST (\HasChildren \Subscribed) "." "Vegetable" ("CHILDINFO" ("SUBSCRIBED"))
		7 OK that is all
		> 8 LIST (RECURSIVEMATCH REMOTE) "" "%"
		8 BAD RECURSIVEMATCH of what?
		> 9 LIST "" (Tofu "" "%.Corn") RETURN ()
		* LIST (\HasNoChildren) "." "Tofu"
		* LIST (\HasNoChildren) "." "Vegetable.Corn"
		9 OK that is all
		> 10 LIST (HIDDEN) "" "*"
		10 BAD no such selection option
		> 11 LIST "" "*" RETURN (COLOUR)
		11 BAD no such return option
	END
}

@test "RFC 9051 6.3.9.8, 8: CHILDINFO where it is needed" {
	maildir
	printf '1 CREATE %s\n' foo2 foo2.bar1 foo2.bar2 baz2 baz2.bar2 baz2.bar22 \
	    baz2.bar222 eps2 eps2.mamba qux2.bar2 | imap bob > /dev/null
	printf '1 SUBSCRIBE %s\n' foo2.bar1 foo2.bar2 baz2.bar2 baz2.bar22 \
	    baz2.bar222 eps2 eps2.mamba qux2.bar2 | imap bob > /dev/null
	says bob <<-'END'
		> D03 LIST (RECURSIVEMATCH SUBSCRIBED) "" "*2"
		* LIST (\HasNoChildren \Subscribed) "." "baz2.bar2"
		* LIST (\HasNoChildren \Subscribed) "." "baz2.bar22"
		* LIST (\HasNoChildren \Subscribed) "." "baz2.bar222"
		* LIST (\HasChildren \Subscribed) "." "eps2" ("CHILDINFO" ("SUBSCRIBED"))
		* LIST (\HasChildren) "." "foo2" ("CHILDINFO" ("SUBSCRIBED"))
		* LIST (\HasNoChildren \Subscribed) "." "foo2.bar2"
		* LIST (\HasNoChildren \Subscribed) "." "qux2.bar2"
		D03 OK that is all
		> D04 LIST "" %
		* LIST (\HasNoChildren) "." "INBOX"
		* LIST (\HasChildren) "." "baz2"
		* LIST (\HasChildren) "." "eps2"
		* LIST (\HasChildren) "." "foo2"
		* LIST (\Noselect \HasChildren) "." "qux2"
		D04 OK that is all
		> D05 LIST () "" %2
		* LIST (\HasChildren) "." "baz2"
		* LIST (\HasChildren) "." "eps2"
		* LIST (\HasChildren) "." "foo2"
		D05 OK that is all
		> D06 LSUB "" %
		* LSUB (\Noselect) "." "baz2"
		* LSUB () "." "eps2"
		* LSUB (\Noselect) "." "foo2"
		* LSUB (\Noselect) "." "qux2"
		D06 OK that is all
	END
}

@test "RFC 5819: LIST with STATUS, the selected mailbox among them" {
	box bob 3
	imap bob <<< '1 CREATE x/y' > /dev/null
	box bob 2 "$H/mail/x/y"
	imap bob <<-'END' > "$T/got"
		1 SELECT INBOX
		2 STORE 1 +FLAGS.SILENT (\Seen \Deleted)
		3 LIST "" "*" RETURN (STATUS (MESSAGES UNSEEN DELETED SIZE))
		4 STATUS inbox (MESSAGES RECENT)
	END
	diff - <(sed -n '/^2 OK/,$p' "$T/got" | sed 1d | sed 's/SIZE [0-9]*/SIZE n/') <<-'END'
		* LIST (\Noinferiors \HasNoChildren) "/" "INBOX"
		* STATUS "INBOX" (MESSAGES 3 UNSEEN 2 DELETED 1 SIZE n)
		* LIST (\Noselect \HasChildren) "/" "x"
		* LIST (\Noinferiors \HasNoChildren) "/" "x/y"
		* STATUS "x/y" (MESSAGES 2 UNSEEN 2 DELETED 0 SIZE n)
		3 OK that is all
		* STATUS "INBOX" (MESSAGES 3 RECENT 3)
		4 OK that is how it is
	END
}

@test "STATUS: every item; those of SELECT are the same" {
	box bob 2
	imap bob <<-'END' > "$T/got"
		1 STATUS INBOX (MESSAGES RECENT UIDNEXT UIDVALIDITY UNSEEN DELETED SIZE HIGHESTMODSEQ APPENDLIMIT MAILBOXID DELETED-STORAGE)
		2 SELECT INBOX
		3 STATUS none (MESSAGES)
		4 STATUS INBOX (WEIGHT)
		5 STATUS INBOX ()
		6 STATUS INBOX MESSAGES
	END
	local v u m i
	v=$(sed -n 's/.*OK \[UIDVALIDITY \([0-9]*\).*/\1/p' "$T/got")
	m=$(sed -n 's/.*OK \[HIGHESTMODSEQ \([0-9]*\).*/\1/p' "$T/got")
	i=$(sed -n 's/.*OK \[MAILBOXID (\([^)]*\).*/\1/p' "$T/got")
	u=$(sed -n 's/^\* STATUS //p' "$T/got")
	[[ $u == '"INBOX" (MESSAGES 2 RECENT 2 UIDNEXT 3 UIDVALIDITY '$v' UNSEEN 2 DELETED 0 '* ]]
	[[ $u == *'HIGHESTMODSEQ '$m' APPENDLIMIT 52428800 MAILBOXID ('$i'))' ]]
	grep -q '^3 NO \[NONEXISTENT\]' "$T/got"
	[ "$(grep -c '^[456] BAD' "$T/got")" -eq 3 ]
}

@test "APPENDLIMIT is a number, or without message_limit none: RFC 7889" {
	box bob 1
	imap bob <<< '1 CAPABILITY' | grep -q '^\* CAP.* APPENDLIMIT=52428800 '
	echo 'message_limit 0' >> "$C"
	imap bob <<-'END' > "$T/got"
		1 CAPABILITY
		2 STATUS INBOX (APPENDLIMIT MESSAGES)
	END
	grep -q '^\* CAP.* APPENDLIMIT ' "$T/got"
	grep -qx '\* STATUS "INBOX" (MESSAGES 1 APPENDLIMIT NIL)' "$T/got"
}

@test "RENAME moves what is below; INBOX keeps its name and loses its letters" {
	box bob 3
	imap bob <<-'END' > "$T/got"
		1 CREATE a/b/c
		2 CREATE a/d
		3 RENAME a x/y
		4 SELECT INBOX
		5 STORE 2 +FLAGS.SILENT (\Seen word)
		6 RENAME inbox x/old
		7 STATUS inbox (MESSAGES)
		8 SELECT x/old
		9 FETCH 1:3 FLAGS
	END
	[ "$(grep -c '^\* 1 EXPUNGE' "$T/got")" -eq 3 ]
	grep -q '^\* STATUS "INBOX" (MESSAGES 0)' "$T/got"
	grep -q '^\* 3 EXISTS' "$T/got"
	grep -q '^[1-9] NO\|BAD' "$T/got" && return 1
	[ -f "$H/mail/x/y/b/c" ] && [ -f "$H/mail/x/y/d" ] && [ ! -e "$H/mail/a" ]
	[ "$(sed -n 's/^Subject: letter //p' "$H/mail/x/old" | xargs)" = '1 2 3' ]
	[ ! -s "$D/mail/bob" ] || ! grep -q 'Subject: letter' "$D/mail/bob"
	says bob <<-'END'
		> 1 RENAME x x/z
		1 NO [CANNOT] there can be no mailbox of that name
		> 2 RENAME x/old x/y
		2 NO [ALREADYEXISTS] there is one of that name
		> 3 RENAME none x/n
		3 NO [NONEXISTENT] there is no such mailbox
		> 4 RENAME INBOX x/old
		4 NO [ALREADYEXISTS] there is one of that name
		> 5 RENAME x/old inbox
		5 NO [ALREADYEXISTS] there is one of that name
		> 6 DELETE inbox
		6 NO [CANNOT] INBOX stays
	END
}

@test "a mailbox keeps its UIDs when it gets another name" {
	imap bob <<< '1 CREATE a' > /dev/null
	box bob 3 "$H/mail/a"
	imap bob <<-'END' > "$T/got"
		1 SELECT a
		2 STORE 1 +FLAGS.SILENT (\Deleted)
		3 CLOSE
		4 STATUS a (UIDNEXT UIDVALIDITY MAILBOXID)
		5 RENAME a b
		6 STATUS b (UIDNEXT UIDVALIDITY MAILBOXID)
		7 STATUS a (MESSAGES)
	END
	[ "$(sed -n 's/^\* STATUS "[ab]" //p' "$T/got" | sort -u | wc -l)" -eq 1 ]
	grep -q '^7 NO \[NONEXISTENT\]' "$T/got"
}

@test "DELETE of the selected mailbox leaves it" {
	imap bob <<-'END' > "$T/got"
		2 CREATE a/b
		3 SELECT a/b
		4 DELETE a/b
		5 FETCH 1 FLAGS
		6 DELETE a/b
	END
	grep -q '^4 OK' "$T/got"
	grep -q '^5 BAD' "$T/got"
	grep -q '^6 NO \[NONEXISTENT\]' "$T/got"
}

@test "DELETE of the selected mailbox that is refused does not leave it" {
	imap_py <<-'END'
		dir = os.environ["D"] + "/home/bob/mail/x"
		s = Imap(); s.ok("CREATE x/y"); s.append("x/y", "Subject: m\n\nx\n"); s.ok("SELECT x/y")
		s.ok("STORE 1 +FLAGS (\\Flagged)")
		os.chmod(dir, 0o500); s.no("DELETE x/y")
		s.ok("FETCH 1 FLAGS"); assert "\\Flagged" in s.said[0], s.said
		os.chmod(dir, 0o700); s.ok("DELETE x/y"); s.bad("FETCH 1 FLAGS")
		assert os.listdir(dir) == []; s.end()
	END
	[ ! -s "$D/log" ] || ! grep 'flags not written' "$D/log"
}

@test "RENAME of the selected mailbox leaves it, unless it is refused" {
	imap bob <<-'END' | cut -d' ' -f1,2 > "$T/got"
		1 CREATE a
		2 CREATE f
		3 SELECT a
		4 RENAME a a/b
		5 CHECK
		6 RENAME a f/b
		7 CHECK
		8 RENAME a f
		9 CHECK
		10 RENAME a b
		11 CHECK
	END
	[ "$(grep -v '^\*' "$T/got" | tr '\n' ' ')" = \
	    '1 OK 2 OK 3 OK 4 NO 5 OK 6 NO 7 OK 8 NO 9 OK 10 OK 11 BAD ' ]
}

@test "Maildir++: what goes leaves what is below" {
	maildir
	printf '1 CREATE %s\n' A A.B A.B.C | imap bob > /dev/null
	[ -d "$H/Maildir/.A.B.C/cur" ] && [ -e "$H/Maildir/.A.B/maildirfolder" ]
	says bob <<-'END'
		> 1 DELETE A.B
		1 OK gone
		> 2 DELETE A
		2 OK gone
		> 3 LIST "" *
		* LIST (\HasNoChildren) "." "INBOX"
		* LIST (\HasNoChildren) "." "A.B.C"
		3 OK that is all
		> 4 LIST "" %
		* LIST (\HasNoChildren) "." "INBOX"
		* LIST (\Noselect \HasChildren) "." "A"
		4 OK that is all
		> 5 DELETE A
		5 NO [HASCHILDREN] there is something below that name
		> 6 CREATE A/B
		6 NO [CANNOT] there can be no mailbox of that name
		> 7 RENAME A X
		7 OK it has another name
		> 8 LIST "" *
		* LIST (\HasNoChildren) "." "INBOX"
		* LIST (\HasNoChildren) "." "X.B.C"
		8 OK that is all
	END
}

@test "special uses: by name, and as CREATE says" {
	imap bob <<-'END' > "$T/got"
		1 CREATE sent-mail
		2 CREATE Junk
		3 CREATE Everything (USE (\All))
		4 CREATE "Les brouillons" (USE (\Drafts))
		5 CREATE "Sent Messages"
		6 CREATE x (COLOUR red)
	END
	grep -q '^3 NO \[USEATTR\]' "$T/got"
	grep -q '^6 BAD' "$T/got"
	says bob <<-'END'
		> 1 LIST (SPECIAL-USE) "" "*"
		* LIST (\Noinferiors \HasNoChildren \Junk) "/" "Junk"
		* LIST (\Noinferiors \HasNoChildren \Drafts) "/" "Les brouillons"
		* LIST (\Noinferiors \HasNoChildren \Sent) "/" "Sent Messages"
		1 OK that is all
		> 2 RENAME "Les brouillons" d
		2 OK it has another name
		> 3 LIST "" d
		* LIST (\Noinferiors \HasNoChildren \Drafts) "/" "d"
		3 OK that is all
	END
	# What SELECT tells of it is the same (RFC 9051 6.3.2).
	imap bob <<< $'1 ENABLE IMAP4rev2\n2 SELECT d\n3 SELECT inbox' | grep '^\* LIST' |
	    diff - <(printf '* LIST (%s) "/" "%s"\n' \
	    '\Noinferiors \HasNoChildren \Drafts' d '\Noinferiors \HasNoChildren' INBOX)
	[ "$(cat "$H/mail/.special-use")" = $'d\t\\Drafts' ]
}

@test "subscriptions of two sessions at once: nothing is lost" {
	local i
	for i in 1 2 3 4; do
		seq -f "1 SUBSCRIBE $i/%g" 50 | imap bob > "$T/got.$i" &
	done
	wait
	cat "$T"/got.? | grep -c '^1 OK' | grep -qx 200
	[ "$(sort -u "$H/.mailboxlist" | wc -l)" -eq 200 ]
	[ ! -e "$H/.mailboxlist.lock" ]
	# What goes is gone, whatever is there.
	printf '1 UNSUBSCRIBE 1/%s\n' {1..50} | imap bob | grep -c '^1 OK' | grep -qx 50
	[ "$(wc -l < "$H/.mailboxlist")" -eq 150 ]
}

@test "subscriptions that cannot be read are not none" {
	mkdir "$H/.mailboxlist"
	imap bob <<-'END' > "$T/got"
		1 LSUB "" *
		2 LIST "" * RETURN (SUBSCRIBED)
		3 LIST "" *
	END
	grep '^1 NO \[SERVERBUG\]' "$T/got"
	grep '^2 NO \[SERVERBUG\]' "$T/got"
	grep '^3 OK' "$T/got"
}

@test "subscriptions: a lock left by a clock that was ahead ages too" {
	local lock=$H/Maildir/subscriptions.lock
	maildir
	imap bob <<< '1 SUBSCRIBE a' | grep -q '^1 OK'
	: > "$lock"
	touch -d '1 year' "$lock"
	chown "$(id_of bob)" "$lock"
	imap bob <<< '1 SUBSCRIBE b' > "$T/got" &
	wait_for eval '[ "$(stat -c %Y "$lock")" -le "$(date +%s)" ]'
	touch -d '1 minute ago' "$lock"
	wait_for grep '^1 OK' "$T/got"
	wait
	[ "$(grep -xc '[ab]' "$H/Maildir/subscriptions")" -eq 2 ]
}

# eio N COMMAND...: what bob hears of commands when the N-th reading of a directory fails.
eio()
{
	local n=$1
	shift
	printf '1 %s\n' "$@" | imap bob "exec strace -o /dev/null \
	    -e inject=getdents64:error=EIO:when=$n \"\$@\"" | grep '^1 '
}

@test "a directory that cannot be read to its end has not what was read of it alone" {
	need strace
	export ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=0
	printf '1 CREATE %s\n' a a/b a/b/c | sed 's,CREATE a\(/b\)*$,&/,' | imap bob
	eio 1 'LIST "" "*"' | grep '^1 NO '
	# Of the root, what is read before its end is all there is.
	eio 2 'LIST "" "*"' | grep '^1 NO '
	eio 3 'LIST "" "*"' | grep '^1 NO '
	eio 4 'RENAME a x' | grep '^1 NO '
	[ -f "$H/mail/a/b/c" ]
	[ ! -e "$H/mail/x" ]
	maildir
	printf '1 CREATE %s\n' a a.b a.b.c | imap bob
	eio 1 'LIST "" "*"' | grep '^1 NO '
	eio 2 'RENAME a x' | grep '^1 NO '
	[ -d "$H/Maildir/.a" ]
	[ -d "$H/Maildir/.a.b" ]
	[ ! -e "$H/Maildir/.x" ]
}

@test "a directory that cannot be opened now is not one without mailboxes" {
	need strace
	export ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=0
	local run="exec strace -o $H/calls -P $H/mail -e trace=openat" n
	printf '1 CREATE %s\n' a/ a/b | imap bob
	imap bob "$run \"\$@\"" <<< '1 LIST "" "*"' | grep '"a/b"'
	n=$(grep -n '"a", ' "$H/calls" | sed 's/:.*//;q')
	run+=" -e inject=openat:error=EMFILE:when=$n"
	imap bob "$run \"\$@\"" <<< '1 LIST "" "*"' | grep '^1 NO '
	grep '"a", .*INJECTED' "$H/calls"
	# What bob may not read is none of his.
	chmod 0 "$H/mail/a"
	imap bob <<< '1 LIST "" "*"' | grep '^1 OK '
	chmod 700 "$H/mail/a"
}

@test "a Maildir, a folder in it or its lists that cannot be looked at are not none" {
	need strace
	export ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=0
	local call n hits=0
	maildir
	printf '1 %s\n' 'CREATE a' 'SUBSCRIBE a' | imap bob
	printf '%s\n' '1 LIST "" *' '2 LSUB "" *' '3 LIST (SUBSCRIBED) "" *' \
	    '4 STATUS a (MESSAGES)' > "$T/in"
	for call in newfstatat lstat open openat faccessat access; do
		for ((n = 1; n < 40; n++)); do
			imap bob "exec strace -o $H/calls -P $H/Maildir \
			    -P $H/Maildir/.a -P $H/Maildir/.a/cur \
			    -e trace=?$call -e inject=?$call:error=EIO:when=$n \
			    \"\$@\"" < "$T/in" > "$T/got"
			grep INJECTED "$H/calls" || break
			hits=$((hits + 1))
			cat "$T/got"
			[ "$(grep -ci nonexistent "$T/got")" -eq 0 ]
			! grep -q '^1 OK' "$T/got" || grep -q '^\* LIST .*"a"' "$T/got"
			! grep -q '^2 OK' "$T/got" || grep -q '^\* LSUB .*"a"' "$T/got"
			! grep -q '^3 OK' "$T/got" || grep -q '^\* LIST .*Subscribed.*"a"' "$T/got"
		done
	done
	[ "$hits" -gt 10 ]
}

@test "a Maildir that cannot be read now is not forbidden, and has no others below it" {
	need strace
	export ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=0
	local call n hits=0 b=$H/Maildir/.b
	maildir
	for call in open openat fstat newfstatat getdents64; do
		for ((n = 1; n < 60; n++)); do
			printf '1 %s\n' 'CREATE b' 'DELETE b' | imap bob \
			    "exec strace -o $H/calls -P $b -P $b/tmp -P $b/new \
			    -P $b/cur -e trace=?$call \
			    -e inject=?$call:error=EIO:when=$n \"\$@\"" > "$T/got"
			rm -rf "$b"
			grep INJECTED "$H/calls" || break
			hits=$((hits + 1))
			cat "$T/got"
			[ "$(grep -cE 'NOPERM|HASCHILDREN' "$T/got")" -eq 0 ]
		done
	done
	[ "$hits" -gt 20 ]
}

@test "what cannot be opened before the wall is not forbidden behind it" {
	need strace
	export ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=0
	local place
	box bob 1
	imap bob <<< '1 CREATE a'
	for place in "$D/mail" "$H/mail" "$D/state/bob"; do
		printf '1 %s\n' 'SELECT INBOX' 'STORE 1 +FLAGS (\Seen)' 'COPY 1 a' |
		    imap bob "exec strace -o $H/calls -P $place \
		    -e trace=open,openat -e inject=open,openat:error=EMFILE:when=1 \
		    \"\$@\"" > "$T/got"
		grep INJECTED "$H/calls"
		cat "$T/got"
		[ "$(grep -c NOPERM "$T/got")" -eq 0 ]
	done
}

@test "a mailbox that cannot be looked at while messages come is not gone" {
	need strace
	export ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=0
	local call n hits=0
	box bob 1
	printf '1 %s\n' 'CREATE a' 'SELECT INBOX' 'COPY 1 a' | imap bob
	for call in open openat fstat newfstatat; do
		for ((n = 1; n < 40; n++)); do
			printf '1 %s\n' 'SELECT INBOX' 'COPY 1 a' |
			    imap bob "exec strace -o $H/calls -P $D/state/bob \
			    $(printf -- '-P %s ' "$D"/state/bob/index.*) \
			    -e trace=?$call -e inject=?$call:error=EIO:when=$n \
			    \"\$@\"" > "$T/got"
			grep INJECTED "$H/calls" || break
			hits=$((hits + 1))
			cat "$T/got"
			[ "$(grep -c TRYCREATE "$T/got")" -eq 0 ]
		done
	done
	[ "$hits" -gt 5 ]
}

@test "more mailboxes than a list holds are refused, not cut off" {
	mkdir "$H/mail"
	chown "$(id_of bob)" "$H/mail"
	(cd "$H/mail" && seq -f %.0f 100000 | xargs touch)
	printf '1 %s\n' 'LIST "" 7' 'RENAME 7 x' | imap bob > "$T/got"
	[ "$(grep -c '^1 NO \[LIMIT]' "$T/got")" -eq 2 ]
	[ -e "$H/mail/7" ]
}

@test "UW's list stays the same file, and whole when there is no room" {
	local was
	printf '%s\n' mail/Fruit mail/Veg > "$H/.mailboxlist"
	chown "$(id_of bob)" "$H/.mailboxlist"
	ln "$H/.mailboxlist" "$T/linked"
	printf '1 %s\n' 'UNSUBSCRIBE Fruit' 'SUBSCRIBE Nuts' | imap bob > "$T/got"
	grep -c '^1 OK' "$T/got" | grep -qx 2
	[ "$(cat "$T/linked")" = $'mail/Veg\nNuts' ]
	# Who is killed leaves a list without half a name.
	if strace -o /dev/null true 2> /dev/null; then
		imap bob 'exec strace -o /dev/null -e inject=ftruncate:signal=KILL "$@"' \
		    <<< '1 UNSUBSCRIBE Veg' > "$T/got" || :
		[ "$(grep . "$T/linked")" = Nuts ]
		imap bob <<< '1 SUBSCRIBE Veg' | grep '^1 OK'
	fi
	seq -f 'mail/%.7g' 1000000 1000076 >> "$H/.mailboxlist"
	was=$(cat "$H/.mailboxlist")
	(
		ulimit -f 1
		imap bob <<< '1 SUBSCRIBE Bread-and-butter'
	) > "$T/got"
	grep -q '^1 NO ' "$T/got"
	[ "$(cat "$T/linked")" = "$was" ]
}

@test "who was held up until others broke his lock on a list does not write theirs" {
	strace -o /dev/null true 2> /dev/null || skip 'no strace'
	maildir
	imap bob <<< '1 SUBSCRIBE a' > /dev/null
	local list=$H/Maildir/subscriptions was
	was=$(cat "$list")
	imap bob "echo \$\$ > $H/pid; exec strace -D -o $H/calls -P $list.lock \
	    -e trace=fsync -e inject=fsync:signal=STOP \"\$@\"" \
	    <<< '1 SUBSCRIBE b' > "$T/got" &
	wait_for grep -qs 'stopped by SIGSTOP' "$H/calls"
	rm "$list.lock"
	: > "$list.lock"
	kill -CONT "$(cat "$H/pid")"
	wait "$!"
	grep -q '^1 NO \[INUSE\]' "$T/got"
	[ "$(cat "$list")" = "$was" ]
	[ -e "$list.lock" ]
}

@test "Dovecot's subscriptions, and folders that it made" {
	need doveadm
	[ "$EUID" -eq 0 ] || skip 'only root can show it its libraries'
	maildir
	local id
	id=$(id_of bob)
	# It looks for its libraries and doveconf below /usr.
	cat > "$T/dove" <<-END
		mount -t overlay overlay -o "lowerdir=$PEERS/usr:/usr" /usr || exit
		exec setpriv --reuid=${id%:*} --regid=${id#*:} --clear-groups \\
		    doveadm -c "$T/dovecot.conf" "\$@"
	END
	dove() {
		HOME=$H USER=bob unshare -m sh "$T/dove" "$@"
	}
	cat > "$T/dovecot.conf" <<-END
		mail_location = maildir:$H/Maildir
		base_dir = $T/run
		first_valid_uid = 1
		first_valid_gid = 1
		namespace inbox {
		  inbox = yes
		  separator = .
		}
	END
	dove mailbox create -s 'Äpfel.rot & gelb' || skip 'doveadm cannot run here'
	imap bob <<< '1 CREATE B&APw-cher.x' > /dev/null
	says bob <<-'END'
		> 1 SUBSCRIBE B&APw-cher.x
		1 OK subscribed
		> 2 LSUB "" *
		* LSUB () "." "B&APw-cher.x"
		* LSUB () "." "&AMQ-pfel.rot &- gelb"
		2 OK that is all
		> 3 LIST "" *
		* LIST (\HasNoChildren) "." "INBOX"
		* LIST (\HasNoChildren) "." "B&APw-cher.x"
		* LIST (\HasNoChildren) "." "&AMQ-pfel.rot &- gelb"
		3 OK that is all
	END
	[ "$(dove mailbox list -s | sort | xargs)" = \
	    "$(printf '%s\n' 'Bücher.x' 'Äpfel.rot & gelb' | sort | xargs)" ]
}

@test "quota: a root for each mailbox, or none" {
	box bob 100
	says bob <<-'END'
		> 1 GETQUOTAROOT INBOX
		* QUOTAROOT "INBOX"
		1 OK that is all
		> 2 GETQUOTA INBOX
		2 NO [NONEXISTENT] there is no such quota root
	END
	echo 'mailbox_limit 1M' >> "$C"
	says bob <<-END
		> 1 GETQUOTAROOT INBOX
		* QUOTAROOT "INBOX" "INBOX"
		* QUOTA "INBOX" (STORAGE $((($(stat -c %s "$D/mail/bob") + 1023) / 1024)) 1024)
		1 OK that is all
		> 2 GETQUOTAROOT new
		* QUOTAROOT "new" "new"
		* QUOTA "new" (STORAGE 0 1024)
		2 OK that is all
		> 3 GETQUOTA none
		3 NO [NONEXISTENT] there is no such quota root
		> 4 SETQUOTA INBOX (STORAGE 9)
		4 NO [NOPERM] the limit is set in the configuration
		> 5 SETQUOTA INBOX STORAGE
		5 BAD a parenthesis is missing
	END
	# What cannot be looked at is not what is not there, nor what cannot be.
	mkdir -p "$H/mail/shut"
	own "$H/mail" bob
	own "$H/mail/shut" bob
	chmod 0 "$H/mail/shut"
	says bob <<-'END'
		> 1 GETQUOTA shut/x
		1 NO [NOPERM] cannot open that mailbox: Permission denied
		> 2 GETQUOTAROOT shut/x
		* QUOTAROOT "shut/x" "shut/x"
		2 NO [NOPERM] cannot open that mailbox: Permission denied
		> 3 GETQUOTAROOT shut
		* QUOTAROOT "shut"
		3 OK that is all
		> 4 GETQUOTAROOT ../x
		4 NO [CANNOT] there can be no mailbox of that name
	END
	chmod 700 "$H/mail/shut"
}

@test "ten thousand mailboxes, and patterns that ask for trouble" {
	local most=5 TIMEFORMAT=%U
	[[ "$BIN" != */asan ]] || most=30
	mkdir -p "$H/mail"/d{100..199}
	(cd "$H/mail" && seq -f '%04g' 0 9999 |
	    sed 's,^\(..\)\(..\),d1\1/box \2,' | tr '\n' '\0' | xargs -0 touch)
	[ "$EUID" -ne 0 ] || chown -R "$(id_of bob)" "$H/mail"
	{
		echo '1 LIST "" *'
		echo "2 LIST \"\" \"$(printf '*%%%.0s' {1..20000})x\""
		echo "3 LIST \"\" \"$(printf '*b%%%.0s' {1..300})x\""
		echo "4 LIST \"\" ($(printf '"*%%b*o%%x*%s" ' {1..99})\"x\")"
		echo "5 LIST \"\" ($(printf 'x%s ' {1..200})x)"
	} > "$T/in"
	{ time imap bob < "$T/in" > "$T/got"; } 2> "$T/work"
	[ "$(sed '/^1 OK/q' "$T/got" | grep -c '^\* LIST')" -eq 10101 ]
	[ "$(grep -c '^[1-4] OK' "$T/got")" -eq 4 ]
	grep -q '^5 BAD too many patterns' "$T/got"
	work=$(cat "$T/work")
	echo "$work s of work"
	[ "${work%.*}" -lt "$most" ]
}
