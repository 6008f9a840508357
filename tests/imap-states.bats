# imap-states - every command in every state, with good arguments and bad ones.

load lib
load imap

setup()
{
	test_begin
	instance a a.test 'mailbox_limit 10000000'
	imap_ready
	imap_secret
	box bob 3
	mkdir -p "$D/home/bob/mail"
	own "$D/home/bob/mail" bob
	box bob 1 "$D/home/bob/mail/other"
	cp -a "$D" "$T/before"
}

teardown() { test_end; }

# states: lines of stdin, "XXXX COMMAND": the first letters of the answers that COMMAND
# gets from a stranger, a user, with a mailbox selected, with one examined.  "|" is a
# line's end; "-": not asked.
states()
{
	cat > "$T/table"
	D=$D T=$T imap_py <<-'END'
		import shutil
		D, T = os.environ["D"], os.environ["T"]
		os.environ["TCPREMOTEIP"] = "192.0.2.1"
		def fresh():
		    """As it was in the beginning."""
		    for d in "mail/bob", "home/bob", "state":
		        os.path.isdir(D + "/" + d) and shutil.rmtree(D + "/" + d)
		    shutil.copy2(T + "/before/mail/bob", D + "/mail/bob")
		    shutil.copytree(T + "/before/home/bob", D + "/home/bob")
		    shutil.copytree(T + "/before/state", D + "/state")
		    os.chmod(D + "/state", 0o1777)
		    if os.getuid() == 0:
		        who = list(map(int, ids_of("bob").split(":")))
		        os.chown(D + "/mail/bob", *who)
		        for d, _, names in os.walk(D + "/home/bob"):
		            for n in [d] + [d + "/" + n for n in names]:
		                os.chown(n, *who)
		class Stranger(Imap):
		    def __init__(self):
		        os.environ["TCPREMOTEIP"] = "192.0.2.1"
		        super().__init__()
		        del os.environ["TCPREMOTEIP"]
		def user():
		    return Imap("bob")
		def selected(how="SELECT"):
		    s = user()
		    s.ok(how + " INBOX")
		    return s
		makes = [Stranger, user, selected, lambda: selected("EXAMINE")]
		del os.environ["TCPREMOTEIP"]
		wrong = 0
		def ask(s, state, command, want):
		    global wrong
		    got = s.cmd(command.replace("|", "\r\n"))
		    if got and got[0] == "O" and command.startswith("COMPRESS"):
		        s.compress()
		    if not got or got[0] != want:
		        wrong += 1
		        print(state, command, "->", got, "not", want)
		    elif command != "LOGOUT" and s.cmd("NOOP") != "OK here I am":
		        wrong += 1
		        print(state, command, "and then:", s.said)
		table = [line.partition(" ")[::2] for line in open(T + "/table").read().splitlines()]
		for state, make in enumerate(makes):
		    # What is BAD changes nothing: one session will do.
		    fresh()
		    s = make()
		    for want, command in table:
		        if want[state] == "B":
		            ask(s, state, command, "B")
		    s.end()
		    for want, command in table:
		        if want[state] in "ON":
		            fresh()
		            s = make()
		            ask(s, state, command, want[state])
		            s.cut()
		sys.exit(wrong > 0)
	END
}

@test "before the login and at any time" {
	states <<-'END'
		OOOO CAPABILITY
		OOOO capability
		BBBB CAPABILITY x
		OOOO NOOP
		BBBB NOOP x
		BBBB NOOP 
		OOOO LOGOUT
		BBBB LOGOUT x
		OOOO ID NIL
		OOOO ID ()
		OOOO ID ("name" "x" "version" NIL)
		BBBB ID
		BBBB ID (
		BBBB ID ("name")
		BBBB ID ("name" "x"
		BBBB ID name
		BBBB ID ("name" "x") y
		OBBB LOGIN bob secret
		OBBB LOGIN "bob" "secret"
		OBBB login {3+}|bob {6+}|secret
		BBBB LOGIN
		BBBB LOGIN bob
		BBBB LOGIN bob secret x
		BBBB LOGIN "" secret
		BBBB LOGIN bob ""
		OBBB AUTHENTICATE PLAIN AGJvYgBzZWNyZXQ=
		BBBB AUTHENTICATE PLAIN =
		BBBB AUTHENTICATE PLAIN x
		NBBB AUTHENTICATE CRAM-MD5
		NBBB AUTHENTICATE XOAUTH2 x
		OBBB AUTHENTICATE LOGIN Ym9i|c2VjcmV0
		BBBB AUTHENTICATE
		OBBB AUTHENTICATE PLAIN|AGJvYgBzZWNyZXQ=
		BBBB AUTHENTICATE PLAIN|*
		OBBB AUTHENTICATE LOGIN|Ym9i|c2VjcmV0
		BBBB STARTTLS
		BBBB UNAUTHENTICATE
	END
}

@test "mailboxes" {
	states <<-'END'
		BOBB ENABLE CONDSTORE
		BOBB ENABLE X-UNKNOWN
		BBBB ENABLE
		BBBB ENABLE "CONDSTORE"
		BOOO SELECT INBOX
		BOOO select other
		BNNN SELECT none
		BOOO SELECT "INBOX" (CONDSTORE)
		BBBB SELECT
		BBBB SELECT a b
		BBBB SELECT INBOX ()
		BBBB SELECT INBOX (UNKNOWN)
		BBBB SELECT INBOX (CONDSTORE
		BBBB SELECT INBOX (QRESYNC (1 1))
		BBBB SELECT (INBOX)
		BBBB SELECT %
		BBBB SELECT "a
		BNNN SELECT ""
		BNNN SELECT ../bob
		BNNN SELECT /etc/passwd
		BNNN SELECT ~root/x
		BOOO EXAMINE INBOX
		BOOO EXAMINE other
		BNNN EXAMINE none
		BBBB EXAMINE
		BOOO CREATE new
		BOOO CREATE new/sub
		BNNN CREATE INBOX
		BNNN CREATE other
		BNNN CREATE ../x
		BBBB CREATE
		BBBB CREATE a b
		BOOO DELETE other
		BNNN DELETE INBOX
		BNNN DELETE none
		BBBB DELETE
		BBBB DELETE a b
		BOOO RENAME other third
		BNNN RENAME none third
		BNNN RENAME other INBOX
		BBBB RENAME other
		BBBB RENAME
		BBBB RENAME a b c
		BOOO SUBSCRIBE other
		BBBB SUBSCRIBE
		BBBB SUBSCRIBE a b
		BOOO UNSUBSCRIBE other
		BBBB UNSUBSCRIBE
		BOOO LIST "" *
		BOOO LIST "" ""
		BOOO LIST "" (% INBOX) RETURN (CHILDREN)
		BOOO LIST (SUBSCRIBED) "" "*"
		BBBB LIST
		BBBB LIST ""
		BBBB LIST (UNKNOWN) "" *
		BBBB LIST "" * RETURN (UNKNOWN)
		BBBB LIST "" "*" x
		BOOO LSUB "" *
		BBBB LSUB ""
		BBBB LSUB
		BOOO NAMESPACE
		BBBB NAMESPACE x
		BOOO STATUS INBOX (MESSAGES UNSEEN UIDNEXT UIDVALIDITY RECENT)
		BOOO STATUS other (SIZE HIGHESTMODSEQ)
		BNNN STATUS none (MESSAGES)
		BBBB STATUS INBOX
		BBBB STATUS INBOX (UNKNOWN)
		BBBB STATUS INBOX MESSAGES
		BBBB STATUS
		BOOO GETQUOTA INBOX
		BNNN GETQUOTA none
		BBBB GETQUOTA
		BOOO GETQUOTAROOT INBOX
		BOOO GETQUOTAROOT none
		BBBB GETQUOTAROOT
		BNNN SETQUOTA INBOX (STORAGE 1)
		BNNN SETQUOTA INBOX ()
		BBBB SETQUOTA INBOX
		BBBB SETQUOTA INBOX (STORAGE x)
		BBBB SETQUOTA
		BOOO APPEND INBOX {6+}|a: b|
		BOOO APPEND INBOX (\Seen $x) "01-Jan-2020 00:00:00 +0000" {6+}|a: b|
		BOOO APPEND INBOX {6}|a: b|
		BOOO APPEND INBOX ~{6+}|a: b|
		BOOO APPEND other {3+}|a:b {3+}|c:d
		BNNN APPEND none {6+}|a: b|
		BBBB APPEND
		BBBB APPEND INBOX
		BBBB APPEND INBOX text
		BBBB APPEND INBOX "text"
		BBBB APPEND INBOX (\Nonsense) {6+}|a: b|
		BBBB APPEND INBOX (\Seen {6+}|a: b|
		BBBB APPEND INBOX "32-Jan-2020 00:00:00 +0000" {6+}|a: b|
		BBBB APPEND INBOX "01-Jan-2020" {6+}|a: b|
		BBBB APPEND INBOX UTF8 (~{6+}|a: b|)
		BBBB APPEND INBOX {6+}|a: b|x
		BNNN APPEND INBOX {0+}|
		BOOO IDLE|DONE
		BBBB IDLE|x
		BBBB IDLE x
		BOOO COMPRESS DEFLATE
		BNNN COMPRESS LZ4
		BBBB COMPRESS
	END
}

@test "messages" {
	states <<-'END'
		BBOO CHECK
		BBBB CHECK x
		BBOO CLOSE
		BBBB CLOSE x
		BBOO UNSELECT
		BBBB UNSELECT x
		BBON EXPUNGE
		BBON UID EXPUNGE 1
		BBBB UID EXPUNGE
		BBBB UID EXPUNGE 0
		BBBB EXPUNGE 1
		BBOO FETCH 1 FLAGS
		BBOO FETCH 1:3 (UID FLAGS)
		BBOO FETCH * FAST
		BBOO FETCH 3:1 ALL
		BBOO FETCH 1 FULL
		BBOO FETCH 1 BODY[]
		BBOO FETCH 1 BODY.PEEK[HEADER.FIELDS (From To)]<0.10>
		BBOO UID FETCH 1:* (FLAGS)
		BBOO UID FETCH 99 (FLAGS)
		BBBB FETCH
		BBBB FETCH 1
		BBBB FETCH x FLAGS
		BBBB FETCH 0 FLAGS
		BBBB FETCH 4 FLAGS
		BBBB FETCH 1:4 FLAGS
		BBBB FETCH 4294967295 FLAGS
		BBBB FETCH 4294967296 FLAGS
		BBBB FETCH 4294967297 FLAGS
		BBBB FETCH 18446744073709551617 FLAGS
		BBBB FETCH 1, FLAGS
		BBBB FETCH ,1 FLAGS
		BBBB FETCH 1: FLAGS
		BBBB FETCH 1:2:3 FLAGS
		BBBB FETCH -1 FLAGS
		BBBB FETCH 1 NONSENSE
		BBBB FETCH 1 (FLAGS
		BBBB FETCH 1 ()
		BBBB FETCH 1 BODY[
		BBBB FETCH 1 BODY[0]
		BBBB FETCH 1 BODY[]<0.0>
		BBBB FETCH 1 FLAGS x
		BBON STORE 1 FLAGS (\Seen)
		BBON STORE 1 +FLAGS \Seen
		BBON STORE 1 +FLAGS.SILENT (\Seen keyword)
		BBON STORE 1 -FLAGS ()
		BBON UID STORE 1 FLAGS (\Seen)
		BBON UID STORE 99 FLAGS (\Seen)
		BBBB STORE
		BBBB STORE 1
		BBBB STORE 1 FLAGS
		BBBB STORE 4 FLAGS (\Seen)
		BBBB STORE 0 FLAGS (\Seen)
		BBBB STORE 4294967295 FLAGS (\Seen)
		BBBB STORE 1 FLAGS (\Nonsense)
		BBBB STORE 1 FLAGS (\Seen
		BBBB STORE 1 *FLAGS (\Seen)
		BBBB STORE 1 FLAGS.LOUD (\Seen)
		BBBB STORE 1 FLAGS (\Seen) x
		BBBB STORE 1 FLAGS (())
		BBBB STORE 1 FLAGS ("x")
		BBBB STORE 1 FLAGS (a]b)
		BBBB STORE 1 FLAGS (a  b)
		BBOO SEARCH ALL
		BBOO UID SEARCH 1:* UNSEEN
		BBOO SEARCH RETURN (ALL COUNT) SUBJECT letter
		BBOO SEARCH CHARSET UTF-8 TEXT {3+}|one
		BBOO SEARCH OR NOT SEEN (FROM "x" TO "y")
		BBNN SEARCH CHARSET KLINGON TEXT x
		BBBB SEARCH
		BBBB SEARCH NONSENSE
		BBBB SEARCH SUBJECT
		BBBB SEARCH (ALL
		BBBB SEARCH OR ALL
		BBBB SEARCH SINCE yesterday
		BBBB SEARCH 0
		BBBB SEARCH ALL x
		BBOO SORT (SUBJECT) UTF-8 ALL
		BBOO UID SORT (REVERSE DATE) US-ASCII ALL
		BBNN SORT (SUBJECT) ALL
		BBBB SORT () UTF-8 ALL
		BBBB SORT (NONSENSE) UTF-8 ALL
		BBBB SORT
		BBOO THREAD REFERENCES UTF-8 ALL
		BBOO UID THREAD ORDEREDSUBJECT UTF-8 ALL
		BBBB THREAD NONSENSE UTF-8 ALL
		BBBB THREAD
		BBOO COPY 1 other
		BBOO UID COPY 1:* other
		BBOO UID COPY 99 other
		BBNN COPY 1 none
		BBBB COPY 4 other
		BBBB COPY 4294967295 other
		BBBB COPY 1
		BBBB COPY
		BBBB COPY 1 other x
		BBON MOVE 1 other
		BBON UID MOVE 1:2 other
		BBNN MOVE 1 none
		B--B MOVE
		BBB- MOVE 4 other
		BBON REPLACE 1 INBOX {6+}|a: b|
		BBON UID REPLACE 1 other {6+}|a: b|
		BBNN UID REPLACE 99 other {6+}|a: b|
		BBNN REPLACE 1 none {6+}|a: b|
		BBB- REPLACE 4 other {6+}|a: b|
		BBB- REPLACE 1:2 other {6+}|a: b|
		BBB- REPLACE * other x
		BBBB REPLACE
		BBBB UID
		BBBB UID NOOP
		BBBB UID UID FETCH 1 FLAGS
		BBBB UID APPEND INBOX {6+}|a: b|
		BBBB XNONSENSE
		BBBB "NOOP"
		BBBB {4+}|NOOP
	END
}

@test "numbers that are none, but *: the last message has no second name" {
	imap_says bob <<-'END'
		C: a SELECT INBOX
		S: ...
		S: a OK [READ-WRITE]
		C: b UID STORE 4294967295 +FLAGS (\Deleted)
		S: b OK
		C: c UID FETCH 4294967295 FLAGS
		S: c OK
		C: d UID FETCH 4294967296 FLAGS
		S: d BAD
		C: e UID REPLACE 4294967295 INBOX {6+}
		C: a: b
		C: 
		S: e NO
		C: f UID STORE 3:4294967295 +FLAGS (\Seen)
		S: * 3 FETCH (UID 3 FLAGS (\Seen \Recent))
		S: f OK
		C: g UID STORE 99:* +FLAGS (\Draft)
		S: * 3 FETCH (UID 3 FLAGS (\Seen \Draft \Recent))
		S: g OK
		C: h UID COPY 4294967294 INBOX
		S: h OK
		C: i STORE * FLAGS ()
		S: * 3 FETCH (FLAGS (\Recent))
		S: i OK
	END
}

@test "tags in all their forms; what is none" {
	{
		printf '%s NOOP\n' a0001 00000001 1 KMIM0 a.b '[x]' 'a]b' '~!@#$^&_-=|;:?/<>,.' "'" '`' \
		    "$(printf %01000d 1)"
		printf '%s NOOP\n' '+' 'a+b' '*' '%' '(' '{' '"a"' 'a\b' $'\xc3\xa4' $'a\tb'
		printf '\n \nNOOP\n'
	} | imap bob > "$T/got"
	[ "$(grep -c 'OK here I am$' "$T/got")" -eq 11 ]
	[ "$(grep -c 'BAD' "$T/got")" -eq 13 ]
	[ "$(grep -c '^\* BYE' "$T/got")" -eq 0 ]
}

@test "too many errors in a row, and not in a row" {
	echo 'error_limit 5' >> "$C"
	printf 'a X\n%.0s' 1 2 3 4 5 6 7 | imap bob > "$T/got"
	[ "$(grep -c BAD "$T/got")" -eq 5 ]
	[ "$(tail -n 1 "$T/got")" = '* BYE too many errors' ]
	printf 'a X\nb NOOP\n%.0s' 1 2 3 4 5 6 7 | imap bob > "$T/got"
	[ "$(grep -c BAD "$T/got")" -eq 7 ]
	[ "$(grep -c BYE "$T/got")" -eq 0 ]
}
