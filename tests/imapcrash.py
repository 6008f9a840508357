"""imapcrash - an IMAP session dies, or the system fails it, at any one of its system
calls.  Afterwards what was answered with OK is there, every letter is whole and has
the UID that it always had, none is lost, and a command was done or was not.

    imapcrash.py DEEDS WHAT STEP [CALL[:N]]

DEEDS is one of the rows of DEEDS below; WHAT is KILL, or an error like ENOSPC; of
STEP places one is tried, or every CALL, or only the N-th (N+: all from there on).  The environment: as tests/imap.bash
has it, BOX and FOLDERS as for imapmodel.py, STATE, DELIVER, and T, for our own use.
"""
import os
import re
import shlex
import shutil
import subprocess
import sys
import threading

import tally
from imapview import View

USER = "alice"
DO, WHAT, STEP = sys.argv[1], sys.argv[2], int(sys.argv[3])
ONLY = sys.argv[4:]
TMP, STATE = os.environ["T"], os.environ["STATE"]
BOX, FOLDERS = os.environ["BOX"], os.environ["FOLDERS"]
IMAPD = [os.environ["IMAP_PROG"], "-C", os.environ["IMAP_CONF"]]
DELIVER = shlex.split(os.environ["DELIVER"])
CALLS = {"pwrite64", "write", "fsync", "fdatasync", "ftruncate", "fallocate",
         "open", "openat", "writev", "link", "linkat", "fcntl", "futimens", "utimensat",
         "pread64", "read", "rename", "renameat", "renameat2", "unlink", "unlinkat",
         "mkdir", "mkdirat", "copy_file_range", "lseek", "getdents64"}
BEGIN = {"INBOX": ["a1", "a2", "a3", "a4", "a5", "a6"],
         "other": ["b1", "b2"], "spare": ["c1"]}
LETTERS = {}


def text(name):
    """A letter, as it goes out."""
    if name not in LETTERS:
        size = 20000 if name[-1] in "35" else 700
        LETTERS[name] = tally.letter(name, size).replace(b"\n", b"\r\n")
    return LETTERS[name]


def append(box, *names):
    """The command's text."""
    return b"APPEND " + box.encode() + b"".join(
        b" (w1 \\Flagged) {%d+}\r\n" % len(text(n)) + text(n) for n in names)


# Each: commands; then, for each command that may have been done, what it makes of
# a copy of BEGIN.
def appended(boxes):
    boxes["other"].append("n1")


def appended_many(boxes):
    boxes["other"] += ["n2", "n3", "n4"]


def copied(boxes):
    boxes["other"] += ["a2", "a3", "a5"]


def moved(boxes):
    copied(boxes)
    boxes["INBOX"] = ["a1", "a4", "a6"]


def expunged(boxes):
    boxes["INBOX"] = ["a1", "a3", "a5", "a6"]


def created(boxes):
    boxes["fresh"] = []


def renamed(boxes):
    boxes["way"] = boxes.pop("spare")


def deleted(boxes):
    del boxes["other"]


def given(boxes):
    boxes["kept"] = boxes["INBOX"]
    boxes["INBOX"] = []


DEEDS = {
    "append": [(append("other", "n1"), appended),
               (append("other", "n2", "n3", "n4"), appended_many)],
    "copy": [(b"SELECT INBOX", None), (b"UID COPY 2:3,5 other", copied)],
    "move": [(b"SELECT INBOX", None), (b"UID MOVE 2:3,5 other", moved)],
    "store": [(b"SELECT INBOX", None),
              (b"STORE 1,3,6 +FLAGS (\\Answered \\Seen w2 w3)", None),
              (b"CHECK", None)],
    "expunge": [(b"SELECT INBOX", None),
                (b"STORE 2,4 +FLAGS.SILENT (\\Deleted)", None),
                (b"EXPUNGE", expunged)],
    "close": [(b"SELECT INBOX", None),
              (b"STORE 2,4 +FLAGS.SILENT (\\Deleted)", None),
              (b"CLOSE", expunged)],
    "names": [(b"CREATE fresh", created), (b"RENAME spare way", renamed),
              (b"DELETE other", deleted)],
    "inbox": [(b"RENAME INBOX kept", given)],
    "fetch": [(b"SELECT INBOX", None), (b"FETCH 1:* (ENVELOPE)", None),
              (b"NOOP", None), (b"FETCH 1:* (UID BODYSTRUCTURE)", None)],
}
COMMANDS = DEEDS[DO]

def session(trace=()):
    """The commands, one after the other's answer: all that came back."""
    p = subprocess.Popen([*trace, *IMAPD], stdin=subprocess.PIPE,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                         env=dict(os.environ, ASAN_OPTIONS="detect_leaks=0"))
    watch = threading.Timer(300, p.kill)
    watch.start()
    out = b""
    try:
        for i, command in enumerate([c[0] for c in COMMANDS] + [b"LOGOUT"]):
            p.stdin.write(b"c%d %s\r\n" % (i, command))
            p.stdin.flush()
            line = b"\n"
            while line and not line.startswith(b"c%d " % i):
                line = p.stdout.readline()
                out += line
    except BrokenPipeError:
        pass
    try:
        p.stdin.close()
    except BrokenPipeError:
        pass
    out += p.stdout.read()
    p.wait()
    assert watch.is_alive(), "it hangs"
    watch.cancel()
    for line in re.sub(rb"\r\n", b"\n", out).split(b"\n"):
        assert re.match(rb"(\* |c\d+ (OK|NO|BAD) |$)", line), line
    return out.decode("latin-1")


# --- what is there ---

def look():
    """What a client sees: {mailbox: (validity, next, {uid: (name, flags)})}."""
    s = View(USER)
    s.run('LIST "" *')
    seen = {}
    for box, flags in s.listed.items():
        if "\\Noselect" in flags:
            continue
        s.select(box)
        if s.msgs:
            s.run("FETCH 1:* (UID FLAGS BODY.PEEK[])")
        got = {}
        for _, v, items, _ in s.fetched if s.msgs else ():
            data = items["BODY[]"].encode("latin-1")
            name = tally.check(data)
            assert data == text(name) or name == "late", name
            got[v.uid] = name, v.flags
        seen[box] = s.validity, s.next, got
    s.run("LOGOUT")
    s.cut()
    return seen


def raw(box):
    """The letters that every other program sees."""
    if os.path.isdir(BOX):
        path = BOX if box == "INBOX" else os.path.join(BOX, "." + box)
        return sorted(tally.check(x) for d in ("cur", "new")
                      for x in tally.read(os.path.join(path, d)))
    path = BOX if box == "INBOX" else os.path.join(FOLDERS, box)
    return sorted(tally.check(x) for x in tally.read(path))


def names_of(seen):
    return {box: sorted(n for n, _ in got.values() if n != "late")
            for box, (_, _, got) in seen.items()}


# --- the beginning ---

PLACES = [x for x in (BOX, FOLDERS, STATE) if x]


def save():
    for i, place in enumerate(PLACES):
        to = "%s/was%d" % (TMP, i)
        if os.path.isdir(place):
            shutil.copytree(place, to)
        else:
            shutil.copy2(place, to)


def give_back(was, place):
    """A file as it was, the same file where it is still there."""
    with open(was, "rb") as f, open(place, "r+b" if os.path.exists(place)
                                    else "wb") as to:
        to.truncate(0)
        to.write(f.read())
    st = os.stat(was)
    os.chmod(place, st.st_mode & 0o777)
    os.utime(place, ns=(st.st_atime_ns, st.st_mtime_ns))


def reset():
    for i, place in enumerate(PLACES):
        was = "%s/was%d" % (TMP, i)
        if os.path.isfile(was):
            give_back(was, place)
            continue
        for where, dirs, files in os.walk(place, topdown=False):
            there = os.path.join(was, os.path.relpath(where, place))
            for name in files:
                if not os.path.exists(os.path.join(there, name)):
                    os.unlink(os.path.join(where, name))
            for name in dirs:
                if not os.path.isdir(os.path.join(there, name)):
                    shutil.rmtree(os.path.join(where, name))
        for where, dirs, files in os.walk(was):
            there = os.path.join(place, os.path.relpath(where, was))
            for name in dirs:
                os.makedirs(os.path.join(there, name), exist_ok=True)
            for name in files:
                give_back(os.path.join(where, name), os.path.join(there, name))
    if os.path.exists(BOX + ".lock"):
        os.unlink(BOX + ".lock")


def begin():
    s = View(USER)
    for box, names in BEGIN.items():
        if box != "INBOX":
            s.run("CREATE " + box)
        for name in names:
            s.run(append(box, name).decode("utf-8", "surrogateescape"))
        s.select(box)
        s.run("CHECK")
        s.run("UNSELECT")
        s.forget()
    s.run("LOGOUT")
    s.cut()
    save()


# --- the places ---

MAILDIR = os.path.isdir(BOX)


def calls():
    """Which calls of the session, from the first look at its mail on."""
    reset()
    log = TMP + "/trace"
    out = session(["strace", "-f", "-qq", "-o", log])
    for i, (command, _) in enumerate(COMMANDS):
        assert "\nc%d OK" % i in out, (command, out)
    count, first, on = {}, {}, False
    with open(log, errors="replace") as f:
        for line in f:
            m = re.match(r"\d+ +(\w+)\(", line)
            if not m:
                continue
            name = m.group(1)
            count[name] = count.get(name, 0) + 1
            on = on or STATE in line
            if on:
                first.setdefault(name, count[name])
    return [(name, n) for name in sorted(first)
            if name not in ("exit_group", "brk", "mmap", "munmap", "mprotect")
            and (WHAT == "KILL" or name in CALLS)
            for n in range(first[name], count[name] + 1)]


# --- afterwards ---

def outcomes(out):
    """All that may be in the mailboxes now: commands that got OK were done, those
    that got NO or no answer may have been, in their order."""
    worlds = [{b: list(v) for b, v in BEGIN.items()}]
    for i, (_, done) in enumerate(COMMANDS):
        if not done:
            continue
        new = []
        for w in worlds:
            after = {b: list(v) for b, v in w.items()}
            done(after)
            new.append(after)
            # EXPUNGE has done it all when nothing was marked before.
            if "\nc%d OK" % i not in out or "\nc1 NO" in out and \
                    done is expunged:
                new.append(w)
        worlds = new
    return [{b: sorted(v) for b, v in w.items()} for w in worlds]


def is_between(there, acked):
    """A removal that was cut off: some went; what was to be moved or renamed is in
    the other mailbox, all of it, before anything goes.  (RENAME INBOX is OK when all
    is there.)  Files come into a Maildir one after the other."""
    first, last = ({b: sorted(v) for b, v in BEGIN.items()} for _ in "12")
    for _, done in COMMANDS:
        if done:
            done(last)
    if DO == "names" and MAILDIR and not acked:
        # DELETE takes the files one after the other.
        there = {b: v for b, v in there.items() if b != "other" or
                 not set(v) <= set(BEGIN["other"])}
        return there == {b: v for b, v in last.items() if b != "other"}
    if DO == "names" or acked and DO != "inbox":
        return False
    gone = set(first["INBOX"]) - set(there["INBOX"])
    came = set()
    for box in set(first) | set(last):
        a, b = set(first.get(box, ())), set(last.get(box, ()))
        got = there.get(box, [])
        if len(set(got)) != len(got) or not a & b <= set(got) <= a | b:
            return False
        if b - a and not a | b == set(got):
            if set(got) != a and not (MAILDIR and WHAT == "KILL"):
                return False
            if gone:
                return False
        came |= set(got) - a
    return DO in ("expunge", "close") or gone <= came


def check(out, before, after):
    there = names_of(after)
    worlds = outcomes(out)
    if there not in worlds:
        acked = "\nc%d OK" % (len(COMMANDS) - 1) in out
        assert is_between(there, acked), \
            "there is %s, not one of %s" % (there, worlds)
    for box, (validity, coming, got) in before.items():
        name = box
        if box == "spare" and box not in after:
            name = "way"
        if name not in after:
            continue
        new = after[name]
        assert new[0] == validity, "%s: UIDVALIDITY" % name
        assert new[1] >= coming, "%s: UIDNEXT %d, was %d" % (
            name, new[1], coming)
        for uid, (letter, _) in new[2].items():
            assert uid >= coming or got.get(uid, (0,))[0] == letter, \
                "%s: UID %d is %s" % (name, uid, letter)
    for v, uids, names in said_uids(out):
        got = after["other"][2]
        assert after["other"][0] == v
        for uid, name in zip(uids, names):
            assert got.get(uid, (0,))[0] == name, (uid, name, got)
    check_flags(out, after)
    if DO == "fetch":
        check_fetched(out)


def check_fetched(out):
    """What cannot be read is not gone."""
    assert "EXPUNGE" not in out
    for i in (1, 3):
        got = re.search(r"(?s)\nc%d (.*?)\nc%d OK" % (i - 1, i), out)
        assert not got or got[1].count(" FETCH (") == len(BEGIN["INBOX"]), i


def said_uids(out):
    """What APPENDUID and COPYUID promised, where they were said."""
    for code in re.findall(r"\[(?:APPEND|COPY)UID [^]]*\]", out):
        assert not re.search(r"[ ,:]0\b", code), code
    for m in re.finditer(r"\[APPENDUID (\d+) (\d+)(?::(\d+))?\]", out):
        lo, hi = int(m[2]), int(m[3] or m[2])
        yield int(m[1]), range(lo, hi + 1), \
            ["n1"] if lo == hi else ["n2", "n3", "n4"]
    for m in re.finditer(r"\[COPYUID (\d+) 2:3,5 (\d+):(\d+)\]", out):
        yield int(m[1]), range(int(m[2]), int(m[3]) + 1), ["a2", "a3", "a5"]


def check_flags(out, after):
    more = {"\\Answered", "\\Seen", "w2", "w3"}
    least = {"w1", "\\Flagged"}
    for box, (_, _, got) in after.items():
        for name, flags in got.values():
            if name == "late":
                continue
            assert least <= flags, "%s: %s" % (name, flags)
            extra = flags - least - {"\\Deleted", "w1"}
            if DO != "store" or name not in ("a1", "a3", "a6"):
                assert not extra, "%s: %s" % (name, flags)
            elif "\nc1 OK" in out:
                assert extra == more, "%s: %s" % (name, flags)
            else:
                assert extra in (set(), more), "%s: %s" % (name, flags)
            if DO == "expunge" and "\nc1 OK" in out and name in ("a2", "a4"):
                assert "\\Deleted" in flags


def late():
    """Others go on as ever."""
    subprocess.run(DELIVER + ["-f", "a@x.test", USER], check=True,
                   input=tally.letter("late"))


def one(name, n, tried, before):
    """A session that is hit there."""
    reset()
    inject = "signal=KILL" if WHAT == "KILL" else "error=" + WHAT
    on = "+" if WHAT != "KILL" and tried % 2 else ""
    out = session(["strace", "-f", "-qq", "-o", TMP + "/hit", "-e",
                   "trace=" + name, "-e",
                   "inject=%s:%s:when=%d%s" % (name, inject, n, on)])
    try:
        if tried % 3 == 0:
            late()
        after = look()
        if tried % 3 != 0:
            late()
        check(out, before, after)
        for box in after:
            said = names_of(after)[box]
            got = [x for x in raw(box) if x != "late"]
            assert got == said, (box, got, said)
        assert not os.path.exists(BOX + ".lock"), "a lock"
    except Exception:
        print("%s %s at %s:%d%s" % (DO, WHAT, name, n, on))
        print(out[-1500:])
        raise


def main():
    begin()
    before = look()
    assert names_of(before) == BEGIN, before
    places = calls()
    if ONLY and ":" in ONLY[0]:
        name, n = ONLY[0].rstrip("+").split(":")
        one(name, int(n), int(ONLY[0].endswith("+")), before)
        return
    if ONLY:
        hit = [n for name, n in places if name == ONLY[0]]
        assert hit, ONLY
        for n in hit:   # once, and a letter comes before anybody looks
            one(ONLY[0], n, 0, before)
        return
    tried = 0
    for name, n in places[::STEP]:
        one(name, n, tried, before)
        tried += 1
    print(tried, "of", len(places), "places")


main()
