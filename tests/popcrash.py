"""popcrash - a POP session that reads and deletes dies, or the system fails it, at
any one of its system calls.  Afterwards every message is whole and once there, or
was deleted on purpose, and has the name that it always had.

    popcrash.py POPD DELIVER CONF BOX HOW WHAT [STEP]

WHAT is KILL, or an error like ENOSPC; HOW is a row of SHAPES.
"""
import os
import re
import shutil
import subprocess
import sys

POPD, DELIVER, CONF, BOX, HOW, WHAT = sys.argv[1:7]
STEP = int(sys.argv[7]) if len(sys.argv) > 7 else 1
TMP = os.environ["T"]
STATE = os.environ["STATE"]

# Messages, bytes of each, room for flags in the header, what is deleted.
SHAPES = {
    "collapse": (60, 30000, 100, {2}),
    "holes": (60, 30000, 100, {1, 2, 31}),
    "move": (12, 3000, 100, {1, 5, 6}),
    "end": (12, 3000, 100, {11, 12}),
    "all": (3, 3000, 100, {1, 2, 3}),
    "grow": (12, 3000, None, {4}),
}
COUNT, SIZE, ROOM, DELETE = SHAPES[HOW]
CALLS = {"pwrite64", "write", "fsync", "fdatasync", "ftruncate", "fallocate",
         "open", "openat", "writev", "link", "fcntl", "futimens", "utimensat", "pread64"}


def body(i):
    line = "this is letter %d, and >From here on it is text\n" % i
    return line * (SIZE // len(line))


def make():
    text = ""
    for i in range(1, COUNT + 1):
        text += "From a@x.test Sat Nov 21 19:54:%02d 2026\nSubject: %d\n" % (i % 60, i)
        if ROOM is not None:
            text += "X-Keywords:%s\n" % (" " * ROOM)
        text += "\n" + body(i) + "\n"
    return text


def session(commands, trace=()):
    env = dict(os.environ, ASAN_OPTIONS="detect_leaks=0")
    p = subprocess.run([*trace, POPD, "-C", CONF], env=env, input=commands,
                       capture_output=True, timeout=300)
    return p.stdout.decode("latin-1")


def deliver():
    subprocess.run([DELIVER, "-C", CONF, "-f", "a@x.test", USER], check=True,
                   input=b"Subject: 999\n\n" + body(999).encode())


def look():
    """What a client sees: {subject: (name, text)}."""
    retr = b"".join(b"RETR %d\r\n" % (n + 1) for n in range(COUNT + 1))
    got = session(b"UIDL\r\n" + retr + b"QUIT\r\n")
    parts = re.split(r"^\+OK \d+ octets\r\n", got, flags=re.M)
    names = re.findall(r"^(\d+) (\S+)\r$", parts.pop(0), re.M)
    assert len(parts) == len(names), re.findall(r"^[-+].*", got, re.M)
    seen = {}
    for (_, name), part in zip(names, parts):
        text = part[:part.index("\r\n.\r\n") + 2]
        n = int(re.search(r"^Subject: (\d+)\r$", text, re.M).group(1))
        assert n not in seen, "twice: %d" % n
        assert text.split("\r\n\r\n", 1)[1] == body(n).replace("\n", "\r\n"), "letter %d is not whole" % n
        seen[n] = name
    return seen


def raw():
    """What every other program sees: the subjects in the file, in order."""
    with open(BOX, encoding="latin-1") as f:
        text = f.read()
    got = []
    for part in re.split(r"(?:^|\n)(?=From \S+ \w{3} \w{3} )", text):
        if not part.strip("\n"):
            continue
        n = int(re.search(r"^Subject: (\d+)$", part, re.M).group(1))
        assert part.split("\n\n", 1)[1].rstrip("\n") == body(n).rstrip("\n"), n
        got.append(n)
    return got


def reset():
    shutil.rmtree(STATE)
    shutil.copytree(TMP + "/state.was", STATE)
    with open(TMP + "/box.was", "rb") as f, open(BOX, "r+b") as to:
        to.truncate(0)
        to.write(f.read())
    st = os.stat(TMP + "/box.was")
    os.utime(BOX, ns=(st.st_atime_ns, st.st_mtime_ns))
    if os.path.exists(BOX + ".lock"):
        os.unlink(BOX + ".lock")


def begin():
    with open(BOX, "w") as f:
        f.write(make())
    if ROOM is not None:
        session(b"STAT\r\nQUIT\r\n")
    else:
        session(b"STAT\r\n")
    shutil.copy2(BOX, TMP + "/box.was")
    shutil.rmtree(TMP + "/state.was", ignore_errors=True)
    shutil.copytree(STATE, TMP + "/state.was")


def calls():
    """Which calls of the session, from the first look at the mailbox on."""
    reset()
    log = TMP + "/trace"
    out = session(COMMANDS, ["strace", "-f", "-qq", "-o", log])
    assert out.count("+OK") == COMMANDS.count(b"\r\n") + 1, out
    count, first, on = {}, {}, False
    with open(log, errors="replace") as f:
        for line in f:
            m = re.match(r"\d+ +(\w+)\(", line)
            if not m:
                continue
            name = m.group(1)
            count[name] = count.get(name, 0) + 1
            on = on or os.path.basename(STATE) in line
            if on:
                first.setdefault(name, count[name])
    return [(name, n) for name in sorted(first)
            if name not in ("exit_group", "brk", "mmap", "munmap", "mprotect")
            and (WHAT == "KILL" or name in CALLS)
            for n in range(first[name], count[name] + 1)]


COMMANDS = (b"RETR 3\r\n" + b"".join(b"DELE %d\r\n" % i for i in sorted(DELETE)) +
            b"QUIT\r\n")


def main():
    begin()
    before = look()
    assert sorted(before) == list(range(1, COUNT + 1))
    # look() has read them all: that state is where every round starts.
    shutil.copy2(BOX, TMP + "/box.was")
    shutil.rmtree(TMP + "/state.was")
    shutil.copytree(STATE, TMP + "/state.was")
    if ROOM is None:
        begin()
    tried = 0
    for name, n in calls()[::STEP]:
        reset()
        inject = "signal=KILL" if WHAT == "KILL" else "error=" + WHAT
        out = session(COMMANDS, ["strace", "-f", "-qq", "-o", TMP + "/hit",
                                 "-e", "trace=" + name, "-e",
                                 "inject=%s:%s:when=%d" % (name, inject, n)])
        try:
            if tried % 3 == 0:
                deliver()
            after = look()
            if tried % 3 != 0:
                deliver()
            after.pop(999, None)
            for i in range(1, COUNT + 1):
                assert i in after or i in DELETE, "lost: %d" % i
                if ROOM is not None and i in after:
                    assert after[i] == before[i], (i, after[i], before[i])
            if "goodbye" in out:
                assert not DELETE & set(after), "not deleted"
            left = [i for i in raw() if i != 999]
            assert sorted(left) == sorted(after), (left, sorted(after))
            assert not os.path.exists(BOX + ".lock")
        except Exception:
            print("%s at %s %d" % (WHAT, name, n))
            print(out[-500:])
            raise
        tried += 1
    print(tried, "places")


USER = os.path.basename(BOX)
main()
