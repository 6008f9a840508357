"""change - cut the power while an mbox is changed in the middle.

    change.py DIR DRIVE CUT.SO POINTS

DRIVE is mboxedit_drive.  It makes some changes in DIR, with cut.so recording each
change of the disk.  Then for POINTS places of the record (0: all) and each kind
of disk (power.py) the mbox and its journal are made what they could be if the
power failed there; sometimes another program adds a message; and the next one of
us puts things right.  Each change that was told as done must be there, the
next one may be, and nothing else.
"""
import os
import random
import subprocess
import sys
import time

from letters import Wrong
from power import Disk, Power, apply, read_record

SECTOR = 512
MODES = "strict", "order", "any", "all"


class Sectors(Disk):
    """A disk that writes sectors, and to each file the size that it had at some
    moment."""

    @staticmethod
    def content(n, mode, rng):
        if mode == "strict" or not n.late:
            return n.data
        if mode == "all":
            return apply(n.data, n.late)
        upto = rng.randint(0, len(n.late))
        late = []
        for i, (off, b) in enumerate(n.late):
            if not isinstance(b, bytes):
                if i < upto and (b is not None or off < len(n.data)):
                    late.append((off, b))
                continue
            at = 0
            while at < len(b):
                k = SECTOR - (off + at) % SECTOR
                if rng.random() < 0.5:
                    late.append((off + at, b[at:at + k]))
                at += k
        size = len(apply(n.data, n.late[:upto]))
        return apply(n.data, late + [(size, None)])


def message(i, lines):
    return b"From m%d@x Sat Nov 21 19:54:01 2026\nSubject: m%d\n\n%s\n" % (
        i, i, b"".join(b"%d line %d of the text\n" % (i, k)
                       for k in range(lines)))


class Changes(Power):
    def __init__(self, dir, drive, so):
        self.dir, self.log, self.drive = dir, dir + ".record", drive
        self.safe = dir + ".inodes"
        os.mkdir(self.safe)
        open(self.log, "w").close()
        self.env = dict(os.environ, LD_PRELOAD=so, CUT_ROOT=dir,
                        CUT_LOG=self.log)
        self.box, self.state = dir + "/mail/box", dir + "/state/user"
        for d in ("/mail", "/state", "/state/user"):
            os.mkdir(dir + d, 0o700)
        self.text = b"".join(message(i, 5 + i * 97 % 400) for i in range(40))
        with open(self.box, "wb") as f:
            f.write(self.text)
        self.states = [self.text]
        self.refused = 0

    def run(self, *args, env=None):
        return subprocess.run([self.drive, *map(str, args)], env=env,
                              stdout=subprocess.PIPE).stdout.decode()

    def mark(self):
        with open(self.log, "ab") as f:
            f.write(b"ack %d\n" % (len(self.states) - 1))

    def change(self, chunk, *edits, hole=None):
        """Edits are (offset, length, text)."""
        what = ["collapse" if hole else "edit", self.box, self.state, chunk]
        args = [a for e in edits for a in (e[0], e[1], e[2].decode())]
        out = self.run(*what, *(hole or ()), *args, env=self.env)
        if hole and not out.startswith("done"):
            self.refused += 1
            return
        text, pos = b"", 0
        for off, n, new in edits:
            text += self.text[pos:off] + new
            pos = off + n
        text += self.text[pos:]
        if hole:
            text = text[:hole[0]] + text[sum(hole):]
        if not out.startswith("done"):
            raise Wrong("%s: %s" % (" ".join(map(str, what)), out))
        self.text = text
        self.states.append(text)
        with open(self.box, "rb") as f:
            if f.read() != text:
                raise Wrong("%s: another result" % what[0])
        self.mark()

    def work(self):
        n = self.text.index
        a, b = n(b"From m5@x"), n(b"From m9@x")
        self.change(0, (5, 2, b"ZZ"), (a + 7, 2, b"zz"))
        self.change(0, hole=(8192, 12288))
        self.change(30000, (5, 2, b"YY"), (a, b - a, b""))
        self.change(20000, (5, 2, b"XX"), (a + 4, 0, b"more" * 900))
        self.change(0, (7, 1, b""))
        self.change(0, (7, 0, b"x"))
        self.change(0, (5, 2, b"WW"), (30000, 4, b"abcd"), hole=(4096, 4096))
        end = len(self.text)
        self.change(0, (end - 5000, 4000, b"n" * 900))
        self.change(50000, (0, 300, b""), (500, 200, b"k" * 100))
        self.change(0, (len(self.text) - 900, 900, b""))

    def after(self, k, acked, rng):
        told = max([0, *map(int, acked)])
        more = b""
        if rng.random() < 0.5:
            more = message(77, rng.randint(1, 500))
            with open(self.box, "ab") as f:
                f.write(more)
        out = self.run("fix", self.box, self.state)
        with open(self.box, "rb") as f:
            text = f.read()
        if out != "done\n" or text not in [
                s + more for s in self.states[told:told + 2]]:
            raise Wrong("neither change %d nor the next: %s" % (told, out))

    def sweep(self, points, seed):
        rng = random.Random(seed)
        cuts = list(range(len(self.ops) + 1))
        if points:
            cuts = sorted(rng.sample(cuts, min(points, len(cuts))))
        acked, n, bad = set(), 0, 0
        for k in range(len(self.ops) + 1):
            for i, mode in enumerate((MODES + MODES[1:3] * 3) * (k in cuts)):
                n += 1
                it = random.Random("%d %d %d" % (seed, k, i))
                try:
                    self.restore(self.disk.cut(mode, it))
                    self.after(k, acked, it)
                except Wrong as e:
                    bad += 1
                    print("cut %d %s (behind %s): %s" % (
                        k, mode, self.ops[k - 1][:3] if k else "-", e))
            if k < len(self.ops):
                if self.ops[k][0] == "ack":
                    acked.add(self.ops[k][1])
                self.disk.play(self.ops[k])
        return n, bad

    def record(self):
        self.disk = Sectors(self.dir)
        self.work()
        self.ops = read_record(self.log)
        self.compare()
        self.at = {}
        for d in (self.dir + "/mail", self.state):
            for e in os.scandir(d):
                self.at[e.inode()] = e.path


def main():
    dir, drive, so, points = sys.argv[1:]
    p = Changes(dir, drive, so)
    p.record()
    t = time.time()
    n, bad = p.sweep(int(points), int(os.environ.get("SEED", "1")))
    print("%d changes of the disk, %d cuts in %.0f s: %d wrong%s" % (
        len(p.ops), n, time.time() - t, bad,
        ", no blocks could be taken out" if p.refused else ""))
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
