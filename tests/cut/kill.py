"""kill - end a program, or fail it, at each of its system calls; count the letters.

    kill.py DIR PROGRAMS CUT.SO ADDRESS PORT PROGRAM kill|fail

DIR holds a private instance; ADDRESS:PORT is its smarthost, and is served by us.
PROGRAM is smtpd, sendmail, queuerun, deliver, or client, the SMTP client that
queuerun forks.  A first run under strace tells which calls PROGRAM makes; then a
round is run for some calls of each kind, or with FULL=1 for all.  In a round
the call kills the program, or fails, once or from then on, with one error after the
other; with FULL=1 with each.  Afterwards a queue
run goes on from there, and must find everything.
"""
import collections
import glob
import os
import random
import re
import sys
import time

from letters import Instance, Sink, Wrong

FULL = bool(os.environ.get("FULL"))
LIMIT = 1 << 30 if FULL else 2  # calls of a kind
# What fails, and how.  Calls that cannot fail so are not made to.
ERRORS = {
    "write": ("ENOSPC", "EIO", "EDQUOT"), "pwrite64": ("ENOSPC", "EIO"),
    "fsync": ("EIO", "ENOSPC"), "fdatasync": ("EIO", "EDQUOT"),
    "openat": ("ENOSPC", "EIO", "EMFILE"), "open": ("ENOSPC", "EIO"),
    "rename": ("ENOSPC", "EIO"), "renameat": ("ENOSPC", "EIO"),
    "link": ("ENOSPC", "EIO"), "linkat": ("ENOSPC", "EIO"),
    "unlink": ("EIO",), "unlinkat": ("EIO",), "mkdir": ("ENOSPC",),
    "mkdirat": ("ENOSPC", "EIO"), "ftruncate": ("EIO",), "flock": ("ENOLCK",),
    "fcntl": ("ENOLCK",), "close": ("EIO",), "read": ("EIO",),
    "pread64": ("EIO",), "fstat": ("EIO",), "newfstatat": ("EIO",),
    "pipe": ("EMFILE",), "pipe2": ("EMFILE",), "clone": ("EAGAIN",),
    "clone3": ("EAGAIN",), "socket": ("EMFILE",), "connect": ("ENETDOWN",),
    "mmap": ("ENOMEM",), "brk": ("ENOMEM",),
}
if sys.argv[2].rstrip("/").endswith("/asan"):
    # A sanitizer ends the program when it gets no memory for itself.
    del ERRORS["mmap"], ERRORS["brk"]
CALL = re.compile(r"(?:\d+ +)?(\w+)\((\d+)?(?:<([^>]*)>)?")


class Round:
    """What is sent, through whom, and what it says."""

    def __init__(self, dir, programs, so, addr, port, who, how):
        self.it, self.dir = Instance(dir, programs), dir
        self.who, self.so, self.how = who, so, how
        self.trace = dir + ".trace/out"
        os.mkdir(dir + ".trace")
        os.chmod(dir + ".trace", 0o1777)
        self.sink = Sink(addr, port)
        self.twice = collections.Counter()
        if who == "deliver":
            self.wrap(programs)

    def wrap(self, programs):
        """queuerun is to find a deliver that runs under strace."""
        real = self.it.prog("deliver")
        own = self.dir + ".programs"
        os.mkdir(own)
        for name in ("queuerun", "smtpd", "sendmail"):
            os.symlink(self.it.prog(name), "%s/%s" % (own, name))
        with open(own + "/deliver", "w") as f:
            # -p: bash keeps the group mail.
            f.write('#!/bin/bash -p\nread -ra how < %s.how\n'
                    'exec "${how[@]}" %s "$@"\n' % (self.dir, real))
        os.chmod(own + "/deliver", 0o755)
        with open(self.it.conf) as f:
            conf = re.sub(r"(?m)^programs .*$", "programs " + own, f.read())
        with open(self.it.conf, "w") as f:
            f.write(conf)

    def strace(self, *options):
        cmd = ["strace", "-qq", "-y", "-o", self.trace, *options]
        # Root's queuerun has two halves.
        if self.who == "queuerun" and os.geteuid() == 0:
            return cmd + ["-ff", "-b", "execve"]
        return cmd + ["--output-separately"]

    def traces(self):
        """What strace wrote for each process."""
        for path in glob.glob(self.trace + ".*"):
            with open(path, errors="replace") as f:
                yield f.read()

    def play(self, before, env=None):
        """Send the letters; {key: sure}: True it was taken, False refused, None
        nobody was told."""
        it, own = self.it, self.who
        post = [("a", ["alice@a.test"], 700),
                ("ab", ["alice@a.test", "bob@a.test"], 90000)]
        if own == "sendmail":
            code = it.submit("a", post[0][1], 90000, before)
            return {"a": True if code == 0 else None if code < 0 else False}
        if own == "smtpd":
            told = it.smtp(post, before)
            if self.how == "fail":
                for key, code in told.items():
                    if code >= 500:
                        raise Wrong("%s was refused for good: %d" % (key, code))
                if len(told) < len(post) and it.last // 100 != 4:
                    self.silent = "no reply, the last was %d" % it.last
            return {k: {250: True}.get(told.get(k), False if k in told
                                       else None) for k, _, _ in post}
        post += [("far", ["x@b.test", "bob@a.test"], 800),
                 ("fails", ["fails@a.test"], 300)]
        if own == "client":
            post = [("far", ["x@b.test"], 70000), ("far2", ["y@b.test"], 900)]
        told = it.smtp(post)
        if set(told.values()) != {250}:
            raise Wrong("letters are not taken: %s" % told)
        if own == "deliver":
            with open(self.dir + ".how", "w") as f:
                f.write(" ".join(before) + "\n")
            it.queuerun()
            with open(self.dir + ".how", "w") as f:
                f.write("env\n")
        elif own == "client":
            it.queuerun(env=env)
        else:
            it.queuerun(before=before)
        return {k: True for k in told}

    WANT = {"a": ("alice",), "ab": ("alice", "bob"), "far": ("sink", "bob"),
            "far2": ("sink",), "fails": ("dsn",)}

    def count(self, told):
        """Is everything where it belongs?"""
        self.it.drain()
        boxes = dict(self.it.boxes(), sink=self.sink.keys)
        boxes["dsn"] = [k[4:] for k in boxes["alice"] if k[:4] == "dsn:"]
        if self.sink.wrong:
            raise Wrong(self.sink.wrong[0])
        for key, sure in told.items():
            for place in self.WANT[key]:
                if self.who == "client" and place != "sink":
                    continue
                n = boxes[place].count(key)
                if n > 1:
                    self.twice[place] += 1
                if (sure and n == 0) or n > 2:
                    raise Wrong("%s: %d times in %s" % (key, n, place))
                if sure is False and n > 0:
                    raise Wrong("%s was refused, and is in %s" % (key, place))
                if n > 1 and self.how == "fail" and place in ("alice", "bob"):
                    raise Wrong("%s: twice in %s" % (key, place))
        for u in ("alice", "bob"):
            if "next-" + u not in boxes[u]:
                raise Wrong("the next letter is hidden")
        self.it.strays()

    def one(self, before, env=None):
        self.silent = None
        self.sink.keys, self.sink.wrong = [], []
        open(self.dir + "/log", "w").close()
        self.it.clean()
        for path in glob.glob(self.trace + ".*"):
            os.unlink(path)
        self.count(self.play(before, env))

    def injected(self):
        """Did it happen in this round?"""
        return any("INJECTED" in t or "killed by SIGKILL" in t
                   for t in self.traces())

    # --- which calls ---

    def calls(self):
        """{call: [(number, path of its descriptor)]} of a run without harm."""
        self.one(self.strace())
        seen = collections.defaultdict(set)
        for text in self.traces():
            count = collections.Counter()
            # What the loader does before main() is not ours.
            begun = "execve(" not in text[:300]
            for line in text.splitlines():
                m = CALL.match(line)
                if not m:
                    continue
                name, fd, path = m.groups()
                count[name] += 1
                begun |= name == "rt_sigaction"
                if begun:
                    seen[name].add((count[name], path or ""))
        return {name: sorted(at) for name, at in seen.items()}

    def kills(self):
        skip = {"execve", "exit_group", "exit", "restart_syscall"}
        for name, at in sorted(self.calls().items()):
            if name in skip:
                continue
            for n, _ in pick(at):
                yield "%s:signal=KILL:when=%d" % (name, n), False

    def fails(self):
        for name, at in sorted(self.calls().items()):
            at = pick([a for a in at if self.may_fail(name, a)])
            # A close that fails here does not close at all.
            how = [(n, more) for n, _ in at
                   for more in (("", "+") if name != "close" else ("",))]
            for i, (n, more) in enumerate(how):
                # A reply that cannot be sent is silence.
                quiet = more == "+" and name in ("write", "read")
                for k, error in enumerate(ERRORS[name]):
                    if FULL or k == i % len(ERRORS[name]):
                        yield "%s:error=%s:when=%d%s" % (
                            name, error, n, more), quiet

    def may_fail(self, name, at):
        # Pipes that stay open and are inherited are no error of this world.
        if name not in ERRORS or (
                self.who == "queuerun" and name in ("close", "fcntl")):
            return False
        return name not in ("write", "read", "close") or (
            at[1].startswith("/") and not at[1].startswith(("/dev", "/etc")))

    def sweep(self):
        n = hit = 0
        bad = []
        rounds = self.kills() if self.how == "kill" else self.fails()
        if self.who == "client":
            rounds = self.client()
        for how, quiet in rounds:
            n += 1
            try:
                if self.who == "client":
                    self.one((), how)
                    hit += os.path.getsize(how["CUT_LOG"]) > 0
                    how = how["CUT_KILL"]
                else:
                    self.one(self.strace("-e", "trace=" + how.split(":")[0],
                                         "-e", "inject=" + how))
                    hit += self.injected()
                if self.silent and not quiet:
                    raise Wrong(self.silent)
            except Wrong as e:
                bad.append(how)
                print("%s %s: %s" % (self.who, how, str(e)[:600]), flush=True)
        return n, hit, bad

    def client(self):
        """The client by cut.so, which can tell it from its parent."""
        log = self.dir + ".record"
        for at in range(1, 1000):
            if not FULL and at % 3 != 1:
                continue
            open(log, "w").close()
            os.chmod(log, 0o666)
            env = {"LD_PRELOAD": self.so, "CUT_LOG": log,
                   "CUT_KILL": "queuerun:1:%d" % at}
            yield env, True
            if os.path.getsize(log) == 0:
                return


def pick(at):
    """Some of the calls of a kind: the first, the last, and some between."""
    if len(at) <= LIMIT:
        return at
    rng = random.Random(len(at))
    return [at[0], at[-1]] + rng.sample(at[1:-1], min(LIMIT - 2, len(at) - 2))


def main():
    dir, programs, so, addr, port, who, how = sys.argv[1:]
    r = Round(dir, programs, so, addr, int(port), who, how)
    t = time.time()
    n, hit, bad = r.sweep()
    print("%s %s: %d rounds (%d hit) in %.0f s: %d wrong, twice: %s" % (
        who, how, n, hit, time.time() - t, len(bad),
        dict(r.twice) or "never"))
    if hit < n / 2 or n < 5:
        print("hardly anything happened")
        bad.append("")
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
