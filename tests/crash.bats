# crash - a program dies, or the system fails it, at each of its system calls;
# the disk is full.  Nothing that was accepted is lost, nothing is torn, no run
# is blocked.  FULL=1 takes every call, else some of each kind.

load lib
load imap

setup()
{
	need strace python3
	test_begin
	instance a a.test 'smarthost '"$NET.9:$SMTP_PORT" 'spool_free 0' \
	    'pipe_user kim'
	echo 'fails: |exit 67' >> "$D/aliases"
}
teardown()
{
	umount "$T"/a/{spool,mail,state,logs} 2> /dev/null || :
	test_end
}

# at PROGRAM kill|fail: the rounds of tests/cut/kill.py.
at()
{
	PYTHONDONTWRITEBYTECODE=1 python3 "$REPO/tests/cut/kill.py" "$D" "$BIN" \
	    "$T/cut.so" "$NET.9" "$SMTP_PORT" "$@"
}

@test "smtpd is killed at any system call" { at smtpd kill; }
@test "sendmail is killed at any system call" { at sendmail kill; }
@test "queuerun is killed at any system call" { at queuerun kill; }
@test "deliver is killed at any system call" { at deliver kill; }

@test "the SMTP client is killed at any call" {
	need cc
	[[ "$BIN" != */asan ]] || skip "a sanitizer will not be second"
	"$(peer cc)" -std=c17 -shared -fPIC -o "$T/cut.so" \
	    "$REPO/tests/cut/cut.c"
	at client kill
}

@test "system calls of smtpd fail" { at smtpd fail; }
@test "system calls of sendmail fail" { at sendmail fail; }
@test "system calls of queuerun fail" { at queuerun fail; }
@test "system calls of deliver fail" { at deliver fail; }

# --- full disks ---

# small DIR SIZE: put a file system of that size there.
small()
{
	[ "$EUID" -eq 0 ] || skip "only root can make a small disk"
	local mode owner
	read -r mode owner < <(stat -c '%a %u:%g' "$1")
	mount -t tmpfs -o "size=$2,mode=$mode" small "$1" ||
		skip "no small disk to be had"
	chown "$owner" "$1"
}

full()
{
	dd if=/dev/zero of="$1/fill" bs=4k > /dev/null 2>&1 || :
}

# A dialogue that sends a letter of $1 lines.
dialogue()
{
	printf '%s\n' 'EHLO x.test' 'MAIL FROM:<s@x.test>' 'RCPT TO:<alice@a.test>' DATA
	printf 'Subject: letter\n\n'
	[ "$1" -eq 0 ] || printf "line %0100d\n" $(seq "$1")
	printf '%s\n' . QUIT
}

@test "the spool's disk is full: 452, and nothing stays behind" {
	small "$D/spool" 400k
	queue a
	[ "$EUID" -ne 0 ] || chmod g+s "$D/spool/new"
	dialogue 5000 > "$T/in"
	run smtpd a < "$T/in"
	[[ "$output" == *"452 4.3.1"* ]]
	[[ "$output" != *queued* ]]
	[ "$(queued a)" -eq 0 ]
	full "$D/spool"
	dialogue 1 > "$T/in"
	run smtpd a < "$T/in"
	[[ "$output" == *"452 4.3.1"* ]]
	run send a -f s@x.test alice < "$T/in"
	[ "$status" -eq 75 ]
	run find "$D/spool" -type f -size +0 ! -name fill
	[ -z "$output" ]
	rm "$D/spool/fill"
	run smtpd a < "$T/in"
	[[ "$output" == *"250 2.0.0 Ok: queued"* ]]
	queue a
	delivered a alice 1
}

@test "the spool's disk fills while the queue runs: nothing is lost" {
	small "$D/spool" 400k
	queue a
	[ "$EUID" -ne 0 ] || chmod g+s "$D/spool/new"
	dialogue 10 > "$T/in"
	smtpd a < "$T/in"
	printf 'Subject: two\n\ntwo\n' | send a -f alice@a.test bob fails
	full "$D/spool"
	queue a
	rm "$D/spool/fill"
	queue a -T $(($(date +%s) + 4000))
	queue a -T $(($(date +%s) + 8000))
	delivered a bob 1
	[ "$(queued a)" -eq 0 ]
	# The letter, and one notification.
	delivered a alice 2
}

@test "the spool's disk is full: who was served is not served again for those who were not" {
	local size='' n pad i
	small "$D/spool" 400k
	queue a
	[ "$EUID" -ne 0 ] || chmod g+s "$D/spool/new"
	mkdir "$D/mail/bob" # nothing can be delivered there
	mkdir -m 1777 "$T/got"
	echo "prog: \"|cat > \$(mktemp -p $T/got)\"" >> "$D/aliases"
	# They end a little before a block ends, the first one does not.
	for pad in 0 20 60 100 140 180 220; do
		n=$((pad > 0 ? 4096 - size + 1000 - pad : 1000))
		printf 'Subject: %04d\n\n%0*d\n' "$n" "$n" 1 |
		    send a -f s@x.test prog bob
		size=${size:-$(stat -c %s "$D/spool/new/"*)}
	done
	full "$D/spool"
	for i in 1 2 3; do
		queue a -T $(($(date +%s) + i * 20000))
	done
	rm "$D/spool/fill"
	rmdir "$D/mail/bob"
	queue a -T $(($(date +%s) + 80000))
	[ "$(find "$T/got" -type f | wc -l)" -eq 7 ]
	delivered a bob 7
	[ "$(queued a)" -eq 0 ]
	grep -q 'no room for its journal' "$D/log"
}

@test "the mailbox's disk is full: deferred, the mailbox as it was" {
	small "$D/mail" 300k
	printf 'Subject: first\n\nfirst\n' | send a -f s@x.test alice
	queue a
	delivered a alice 1
	cp "$D/mail/alice" "$T/before"
	dialogue 5000 > "$T/in"
	smtpd a < "$T/in"
	queue a
	grep -q 'dsn=4.3.1, status=deferred' "$D/log"
	cmp "$T/before" "$D/mail/alice"
	dialogue 3 > "$T/in"
	smtpd a < "$T/in"
	queue a
	delivered a alice 2
	cmp -n "$(stat -c %s "$T/before")" "$T/before" "$D/mail/alice"
	[ "$(queued a)" -eq 1 ]
	mount -o remount,size=2m "$D/mail"
	queue a -T $(($(date +%s) + 8000))
	delivered a alice 3
	[ "$(queued a)" -eq 0 ]
}

@test "the mailbox's disk is full: mail can be deleted" {
	small "$D/mail" 300k
	imap_ready
	box bob 100
	full "$D/mail"
	printf '%s\n' '1 SELECT INBOX' '2 STORE 3:99 +FLAGS.SILENT (\Deleted)' \
	    '3 EXPUNGE' | imap bob > "$T/got"
	grep '^3 OK' "$T/got"
	[ "$(letters "$D/mail/bob")" -eq 3 ]
	[ ! -e "$D/mail/bob.lock" ]
}

@test "no inodes where messages are staged: no room, not a lack of rights" {
	small "$D/state" 300k,nr_inodes=20
	imap_ready
	box bob 1
	printf '%s\n' '1 CREATE other' '2 SELECT INBOX' '3 COPY 1 other' |
	    imap bob | grep '^3 OK'
	mkdir "$D/state/fill"
	run touch "$D/state/fill/"{1..20}
	[ "$status" -eq 1 ]
	printf '%s\n' '2 SELECT INBOX' '3 COPY 1 other' | imap bob > "$T/got"
	grep '^3 NO \[OVERQUOTA\] No space left' "$T/got"
	[ "$(letters "$D/home/bob/mail/other")" -eq 1 ]
}

@test "no inodes for what is known of a mailbox: mail is read and deleted, and waits" {
	small "$D/state" 300k,nr_inodes=5
	imap_ready
	box bob 2
	run touch "$D/state/"{1..5}
	[ "$status" -eq 1 ]
	run "$(prog deliver)" -C "$C" bob <<< 'Subject: 3'
	[ "$status" -eq 75 ]
	printf '%s\n' '1 SELECT INBOX' '2 FETCH 1:* BODY[TEXT]' \
	    '3 STORE 1:* +FLAGS.SILENT (\Deleted)' '4 EXPUNGE' | imap bob > "$T/got"
	grep '^2 OK' "$T/got"
	grep '^4 OK' "$T/got"
	[ ! -s "$D/mail/bob" ]
}

@test "the log's disk is full: mail goes on, and takes no more descriptors" {
	mkdir -m 1777 "$D/logs"
	small "$D/logs" 64k
	: > "$D/logs/log"
	chmod 666 "$D/logs/log"
	for _ in {1..40}; do
		send a -f s@x.test bob <<< ''
	done
	full "$D/logs"
	sed -i "s|^log .*|log $D/logs/log|" "$C"
	run bash -c 'ulimit -n 40; "$1" -C "$2"' - "$(prog queuerun)" "$C"
	[ "$status" -eq 0 ]
	[ -z "$output" ]
	[ "$(queued a)" -eq 0 ]
	delivered a bob 40
}

@test "a limit on the size of files is a full disk" {
	dialogue 5000 > "$T/in"
	run bash -c 'ulimit -f 100; sed "s/\$/\r/" "$1" | "$2" -C "$3"' - \
	    "$T/in" "$(prog smtpd)" "$C"
	[[ "$output" == *"452 4.3.1"* ]]
	run bash -c 'ulimit -f 100; "$2" -C "$3" -f s@x.test alice < "$1"' - \
	    "$T/in" "$(prog sendmail)" "$C"
	[ "$status" -eq 75 ]
	[ "$(queued a)" -eq 0 ]
	smtpd a < "$T/in"
	bash -c 'ulimit -f 100; "$1" -C "$2"' - "$(prog queuerun)" "$C"
	delivered a alice 0
	[ "$(queued a)" -eq 1 ]
	queue a -T $(($(date +%s) + 4000))
	delivered a alice 1
}
