# imap - what the suites about IMAP share: mailboxes with letters, and dialogues with
# imapd.  A suite starts with:
#
#	load lib
#	load imap
#
# and, where setup() below will not do, one of its own.  `box bob 3` makes three letters
# and `imap bob` takes a dialogue from stdin.
# shellcheck shell=bash

IMAP_PORT=1143 IMAPS_PORT=1993
# shellcheck disable=SC2016
IMAP_HASH='$1$abcdefgh$cHJi5PXp/ki/ktXzqlk6I1'	# of "secret"

# Say to imap.py what is to be tested: the last instance, where strangers may log in
# from anywhere.
imap_ready()
{
	echo 'clear_from 0.0.0.0/0 ::/0' >> "$C"
	IMAP_PROG=$(prog imapd) IMAP_CONF=$C PYTHONPATH=$REPO/tests
	export IMAP_PROG IMAP_CONF PYTHONPATH D T PYTHONDONTWRITEBYTECODE=1
}

setup()
{
	test_begin
	instance a a.test
	imap_ready
}
teardown() { test_end; }

# id_of USER: of the instance's, as UID:GID.
id_of() { awk -F: -v u="$1" '$1 == u { print $3 ":" $4 }' "$D/passwd"; }

# own FILE USER: give it to the user.
own()
{
	[ "$EUID" -ne 0 ] || chown "$(id_of "$2")" "$1"
}

# as USER COMMAND...: run it as a user of the instance.
as()
{
	local id LOGNAME=$1
	export LOGNAME
	id=$(id_of "$1")
	shift
	[ "$EUID" -ne 0 ] || set -- setpriv --reuid="${id%:*}" \
	    --regid="${id#*:}" --clear-groups "$@"
	"$@"
}

# letter N [LAST]: number N as an mbox has it, or all from there to the last, each in
# its own minute.
letter()
{
	awk -v n="$1" -v last="${2-$1}" 'BEGIN {
		for (; n + 0 <= last + 0; n++)
			printf "From jo@x.test Sat Nov 21 10:%02d:00 2026\n" \
			    "Date: Sat, 21 Nov 2026 10:00:00 +0000\n" \
			    "From: Jo <jo@x.test>\nTo: bob@a.test\n" \
			    "Message-ID: <%d@x.test>\nSubject: letter %d\n\n" \
			    "one\n.dot\nthree of %d\n\n", n % 60, n, n, n
	}'
}

# box USER COUNT [FILE]: a mailbox with letters 1 to COUNT, the user's INBOX or a file.
box()
{
	local f=${3:-$D/mail/$1}
	letter 1 "$2" > "$f"
	own "$f" "$1"
	chmod 600 "$f"
}

# imap USER [SCRIPT]: the dialogue of stdin by pipe as that user, all that comes back but
# the greeting.  Lines end in LF here and CRLF there.  The script starts imapd, its "$@".
imap()
{
	LOGNAME=$1 IMAP_AS=$(id_of "$1") python3 "$REPO/tests/imap.py" \
	    sh -c "${2-exec \"\$@\"}" sh "$(prog imapd)" -C "$C" | sed 1d
}

# imap_raw USER: the same, bytes as they are, greeting and all.
imap_raw()
{
	LOGNAME=$1 IMAP_RAW=1 IMAP_AS=$(id_of "$1") python3 "$REPO/tests/imap.py" \
	    "$(prog imapd)" -C "$C"
}

# imap_stranger: the dialogue of stdin with an imapd that inetd started on a socket, and
# that asks for a password; with the greeting.
imap_stranger()
{
	TCPREMOTEIP=192.0.2.1 python3 "$REPO/tests/imap.py" -s \
	    "$(prog imapd)" -C "$C"
}

# imap_secret: give the instance's users the password "secret".
imap_secret()
{
	sed -i "s|:x:|:$IMAP_HASH:|" "$D/passwd"
}

# imap_inetd NAME ADDRESS: give the users of an instance a password, and put its imapd
# under a real openbsd-inetd at ADDRESS:$IMAP_PORT, with -s at $IMAPS_PORT.
imap_inetd()
{
	sed -i "s|:x:|:$IMAP_HASH:|" "$T/$1/passwd"
	cat > "$T/imapd-$1.conf" <<-END
		$2:$IMAP_PORT stream tcp nowait.1000000 $ME $(prog imapd) imapd -C $T/$1/facteur.conf
		$2:$IMAPS_PORT stream tcp nowait.1000000 $ME $(prog imapd) imapd -s -C $T/$1/facteur.conf
	END
	start "imapd-$1" "$(peer inetd)" -i "$T/imapd-$1.conf"
	wait_for listens "$2" "$IMAP_PORT"
}

# deliver USER: the letter of stdin.
deliver() { "$(prog deliver)" -C "$C" -f jo@x.test "$@"; }

# imap_py: a python program on stdin that may use all of imap.py.
imap_py()
{
	python3 -c 'import os, sys
from imap import *
exec(compile(sys.stdin.read(), "test", "exec"))' "$@"
}

# imap_says USER: a dialogue as RFCs print them; see dialogue() in imap.py.
imap_says()
{
	python3 -c 'import sys, imap
imap.dialogue(sys.stdin.read(), sys.argv[1])' "$1"
}

# What programs for several sessions share.
helpers='
import fcntl, os, subprocess
BOX = os.environ["BOX"]
STATE = re.search("(?m)^state (.*)", open(os.environ["IMAP_CONF"]).read())[1] + "/bob"

def deliver(text="x"):
    subprocess.run([os.environ["DELIVER"], "-C", os.environ["IMAP_CONF"],
                    "-f", "jo@x.test", "bob"], check=True,
                   input=b"Subject: %s\n\nnew\n" % text.encode())

def rewrite(change):
    """What mutt does: the mbox is written anew in place, under both locks."""
    dot = BOX + ".lock"
    os.close(os.open(dot, os.O_CREAT | os.O_EXCL))
    with open(BOX, "r+b") as f:
        fcntl.lockf(f, fcntl.LOCK_EX)
        data = change(f.read())
        f.seek(0)
        f.write(data)
        f.truncate()
    os.unlink(dot)

def without(n):
    """Take the n-th message out, from 1."""
    def change(data):
        parts = re.split(rb"(?m)(?=^From )", data)[1:]
        del parts[n - 1]
        return b"".join(parts)
    return change

def no_gone(s):
    assert not any(re.search("EXPUNGE|VANISHED", x) for x in s.said), s.said

def modseq(s):
    return int(re.search(r"HIGHESTMODSEQ (\d+)", "\n".join(s.said))[1])
'

# A program of one or more sessions, on stdin.
sessions()
{
	{ echo "$helpers"; cat; } |
	    DELIVER=$(prog deliver) BOX=$D/mail/bob imap_py "$@"
}
