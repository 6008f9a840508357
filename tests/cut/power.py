"""power - cut the power at each moment of a day's work, and look what is left.

    power.py DIR PROGRAMS CUT.SO ADDRESS PORT POINTS

DIR holds a private instance; ADDRESS:PORT is its smarthost, and is served by us.
Programs run with cut.so, which records each change of the disk in its order.
Then for POINTS places of the record (0: all of them) the disk is made what it
could be if the power failed there, and a queue run continues from it.  A disk
may lose what was not synced: the content of a file, the names of a directory
(each by its own fsync).  Four disks are tried in turn:

    strict	loses all that was not synced
    order	keeps the names up to some change, and some blocks of content
    any		keeps some names and some blocks
    all		keeps everything: only the processes died

A rename is one change wherever its names are.  The mailboxes and their records
keep their inodes, as on a real disk.
"""
import copy
import os
import random
import re
import shutil
import sys
import threading
import time

from letters import USERS, Instance, Sink, Wrong

BLOCK = 4096
FLIGHT = 80  # changes within which a note of a delivery must be safe
BEHIND = 4  # letters that a host may take while the note of one is due
BEFORE = 3600  # s that the machine was off


class Node:
    def __init__(self, kind, mode=0o700):
        self.kind, self.mode = kind, mode  # "file" "dir" "fifo"
        self.names = {}  # of a directory, as programs see it
        self.kept = {}  # ... as the disk has it
        self.data = b""  # of a file, as the disk has it
        # Not yet synced: (offset, bytes), (size, None), or (offset, length) of
        # what is taken out of the middle.
        self.late = []
        self.ino = None

    def size(self):
        n = len(self.data)
        for off, b in self.late:
            if isinstance(b, int):
                n -= b
            else:
                n = off if b is None else max(n, off + len(b))
        return n


def apply(data, late):
    data = bytearray(data)
    for off, b in late:
        if isinstance(b, int):
            del data[off:off + b]
            continue
        end = off if b is None else off + len(b)
        if end > len(data):
            data += bytes(end - len(data))
        if b is None:
            del data[off:]
        else:
            data[off:end] = b
    return bytes(data)


class Disk:
    """The directory DIR: what programs see, and what a cut would leave."""

    def __init__(self, root):
        self.root, self.top = root, Node("dir")
        self.by_ino = {}
        self.late = []  # changes of names: [(directory, name, node or None)]
        self.load(self.top, root)

    def load(self, node, path):
        for e in os.scandir(path):
            st = e.stat(follow_symlinks=False)
            if e.is_dir(follow_symlinks=False):
                n = Node("dir", st.st_mode & 0o7777)
                self.load(n, e.path)
            elif e.is_file(follow_symlinks=False):
                n = Node("file", st.st_mode & 0o7777)
                with open(e.path, "rb") as f:
                    n.data = f.read()
                n.ino = st.st_ino
                self.by_ino[st.st_ino] = n
            else:
                n = Node("fifo", st.st_mode & 0o7777)
            node.names[e.name] = node.kept[e.name] = n

    def find(self, path):
        """(directory, name) of a path; the top has no name."""
        parts = [p for p in path[len(self.root):].split("/") if p]
        node = self.top
        for p in parts[:-1]:
            node = node.names[p]
        return (node, parts[-1]) if parts else (None, self.top)

    def change(self, *parts):
        for d, name, node in parts:
            if node:
                d.names[name] = node
            else:
                del d.names[name]
        self.late.append(parts)

    def make(self, path, node):
        d, name = self.find(path)
        self.change((d, name, node))

    def play(self, op):
        kind, arg = op[0], op[1:]
        if kind == "C":
            ino, mode, path = arg
            n = self.by_ino[ino] = Node("file", mode)
            n.ino = ino
            self.make(path, n)
        elif kind in ("D", "P"):
            self.make(arg[0], Node("dir" if kind == "D" else "fifo"))
        elif kind == "U":
            d, name = self.find(arg[0])
            self.change((d, name, None))
        elif kind in ("R", "L"):
            d, name = self.find(arg[0])
            to, new = self.find(arg[1])
            node = d.names[name]
            if kind == "R":
                self.change((to, new, node), (d, name, None))
            else:
                self.change((to, new, node))
        elif kind == "W" and arg[0] in self.by_ino:
            self.by_ino[arg[0]].late.append(arg[1:])
        elif kind == "T" and arg[0] in self.by_ino:
            self.by_ino[arg[0]].late.append((arg[1], None))
        elif kind == "X" and arg[0] in self.by_ino:
            self.by_ino[arg[0]].late.append(arg[1:])
        elif kind == "F" and arg[0] in self.by_ino:
            n = self.by_ino[arg[0]]
            n.data, n.late = apply(n.data, n.late), []
        elif kind == "S":
            d, name = self.find(arg[0])
            self.sync_dir(d.names[name] if d else self.top)

    def sync_dir(self, node):
        """Its names are safe, and what was done before with the same files."""
        take, files = [], set()
        for parts in reversed(self.late):
            if any(d is node or n in files for d, _, n in parts):
                files.update(n for _, _, n in parts if n)
                take.append(parts)
        for parts in reversed(take):
            self.late.remove(parts)
            self.keep(parts)

    @staticmethod
    def keep(parts, into=None):
        for d, name, node in parts:
            names = d.kept if into is None else into.setdefault(d, dict(d.kept))
            if node:
                names[name] = node
            else:
                names.pop(name, None)

    def cut(self, mode, rng):
        """{path: (node, content)} of what is left, directories first."""
        names = {}
        upto = rng.randint(0, len(self.late))
        for i, parts in enumerate(self.late):
            if mode == "all" or (mode == "order" and i < upto) or (
                    mode == "any" and rng.random() < 0.5):
                self.keep(parts, names)
        left, todo = {}, [(self.root, self.top)]
        while todo:
            path, d = todo.pop()
            for name, n in names.get(d, d.kept).items():
                left[path + "/" + name] = (n, self.content(n, mode, rng))
                if n.kind == "dir":
                    todo.append((path + "/" + name, n))
        return left

    @staticmethod
    def content(n, mode, rng):
        how = "none" if mode == "strict" else mode
        if n.late and mode in ("order", "any"):
            how = rng.choice(("none", "all", "some", "some"))
        if how == "none":
            return n.data
        if how == "all":
            return apply(n.data, n.late)
        late = []
        for off, b in n.late:
            if b is None or isinstance(b, int):
                late += [(off, b)] * rng.randint(0, 1)
                continue
            at = 0
            while at < len(b):
                k = BLOCK - (off + at) % BLOCK
                if rng.random() < 0.5:
                    late.append((off + at, b[at:at + k]))
                at += k
        data = apply(n.data, late)
        if rng.random() < 0.3:  # the size was written, the blocks were not
            data += bytes(max(0, n.size() - len(data)))
        return data


def read_record(path):
    """The changes, in order, as tuples."""
    ops = []
    with open(path, "rb") as f:
        for line in f:
            kind, _, rest = line.decode().rstrip("\n").partition(" ")
            if kind == "C":
                ino, mode, name = rest.split(" ", 2)
                ops.append(("C", int(ino), int(mode, 8), name))
            elif kind in ("R", "L"):
                ops.append((kind, rest, f.readline().decode().rstrip("\n")))
            elif kind == "W":
                ino, off, n = map(int, rest.split())
                ops.append(("W", ino, off, f.read(n)))
            elif kind in ("T", "X"):
                ops.append((kind, *map(int, rest.split())))
            elif kind == "F":
                ops.append(("F", int(rest)))
            else:
                ops.append((kind, rest))
    return ops


class Notes:
    """Where in the record letters were taken by another host, and noted so:
    by a line in the journal, or by the end of the letter in the spool."""

    def __init__(self, spool):
        self.spool, self.keys = spool, {}  # of its files, by inode
        self.taken, self.noted, self.behind, self.n = {}, {}, 0, 0

    def see(self, k, op, disk):
        if op[0] == "take":
            self.taken[op[1]] = k
        elif op[0] == "C":
            self.keys[op[1]] = "" if op[3].startswith(self.spool) else None
        elif op[0] == "W" and self.keys.get(op[1]) is not None:
            self.write(op[1], op[3])
        elif op[0] == "U" and op[1].startswith(self.spool):
            d, name = disk.find(op[1])
            self.note(self.keys.get(d.names[name].ino))

    def write(self, ino, data):
        if not self.keys[ino]:
            key = re.search(rb"^X-Key: (\S+)$", data, re.M)
            if key and b"multipart/report" not in data:
                self.keys[ino] = key[1].decode()
        for line in data.split(b"\n") if self.keys[ino] else ():
            field = line.split(b"\t")
            if field[0] in (b"s", b"r"):
                self.note(self.keys[ino], field[5] != b"local")

    def note(self, key, remote=True):
        self.n += 1
        if remote and key in self.taken and key not in self.noted:
            self.noted[key] = self.n
            self.behind = max(self.behind, sum(
                i > self.taken[key] for i in self.taken.values()))


class Power:
    def __init__(self, dir, programs, so, addr, port):
        self.it = Instance(dir, programs)
        self.dir, self.log = dir, dir + ".record"
        self.safe = dir + ".inodes"  # where inodes wait that have no name now
        os.mkdir(self.safe)
        open(self.log, "w").close()
        self.env = {"LD_PRELOAD": so, "CUT_ROOT": dir, "CUT_LOG": self.log}
        self.recording = False
        self.sink = Sink(addr, port, lambda k: self.mark("take", k))
        self.extra = self.most = self.aside = 0

    def mark(self, what, key):
        """Put what somebody outside knows now into the record."""
        if self.recording:
            with open(self.log, "ab") as f:
                f.write(("%s %s\n" % (what, key)).encode())

    # --- the day's work ---

    def post(self, *letters, kill=None):
        env = dict(self.env, CUT_KILL=kill) if kill else self.env
        for key, code in self.it.smtp(letters, env=env).items():
            if code == 250:
                self.mark("ack", key)

    def submit(self, key, to, size):
        if self.it.submit(key, [to], size, env=self.env) != 0:
            raise Wrong("sendmail refuses " + key)
        self.mark("ack", key)

    def queue(self, *args, kill=None):
        self.it.queuerun(*args, env=dict(self.env, CUT_KILL=kill or ""))

    def later(self, seconds):
        self.queue("-T", str(int(time.time()) + seconds))

    def work(self):
        """A little of everything."""
        a, b, out = "alice@a.test", "bob@a.test", "x@b.test"
        self.post(("one", [a], 500), ("two", [a, b], 5000), ("far", [out], 900))
        self.queue()
        self.post(("big", [a], 600000), ("mixed", [a, b, out], 3000),
                  ("fails", ["fails@a.test"], 400), ("tiny", [a], 1))
        self.submit("local", a, 2000)
        self.queue()
        runner = threading.Thread(target=self.queue, args=("-w", "2"))
        runner.start()
        for i in range(6):
            self.post(("live%d" % i, [a, out], 700 + 900 * i))
        runner.join()
        self.sink.defer = True
        self.post(("wait", [b, out], 800), ("wait2", [out], 90000))
        self.queue()
        self.post(("after", [a], 700))
        self.queue()
        self.sink.defer = False
        self.later(4000)

    def interrupted(self):
        """Processes die, others go on, and then the power fails too."""
        a, b, out = "alice@a.test", "bob@a.test", "x@b.test"
        self.post(("first", [b], 300))
        self.queue()
        for n in range(12, 44, 2):
            self.post(("d%d" % n, [a], 300 + 300 * n))
            self.queue(kill="deliver:0:%d" % n)
            self.later(4000)
        for n in range(20, 60, 4):
            self.post(("q%d" % n, [a, out], 700))
            self.queue(kill="queuerun:0:%d" % n)
            self.later(4000)
        for n in range(1, 21, 2):
            self.post(("c%d" % n, [out], 700))
            self.queue(kill="queuerun:1:%d" % n)
            self.later(8000)
        for n in range(20, 46, 3):
            self.post(("s%d" % n, [b], 700), kill="smtpd:0:%d" % n)

    def record(self, what):
        self.disk = Disk(self.dir)
        self.recording = True
        self.quiet = what == "work"
        getattr(self, what)()
        self.it.drain(self.env)
        self.recording = False
        self.ops = read_record(self.log)
        self.learn()
        self.compare()
        self.watch_inodes()

    def watch_inodes(self):
        """Those of mailboxes and records must stay what they are."""
        self.at = {}
        for d in ["mail"] + ["state/" + u for u in
                             os.listdir(self.dir + "/state")]:
            for e in os.scandir(os.path.join(self.dir, d)):
                self.at[e.inode()] = e.path

    # --- the cut ---

    def is_mine(self, ino, path):
        try:
            return os.lstat(path).st_ino == ino
        except FileNotFoundError:
            return False

    def restore(self, left):
        for ino, path in self.at.items():
            if self.is_mine(ino, path):
                os.rename(path, "%s/%d" % (self.safe, ino))
        for e in os.scandir(self.dir):
            if e.is_dir():
                shutil.rmtree(e.path)
        for path, (n, data) in left.items():
            if n.kind == "dir":
                os.makedirs(path, n.mode, exist_ok=True)
                os.chmod(path, n.mode)
            elif n.kind == "fifo":
                os.mkfifo(path, 0o660)
            elif not path.startswith(self.dir + "/log"):
                kept = "%s/%d" % (self.safe, n.ino)
                if self.at.get(n.ino) == path and os.path.exists(kept):
                    os.rename(kept, path)
                with open(path, "wb") as f:
                    f.write(data)
                os.chmod(path, n.mode)
                os.utime(path, (time.time() - BEFORE,) * 2)

    def after(self, k, acked, notes):
        """Go on from here, and count."""
        self.sink.keys = []
        open(self.dir + "/log", "w").close()
        self.it.drain()
        boxes = self.it.boxes()
        for u in USERS:
            if "next-" + u not in boxes[u]:
                raise Wrong("the next letter for %s is hidden" % u)
        self.it.strays()
        self.aside += len(os.listdir(self.dir + "/spool/bad"))
        extra = []
        for key in self.rcpts:
            for place in self.rcpts[key]:
                if place == "sink":
                    n = self.sink.keys.count(key) + (key in notes.taken)
                elif place == "dsn":
                    n = boxes["alice"].count("dsn:" + key)
                else:
                    n = boxes[place].count(key)
                if n == 0 and key in acked:
                    raise Wrong("%s is lost for %s" % (key, place))
                if n > 2:
                    raise Wrong("%s came %d times to %s" % (key, n, place))
                if n > 1:
                    extra.append("%s:%s" % (key, place))
                    if place in USERS:
                        raise Wrong("%s came twice to %s" % (key, place))
                    since = notes.n - notes.noted.get(key, notes.n)
                    if self.quiet and (since > FLIGHT or k == len(self.ops)):
                        raise Wrong("%s was repeated so late" % key)
        return extra

    def learn(self):
        """Where each letter went when nothing failed."""
        boxes, self.rcpts = self.it.boxes(), {}
        for place, keys in [*boxes.items(), ("sink", self.sink.keys)]:
            for key in keys:
                if key.startswith("dsn:"):
                    self.rcpts.setdefault(key[4:], set()).add("dsn")
                elif not key.startswith("next-"):
                    self.rcpts.setdefault(key, set()).add(place)

    def compare(self):
        """The record must tell all that happened."""
        disk = copy.deepcopy(self.disk)
        for op in self.ops:
            disk.play(op)
        seen = disk.cut("all", random)
        for path, (n, data) in seen.items():
            if n.kind != "file" or path == self.dir + "/log":
                continue
            with open(path, "rb") as f:
                if f.read() != data:
                    raise Wrong("the record misses a change of " + path)
        for base, _, names in os.walk(self.dir):
            for name in names:
                if name != "log" and os.path.join(base, name) not in seen:
                    raise Wrong("the record misses " + name)

    def sweep(self, points, seed):
        rng = random.Random(seed)
        cuts = list(range(len(self.ops) + 1))
        if points:
            cuts = sorted(rng.sample(cuts, min(points, len(cuts)))) + cuts[-1:]
        modes = ["strict", "order", "any", "all"]
        todo = {k: modes if not points else [modes[i % 3]]
                for i, k in enumerate(cuts)}
        # Files that have their names and not all of their blocks.
        for k, op in enumerate(self.ops, 1):
            if op[0] == "R" and rng.random() < (0.4 if points else 1):
                todo[k] = todo.get(k, []) + ["order", "any"] * 3
        acked, notes, n = set(), Notes(self.dir + "/spool/"), 0
        bad = []
        for k in range(len(self.ops) + 1):
            for i, mode in enumerate(todo.get(k, ())):
                n += 1
                try:
                    self.restore(self.disk.cut(mode, random.Random(
                        "%d %d %d" % (seed, k, i))))
                    extra = self.after(k, acked, notes)
                    self.extra += len(extra)
                    self.most = max(self.most, len(extra))
                    if extra and os.environ.get("SHOW"):
                        print("cut %d %s: twice: %s" % (k, mode,
                                                        " ".join(extra)))
                except Wrong as e:
                    bad.append("cut %d %s (behind %s): %s" % (
                        k, mode, self.ops[k - 1][:2] if k else "-", e))
                    print(bad[-1], flush=True)
            if k == len(self.ops):
                break
            op = self.ops[k]
            if op[0] == "ack":
                acked.add(op[1])
            notes.see(k, op, self.disk)
            self.disk.play(op)
        if self.quiet and (set(notes.taken) - set(notes.noted) or
                           notes.behind > BEHIND):
            bad.append("noted so late: %d taken, %d noted, %d behind" % (
                len(notes.taken), len(notes.noted), notes.behind))
            print(bad[-1])
        return n, bad


def main():
    dir, programs, so, addr, port, what, points = sys.argv[1:]
    p = Power(dir, programs, so, addr, int(port))
    p.record(what)
    t = time.time()
    n, bad = p.sweep(int(points), int(os.environ.get("SEED", "1")))
    print("%d changes, %d letters, %d cuts in %.0f s: %d wrong; %d extra "
          "copies (%d at most after one cut), %d files set aside" % (
              len(p.ops), len(p.rcpts), n, time.time() - t, len(bad), p.extra,
              p.most, p.aside))
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
