"""fight - many write into one mbox while POP3 sessions delete from it.

    fight.py MBOX ADDRESS PORT USER SECRET [rewrite]

Eight writers of different makes; with rewrite also mutt and python, who delete by
writing the file anew.  Letters are those of tally.py.  At the end each one that
somebody delivered is there once and whole, or somebody deleted it, and then it is
gone.  On the way: a letter's UIDL is the same in every session, nobody else ever
has it, its size is what LIST says, and one that was deleted does not come back.

The environment has DELIVER, the command that reads a letter for the mbox, and
RC, a procmailrc for it.  Prints what is wrong and exits with 1, or the score.
"""
import os
import poplib
import random
import re
import select
import shlex
import subprocess
import sys
import tempfile
import threading
import time

import tally
from mboxuser import size

MBOX, ADDRESS, PORT, USER, SECRET = sys.argv[1:6]
REWRITE = sys.argv[6:] == ["rewrite"]
DELIVER = shlex.split(os.environ["DELIVER"])
PATIENCE = 120
# How many letters each writer brings, and how many at a time.
WRITERS = {"deliver1": (25, 1), "deliver2": (25, 1), "stream1": (400, 40),
           "cat1": (200, 10), "cat2": (200, 10), "python1": (160, 20),
           "procmail1": (12, 1), "procmail2": (12, 1)}
if REWRITE:	# procmail and mutt may wait for each other's locks for ever
    WRITERS = {"deliver1": (20, 1), "deliver2": (20, 1), "stream1": (320, 40),
               "cat1": (100, 10), "cat2": (100, 10), "cat3": (100, 10),
               "python1": (100, 20), "python2": (100, 20)}
LATER = 75		# exit code: the mailbox was locked all the time
QUIT_LOST = 8		# one session in so many is cut off instead


class Score:
    """What everybody knows."""

    def __init__(self):
        self.lock = threading.Lock()
        self.written = set()
        self.deleted = set()	# acknowledged
        self.unsure = set()	# QUIT was not answered with +OK
        self.uidl = {}		# of a name
        self.name = {}		# of a UIDL
        self.sessions = self.cut = self.late = self.later = self.anew = 0
        self.bad = []
        self.writing = 0

    def wrong(self, text):
        """Remember it; the fight goes on."""
        with self.lock:
            self.bad.append(text)


score = Score()


def text_of(name):
    """The letter of that name."""
    return tally.letter(name, size(name))


def as_mbox(name):
    """The same as a careful writer adds it."""
    return (b"From jo@x.test Sat Nov 21 19:54:01 2026\n" +
            re.sub(rb"(?m)^(>*From )", rb">\1", text_of(name)) + b"\n")


# --- the writers: each takes names, and returns when they are delivered ---

def deliver(names):
    """Our own, by hand."""
    for name in names:
        p = subprocess.run(DELIVER + ["-f", "jo@x.test", USER],
                           input=text_of(name), stderr=subprocess.PIPE)
        if p.returncode == LATER:
            deliver([name])
        else:
            p.check_returncode()


def stream(names):
    """Our own, as queuerun uses it."""
    frames = b""
    for name in names:
        text = text_of(name)
        frames += (b"message %s %d\nsender jo@x.test\nto %s@a.test\n"
                   b"time 1763765040\n\n" % (name.encode(), len(text),
                                             USER.encode())) + text
    out = subprocess.run(DELIVER + ["-b", USER], input=frames, check=True,
                         stdout=subprocess.PIPE).stdout.decode()
    later = re.findall(r"(?m)^(\S+) %d 4" % LATER, out)
    if len(later) + out.count(" 0 2.0.0 ") != len(names):
        raise OSError("deliver -b: " + out)
    if later:
        stream(later)


def procmail(names):
    """The dot-lock, then fcntl."""
    for name in names:
        subprocess.run(["procmail", "-f", "jo@x.test", "-m",
                        os.environ["RC"]], input=text_of(name), check=True,
                       stderr=subprocess.DEVNULL)


def cat(names):
    """Nothing but the dot-lock."""
    subprocess.run(
        ["sh", "-ec", 'until dotlockfile -p -l -r 0 "$1.lock"; do sleep 0.02;'
         ' done; cat >> "$1"; dotlockfile -u "$1.lock"', "cat", MBOX],
        input=b"".join(map(as_mbox, names)), check=True)


def python(names):
    """fcntl, then the dot-lock."""
    mboxuser("add", *names)


def mboxuser(*args):
    """What python's mailbox does, in a process of its own."""
    return subprocess.run(
        [sys.executable, os.path.join(sys.path[0], "mboxuser.py"), MBOX, *args],
        check=True, stdout=subprocess.PIPE).stdout.decode().split()


def writer(who):
    """One of WRITERS to its end."""
    count, at_once = WRITERS[who]
    how = globals()[who.rstrip("123")]
    names = ["%s.%d" % (who, n) for n in range(count)]
    try:
        for i in range(0, count, at_once):
            if REWRITE:		# mutt looks for a lock once a second only
                time.sleep(random.uniform(0, 0.4))
            how(names[i:i + at_once])
            with score.lock:
                score.written.update(names[i:i + at_once])
    except Exception as e:
        score.wrong("%s: %r" % (who, e))
    finally:
        with score.lock:
            score.writing -= 1


# --- the sessions ---

def know(name, uidl, deleted):
    """Has it always been so?  deleted: what was gone when the session began."""
    with score.lock:
        if score.uidl.setdefault(name, uidl) != uidl:
            score.bad.append("%s was %s and is %s" %
                             (name, score.uidl[name], uidl))
        if score.name.setdefault(uidl, name) != name:
            score.bad.append("%s names %s and %s" %
                             (uidl, score.name[uidl], name))
        if name in deleted:
            score.bad.append("%s came back" % name)


def retr(pop, n, octets_said):
    """The name of message n, or None: another session was faster."""
    try:
        _, lines, octets = pop.retr(n)
    except poplib.error_proto as e:
        if b"another program removed" not in e.args[0]:
            raise
        with score.lock:
            score.late += 1
        return None
    if octets != octets_said and not REWRITE:	# mutt adds a Lines: field
        score.wrong("LIST %d says %d, RETR %d" % (n, octets_said, octets))
    return tally.check(b"\n".join(lines) + b"\n")


def visit(rng, share):
    """One session: read some, delete that share of them."""
    with score.lock:
        deleted = set(score.deleted)
    pop = poplib.POP3(ADDRESS, int(PORT), timeout=PATIENCE)
    pop.user(USER)
    pop.pass_(SECRET)
    sizes = [int(x.split()[1]) for x in pop.list()[1]]
    uidls = [x.split()[1] for x in pop.uidl()[1]]
    if len(sizes) != len(uidls) or len(set(uidls)) != len(uidls):
        score.wrong("LIST and UIDL differ")
    gone = set()
    for n in sorted(rng.sample(range(len(sizes)), min(len(sizes), 40))):
        name = retr(pop, n + 1, sizes[n])
        if name is None:
            continue
        know(name, uidls[n], deleted)
        if rng.random() < share:
            pop.dele(n + 1)
            gone.add(name)
    if rng.randrange(QUIT_LOST) == 0:
        pop.close()		# deletes nothing
        with score.lock:
            score.cut += 1
        return
    try:
        pop.quit()
        with score.lock:
            score.deleted |= gone
            score.sessions += 1
    except (poplib.error_proto, OSError):
        with score.lock:
            score.unsure |= gone


def sessions(seed):
    """One after the other as long as there are writers."""
    rng = random.Random(seed)
    while score.writing > 0:
        try:
            visit(rng, 0.2)
        except poplib.error_proto as e:
            # mutt keeps it locked for longer than anybody waits.
            if not REWRITE or not re.match(br"-ERR \[(IN-USE|SYS/TEMP)\]",
                                           e.args[0]):
                score.wrong("session: %r" % e)
            with score.lock:
                score.later += 1
        except (tally.Torn, OSError) as e:
            score.wrong("session: %r" % e)


# --- who writes the file anew ---

def python_deletes():
    """A new file in the place of the old one."""
    gone = mboxuser("thin", "11")
    with score.lock:
        score.deleted.update(gone)


def drain(fd):
    """What mutt draws, nobody looks at."""
    while select.select([fd], [], [], 0)[0] and os.read(fd, 65536):
        pass


def mutt_flags(rc):
    """The same file anew: every letter gets a flag, or loses it.  A mutt that finds
    the file changed each time it wants to write gives up when it is told to: not by
    SIGKILL, which would tear what it is writing."""
    fd, tty = os.openpty()
    end = time.time() + PATIENCE
    p = subprocess.Popen(["mutt", "-n", "-F", rc, "-f", MBOX], stdin=tty,
                         stdout=tty, stderr=tty, start_new_session=True,
                         env=dict(os.environ, TERM="vt100"))
    os.close(tty)
    try:
        # More q's for when it dropped the keys, as where there are no letters.
        while p.poll() is None:
            drain(fd)
            if time.time() > end:
                p.terminate()
            else:
                os.write(fd, b"q")
            time.sleep(0.1)
    except OSError:	# it has closed its side
        p.wait()
    os.close(fd)
    if time.time() > end:
        with score.lock:
            score.later += 1
    elif p.returncode != 0:
        raise OSError("mutt: exit code %d" % p.returncode)


def rewriters():
    """Both, now and then."""
    with tempfile.NamedTemporaryFile("w") as rc:
        rc.write('set quit=yes wait_key=no move=no sleep_time=0\n'
                 'push "<tag-pattern>~A<enter><tag-prefix><flag-message>'
                 '<sync-mailbox><quit>"\n')
        rc.flush()
        while score.writing > 0:
            try:
                python_deletes()
                mutt_flags(rc.name)
                with score.lock:
                    score.anew += 2
            except Exception as e:
                score.wrong("rewriting: %r" % e)
            time.sleep(0.3)


# --- the end ---

def count():
    """Is everything where it belongs?"""
    there = []
    for text in tally.read(MBOX):
        try:
            there.append(tally.check(text))
        except tally.Torn as e:
            score.wrong("in the mbox: %s" % e)
    if len(there) != len(set(there)):
        score.wrong("more than once: %s" %
                    sorted(x for x in set(there) if there.count(x) > 1))
    for what, names in (
            ("lost", score.written - score.deleted - score.unsure -
             set(there)),
            ("back", score.deleted & set(there)),
            ("unknown", set(there) - score.written)):
        if names:
            score.wrong("%s: %s" % (what, sorted(names)))
    return there


def popped(there):
    """What POP shows of it, to the last octet."""
    pop = poplib.POP3(ADDRESS, int(PORT), timeout=PATIENCE)
    pop.user(USER)
    pop.pass_(SECRET)
    sizes = [int(x.split()[1]) for x in pop.list()[1]]
    uidls = [x.split()[1] for x in pop.uidl()[1]]
    seen = []
    for n, size in enumerate(sizes):
        seen.append(retr(pop, n + 1, size))
        if seen[-1]:
            know(seen[-1], uidls[n], score.deleted)
    pop.quit()
    if seen != there:
        score.wrong("POP shows %d letters, the mbox has %d" %
                    (len(seen), len(there)))


def main():
    """The fight."""
    threads = [threading.Thread(target=writer, args=(w,)) for w in WRITERS]
    threads += [threading.Thread(target=sessions, args=(s,)) for s in (1, 2)]
    if REWRITE:
        threads.append(threading.Thread(target=rewriters))
    score.writing = len(WRITERS)
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    there = count()
    try:
        popped(there)
    except (tally.Torn, poplib.error_proto, OSError) as e:
        score.wrong("at the end: %r" % e)
    print("%d written, %d deleted, %d unsure, %d there; %d sessions, %d cut, "
          "%d told to come later, %d letters too late; %d times anew" %
          (len(score.written), len(score.deleted), len(score.unsure),
           len(there), score.sessions, score.cut, score.later, score.late,
           score.anew))
    print("\n".join(x[:600] for x in score.bad[:20]))
    sys.exit(1 if score.bad else 0)


if __name__ == "__main__":
    main()
