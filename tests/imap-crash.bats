# imap-crash - what is left when an IMAP session dies, or the system fails it, at any
# one of its system calls: tests/imapcrash.py.  A few of them; all:
# make check STEP=1 SUITES=imap-crash

load lib
load imap

setup()
{
	test_begin
	need strace
	instance a a.test
	imap_ready
	DELIVER="$(prog deliver) -C $C"
	export DELIVER STATE=$D/state/alice
	[ "$EUID" -ne 0 ] || chown 20001 "$T"
	# A sanitizer's own start has many calls.
	EVERY=${STEP-40}
	[[ "$BIN" != */asan ]] || EVERY=${STEP-150}
}
teardown() { test_end; }

# crash DEEDS WHAT [PLACE]: with an mbox; see imapcrash.py.
crash()
{
	[ -n "${BOX-}" ] || box alice 0
	export T BOX=${BOX-$D/mail/alice} FOLDERS=${FOLDERS-$D/home/alice/mail}
	as alice timeout 600 python3 "$REPO/tests/imapcrash.py" "$1" "$2" \
	    "$EVERY" ${PLACE-} >&2
}

# maildir_crash DEEDS WHAT: the same with a Maildir.
maildir_crash()
{
	mkdir -p "$D/maildir/alice/"{cur,new,tmp}
	[ "$EUID" -ne 0 ] || chown -R "$(id_of alice)" "$D/maildir/alice"
	printf 'mailbox %s/maildir/%%u/\n' "$D" >> "$C"
	BOX=$D/maildir/alice FOLDERS='' crash "$@"
}

@test "kill -9: APPEND" { crash append KILL; }
@test "kill -9: COPY" { crash copy KILL; }
@test "kill -9: MOVE" { crash move KILL; }
@test "kill -9: STORE and CHECK" { crash store KILL; }
@test "kill -9: EXPUNGE" { crash expunge KILL; }
@test "kill -9: CLOSE" { crash close KILL; }
@test "kill -9: CREATE, RENAME, DELETE" { crash names KILL; }
@test "kill -9: RENAME INBOX" { crash inbox KILL; }
@test "no space: APPEND" { crash append ENOSPC; }
@test "no space: COPY" { crash copy ENOSPC; }
@test "no space: MOVE" { crash move ENOSPC; }
@test "no space: STORE and CHECK" { crash store ENOSPC; }
@test "no space: EXPUNGE" { crash expunge ENOSPC; }
@test "no space: RENAME INBOX" { crash inbox ENOSPC; }
@test "no space for one write: STORE and CHECK" { PLACE=pwrite64 crash store ENOSPC; }
@test "no space for one write: APPEND" { PLACE=pwrite64 crash append ENOSPC; }
@test "input/output error: APPEND" { crash append EIO; }
@test "input/output error: COPY" { crash copy EIO; }
@test "input/output error: MOVE" { crash move EIO; }
@test "input/output error: STORE and CHECK" { crash store EIO; }
@test "input/output error: EXPUNGE" { crash expunge EIO; }
@test "input/output error: CREATE, RENAME, DELETE" { crash names EIO; }
@test "input/output error: FETCH" { crash fetch EIO; }
@test "kill -9: APPEND in a Maildir" { maildir_crash append KILL; }
@test "kill -9: COPY in a Maildir" { maildir_crash copy KILL; }
@test "kill -9: MOVE in a Maildir" { maildir_crash move KILL; }
@test "kill -9: STORE and CHECK in a Maildir" { maildir_crash store KILL; }
@test "kill -9: EXPUNGE in a Maildir" { maildir_crash expunge KILL; }
@test "kill -9: CREATE, RENAME, DELETE in a Maildir" { maildir_crash names KILL; }
@test "kill -9: RENAME INBOX in a Maildir" { maildir_crash inbox KILL; }
@test "no space: MOVE in a Maildir" { maildir_crash move ENOSPC; }
@test "no space: APPEND in a Maildir" { maildir_crash append ENOSPC; }
@test "no space for one write: STORE and CHECK in a Maildir" { PLACE=pwrite64 maildir_crash store ENOSPC; }
@test "no space for one write: APPEND in a Maildir" { PLACE=pwrite64 maildir_crash append ENOSPC; }
@test "no space for one write: MOVE in a Maildir" { PLACE=pwrite64 maildir_crash move ENOSPC; }
@test "keywords that cannot be read: MOVE in a Maildir" { PLACE="read" maildir_crash move EIO; }
@test "keywords that cannot be read: RENAME INBOX in a Maildir" { PLACE="read" maildir_crash inbox EIO; }
@test "a record that cannot be made: CREATE, RENAME, DELETE in a Maildir" { PLACE="mkdir" maildir_crash names EIO; }
@test "input/output error: STORE and CHECK in a Maildir" { maildir_crash store EIO; }
@test "input/output error: CREATE, RENAME, DELETE in a Maildir" { maildir_crash names EIO; }
@test "input/output error: FETCH in a Maildir" { maildir_crash fetch EIO; }
@test "input/output error: MOVE in a Maildir" { maildir_crash move EIO; }

# Of what is more than a Maildir all stays, even if that is not seen at once.
@test "a Maildir that cannot be read to its end is not deleted" {
	local more=$D/maildir/alice/.more n what
	printf 'mailbox %s/maildir/%%u/\n' "$D" >> "$C"
	for what in file cur/directory; do
		for n in $(seq 2 10); do
			rm -rf "$D/maildir"
			mkdir -p "$D/maildir/alice/"{cur,new,tmp} "$more"/{cur,new,tmp}
			echo hello > "$more/cur/1.a:2,S"
			[ "$what" = file ] || mkdir "$more/$what"
			[ "$what" != file ] || touch "$more/$what"
			[ "$EUID" -ne 0 ] || chown -R "$(id_of alice)" "$D/maildir"
			printf 'a DELETE more\r\nb LOGOUT\r\n' |
			    as alice strace -f -qq -o "$T/hit" -e trace=getdents64 \
			    -e inject=getdents64:error=EIO:when="$n" \
			    "$(prog imapd)" -C "$C" > "$T/out"
			grep -q '^a NO' "$T/out"
			[ -e "$more/cur/1.a:2,S" ]
		done
	done
}
