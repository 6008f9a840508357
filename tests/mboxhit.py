"""mboxhit - a change of an mbox is killed, or one of its system calls fails, at each
in turn; the next program finishes it or takes it back, whatever came between.

    mboxhit.py KILL|FAIL STEP DRIVE WORD...

DRIVE WORD... is the change (tests/unit/mboxedit_drive.c) of an mbox that is as it
was; of STEP places one is hit.  $T has what it was and will be, old and new, and
what others add or write: more and theirs.
"""
import os
import re
import subprocess
import sys

HOW, STEP, DRIVE, ARGS = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4:]
BOX, STATE = ARGS[1:3]
T = os.environ["T"]
WRITES = "pwrite64 ftruncate fallocate fdatasync fsync".split()
# Error, from there on or once, calls.
FAILURES = [("EIO", "", WRITES + ["pread64"]),
            ("ENOSPC", "", ["pwrite64", "fdatasync", "fallocate"]),
            ("ENOSPC", "+", ["pwrite64", "fdatasync", "fallocate"]),
            ("EMFILE", "", "openat fcntl newfstatat fstat getrandom".split())]


def read(path):
    with open(path, "rb") as f:
        return f.read()


def write(path, data, how="wb"):
    """The same file, where there is one."""
    with open(path, how) as f:
        f.write(data)


OLD, NEW, MORE, THEIRS = (read(T + "/" + x) for x in ("old", "new", "more", "theirs"))


def files():
    """What is on the disk: the mbox and the journal."""
    found = [os.path.join(d, x) for d, _, names in os.walk(STATE) for x in names]
    return {f: read(f) for f in [BOX] + found}


def back(was):
    for f in set(files()) - set(was):
        os.unlink(f)
    for f, data in was.items():
        write(f, data)


def drive(*words):
    return subprocess.run([DRIVE, *words], stdout=subprocess.PIPE).stdout.decode()


def hit(inject, *words):
    """What the change said, which strace hits so: CALL:WHAT."""
    log = T + "/hit"
    p = subprocess.run(
        ["strace", "-qq", "-o", log, "-e", "trace=" + inject.split(":")[0],
         "-e", "inject=" + inject, DRIVE, *words], stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL)
    return p.stdout.decode(), re.search("INJECTED|killed by SIGKILL", read(log).decode())


def fixed():
    assert "done\n" in drive("fix", BOX, STATE), "not put right"


def one_of(added=b""):
    assert read(BOX) in (OLD + added, NEW + added), "neither the old nor the new"


def places():
    """The calls from where the mbox is open: (name, number)."""
    log = T + "/trace"
    out = subprocess.run(["strace", "-qq", "-o", log, DRIVE, *ARGS],
                         stdout=subprocess.PIPE).stdout
    assert out == b"done\n" and read(BOX) == NEW, out
    count, first, on = {}, {}, False
    for line in read(log).decode("latin-1").splitlines():
        name = line.partition("(")[0]
        if name == line:
            continue
        on = on or name == "openat" and '"%s"' % BOX in line
        count[name] = count.get(name, 0) + 1
        if on:
            first.setdefault(name, count[name])
    return [(name, n) for name in first
            if name not in ("exit_group", "brk", "mmap", "munmap", "mprotect")
            for n in range(first[name], count[name] + 1, STEP)]


# --- what comes between ---

def alone():
    fixed()
    one_of()


def appended():
    """Another program adds a message, and another when we have been there."""
    for added in MORE, MORE + MORE:
        write(BOX, MORE, "ab")
        fixed()
        one_of(added)


def appended_same():
    """So much that the file is longer than it was, of bytes that were there."""
    write(BOX, OLD, "ab")
    fixed()
    one_of(OLD)


def rewritten():
    """Another file over this one."""
    write(BOX, THEIRS + THEIRS)
    fixed()
    assert read(BOX) == THEIRS + THEIRS, "theirs was changed"


def replaced():
    """Another file in its place."""
    os.rename(BOX, BOX + ".was")
    write(BOX, THEIRS)
    fixed()
    assert read(BOX) == THEIRS, "theirs was changed"
    os.rename(BOX + ".was", BOX)


def flagged():
    """A flag where we were about to set ours."""
    at = int(ARGS[4])
    with open(BOX, "r+b") as f:
        f.seek(at)
        f.write(b"??")
    fixed()
    assert read(BOX)[at:at + 2] == b"??", "their flag went"


def killed_again():
    """While it is put right."""
    for n in 1, 2, 4:
        hit("pwrite64:signal=KILL:when=%d" % n, "fix", BOX, STATE)
    fixed()
    one_of()


def told(out):
    """What was told must be so."""
    want = {"done": (NEW,), "failed": (OLD,), "": (OLD,), "pending": None}
    want = want[out.partition(":")[0].strip()]
    assert not want or read(BOX) in want, "it is not as told"
    fixed()
    assert read(BOX) in (want or (OLD, NEW)), "not as told when it was put right"


# --- every place ---

def killed(name):
    """After a kill at such a call: all that may come between."""
    left = files()
    between = [appended]
    if name in WRITES:
        between += [alone, appended_same, rewritten, replaced, killed_again]
        # A patch alone.
        between += [flagged] if len(OLD) == len(NEW) else []
    for what in between:
        back(left)
        try:
            what()
        except AssertionError as e:
            raise AssertionError("%s: %s" % (what.__name__, e)) from None


def main():
    was = files()
    if HOW == "KILL":
        deeds = [("signal=KILL:when=", "", None)]
    else:
        deeds = [("error=%s:when=" % e, on, calls) for e, on, calls in FAILURES]
    tried = 0
    found = places()
    for inject, on, calls in deeds:
        for name, n in found:
            if calls and name not in calls:
                continue
            back(was)
            at = "%s:%s%d%s" % (name, inject, n, on)
            out, done = hit(at, *ARGS)
            try:
                assert done, "not hit"
                killed(name) if HOW == "KILL" else told(out)
            except AssertionError:
                print(at, repr(out), flush=True)
                raise
            tried += 1
    print(tried, "places")
    assert tried > 2


main()
