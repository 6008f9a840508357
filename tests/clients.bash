# clients - what the suites share that run mail readers as a user does: bob, with a
# terminal, while others write into the same mbox.  After lib and pop:
#
#	load clients
#	setup() { test_begin; instance a a.test; clients_begin; }
#	teardown() { clients_end; test_end; }
# shellcheck shell=bash

# bob's mailbox is $BOX, his server at $H, his home $T/home; clients put what they fetch into $GOT.
# shellcheck disable=SC2034
clients_begin()
{
	BOX=$D/mail/bob
	H=$NET.1
	GOT=$T/got
	mkdir -p "$GOT"/{cur,new,tmp} "$T/home"
	export HOME=$T/home FETCHMAILHOME=$T/home MAILRC=/dev/null
	printf 'LOCKSLEEP=1\n:0:\n%s\n' "$BOX" > "$T/procmailrc"
	AS=()
	# What bob runs himself; some of it wants him to have an account.
	if [ "$EUID" -eq 0 ]; then
		id 20002 > /dev/null 2>&1 || skip 'no bob here: tests/accounts'
		AS=(setpriv --reuid=20002 --regid=20002 --clear-groups)
	fi
	mine "$GOT" "$GOT"/* "$T/home"
}

clients_end()
{
	[ ! -e "$T/tmux" ] || tmux -S "$T/tmux" kill-server || :
}

# mine FILE...: they are bob's.
mine()
{
	[ "$EUID" -ne 0 ] || chown -R 20002:20002 "$@"
}

# bring NAME...: letters that deliver brings, each larger than the last.
bring()
{
	local n size=300
	for n; do
		tally letter "$n" $size |
		    "$(prog deliver)" -C "$C" -f jo@x.test bob
		size=$((size * 2))
	done
}

by_procmail()
{
	tally letter "$1" 2000 |
	    "${AS[@]}" procmail -f jo@x.test -m "$T/procmailrc"
}

# mutt_does RC FOLDER KEYS [LINE...]: bob's mutt, or what $MUTT names, on a folder,
# with keys and further lines of its configuration RC.  What it printed is in RC.out.
# Where it drops the keys, as without any letters, it hears more q's.
mutt_does()
{
	local rc=$T/$1
	cat > "$rc" <<-END
		set folder=$T quit=yes delete=yes wait_key=no move=no
		set sort=mailbox-order sleep_time=0
		$(printf '%s\n' "${@:4}")
		push "$3"
	END
	while printf q 2> /dev/null; do
		sleep 0.1
	done | TERM=vt100 timeout -k 1 "$PATIENCE" "${AS[@]}" script -qec \
	    "${MUTT:-mutt} -n -F $rc -f $2" /dev/null > "$rc.out" 2>&1
}

# mutt writes into every letter of the mbox.
mutt_flags()
{
	mutt_does "$1" "$BOX" \
	    '<tag-pattern>~A<enter><tag-prefix><flag-message><sync-mailbox><quit>'
}

# mail(1) as bob on his mailbox, with these commands.
mail_does()
{
	LD_LIBRARY_PATH=$(peer_libs) MAIL=$BOX "${AS[@]}" "$(peer bsd-mailx)" -N \
	    <<< "$1" > "$T/mail.out" 2>&1
}

# Others are at work.
busy()
{
	local n
	for n in 1 2 3 4; do
		by_procmail "p$n"
		mail_does $'headers\ntype 1\nexit' || :
		[ $n -ne 2 ] || mutt_flags busy
	done
}

# takes COMMAND: the client fetches and deletes, again and again, while the mbox
# changes under it.  In the end it has everything.
takes()
{
	local busy
	need procmail mutt bsd-mailx script
	bring d1 d2 d3 d4 d5 d6
	busy 3>&- &
	busy=$!
	while kill -0 $busy 2> /dev/null; do
		"$@"
	done
	wait $busy
	bring last
	"$@"
	tally once 'd1 d2 d3 d4 d5 d6 p1 p2 p3 p4 last' "$GOT" "$BOX"
	[ "$(tally count "$BOX")" -eq 0 ]
	[ ! -e "$BOX.lock" ]
}

# keeps COMMAND: the client fetches what it did not have, and leaves it there,
# whatever the others do.
keeps()
{
	need procmail mutt bsd-mailx script
	bring d1 d2 d3
	"$@"
	tally once 'd1 d2 d3' "$GOT"
	"$@"
	tally once 'd1 d2 d3' "$GOT"
	mutt_flags mutt
	mail_does $'type 2\nhold 2\nquit'
	by_procmail p1
	"$@"
	tally once 'd1 d2 d3 p1' "$GOT"
	mutt_does mutt "$BOX" '<delete-pattern>d2<enter><sync-mailbox><quit>'
	bring d4
	"$@"
	tally once 'd1 d2 d3 d4 p1' "$GOT"
	tally once 'd1 d3 d4 p1' "$BOX"
}

# --- a terminal ---

# terminal COMMAND...: bob runs it on a screen of 80 x 24.  Nobody waits long for the
# names of our addresses.
terminal()
{
	RES_OPTIONS='timeout:1 attempts:1' TERM=vt100 SHELL=/bin/sh tmux -S "$T/tmux" -f /dev/null new-session -d \
	    -x 80 -y 24 "${AS[*]} $*"
}

# keys KEYS...: type them.
keys() { tmux -S "$T/tmux" send-keys "$@"; }

# shown TEXT: is it on the terminal?
shown()
{
	tmux -S "$T/tmux" capture-pane -p | tee "$T/screen.out" | grep -qE -- "$1"
}

# The program on the terminal has ended.
ended() { ! tmux -S "$T/tmux" has-session; }
