"""imapfight - IMAP sessions in the fight for the mailbox (fight.py).

    imapfight.py MBOX ADDRESS PORT USER SECRET [rewrite]

To the writers, the POP3 sessions and, with rewrite, mutt and python come IMAP
sessions at ADDRESS:$IMAP_PORT that set flags, delete, move into the mailbox $OTHER,
append, expunge and idle.  At the end each letter that somebody brought is where it
belongs, once and whole.  On the way and at the end: its UID is the same in all
sessions, by IMAP and by POP3; a flag that a session set and nobody else cleared is
set, in IMAP and in the file; numbers, UIDs and flags that a session may believe
(imapview.py) are true.

mutt writes back the flags as it saw them when it opened the file: with it only what
IMAP says and what the file says must be the same in the end, and then what is set
stays set.
"""
import os
import random
import re
import sys
import threading
import time

import fight
import tally
from fight import ADDRESS, MBOX, REWRITE, SECRET, USER, WRITERS, score
from imapview import View, Wrong, set_of

ADDR = (ADDRESS, int(os.environ["IMAP_PORT"]))
OTHER = os.environ["OTHER"]
SESSIONS = 4
STEPS = 25              # of a visit
SOME = 25               # messages that a visit gets to know by their text
LATER = {"INUSE", "EXPUNGEISSUED", "TRYCREATE"} # what NO may say


class Deeds:
    """What IMAP sessions did."""

    def __init__(self):
        self.lock = threading.Lock()
        self.flags = {}         # (name, session): (set?, when it was known)
        self.moved = {}         # name: (when it began, COPYUID's UID)
        self.moving = set()     # names: nobody knows
        self.other = {}         # UID in OTHER: name
        self.count = {}

    def did(self, what):
        with self.lock:
            self.count[what] = self.count.get(what, 0) + 1


deeds = Deeds()


def login():
    s = View(USER, ADDR, SECRET)
    s.sock.settimeout(120)
    return s


def uidl(s, uid):
    """As popd names it."""
    return b"%d.%d" % (s.validity, uid)


def say(s, command):
    """Was it done?  NO for those reasons that others are to blame for."""
    code = s.run(command, "OK|NO")
    if s.word == "NO" and (not code or code[0] not in LATER):
        raise Wrong("%s: NO %s" % (command[:100], code))
    if s.word == "NO":
        deeds.did(code[0].lower())
    return code if s.word == "OK" else None


class Visit:
    """One session of number k."""

    def __init__(self, k, rng, deleted):
        self.k, self.rng, self.deleted = k, rng, deleted
        self.names = {}
        self.s = s = login()
        how = rng.choice([None, "CONDSTORE", "QRESYNC", "QRESYNC IMAP4rev2"])
        if how:
            s.run("ENABLE " + how)
        code = s.select("INBOX")
        if s.word == "NO":
            if not code or code[0] not in LATER:
                raise Wrong("SELECT: NO %s" % code)
            return
        s.learn()
        self.know(rng.sample(s.msgs, min(SOME, len(s.msgs))))

    def know(self, views):
        """Read these, and look whether they always were what they are."""
        s = self.s
        uids = [v.uid for v in views if v.uid]
        if not uids:
            return
        s.run("UID FETCH %s (UID BODY.PEEK[] RFC822.SIZE)" % set_of(uids),
              "OK|NO")
        for _, v, got, _ in s.fetched:
            if "BODY[]" not in got:
                continue
            text = got["BODY[]"].encode("latin-1")
            name = tally.check(text)
            if len(text) != got["RFC822.SIZE"]:
                raise Wrong("%s: RFC822.SIZE %d, octets %d" % (
                    name, got["RFC822.SIZE"], len(text)))
            fight.know(name, uidl(s, got["UID"]), self.deleted)
            self.names[got["UID"]] = name

    def pick(self):
        """A message whose name is known: UID and name, or None."""
        uids = [v.uid for v in self.s.msgs if v.uid in self.names]
        if not uids:
            return None
        uid = self.rng.choice(uids)
        return uid, self.names[uid]

    def do_flag(self, uid, name):
        """A keyword of our own."""
        on = self.rng.random() < 0.7
        with deeds.lock:
            deeds.flags[name, self.k] = None
        done = say(self.s, "UID STORE %d %sFLAGS%s (k%d)" % (
            uid, "+" if on else "-", self.rng.choice(["", ".SILENT"]), self.k))
        if done is not None:
            with deeds.lock:
                deeds.flags[name, self.k] = on, time.monotonic()

    def do_seen(self, uid, name):
        say(self.s, "UID FETCH %d BODY[HEADER]" % uid)

    def do_delete(self, uid, name):
        with score.lock:
            score.unsure.add(name)
        say(self.s, "UID STORE %d +FLAGS (\\Deleted)" % uid)
        if say(self.s, "UID EXPUNGE %d" % uid) is None:
            return
        if uid in [m.uid for m in self.s.went]:
            with score.lock:
                score.deleted.add(name)

    def do_move(self, uid, name):
        began = time.monotonic()
        with score.lock:
            score.unsure.add(name)
        with deeds.lock:
            deeds.moving.add(name)
        code = say(self.s, "UID MOVE %d %s" % (uid, OTHER))
        got = [c for c in self.s.codes if c[0] == "COPYUID"]
        if code is None or not got:
            return
        with deeds.lock:
            there = int(got[0][3])
            if deeds.other.setdefault(there, name) != name:
                raise Wrong("UID %d in %s twice" % (there, OTHER))
            deeds.moved[name] = began, there
        if uid in [m.uid for m in self.s.went]:
            with score.lock:
                score.deleted.add(name)

    def do_append(self, n):
        names = ["imap%d.%d.%d" % (self.k, n, i)
                 for i in range(self.rng.choice([1, 1, 3]))]
        texts = []
        for name in names:
            text = fight.text_of(name).replace(b"\n", b"\r\n")
            texts.append(" (k%d) {%d+}\r\n%s" % (
                self.k, len(text), text.decode("utf-8", "surrogateescape")))
            with deeds.lock:
                deeds.flags[name, self.k] = True, time.monotonic()
        code = say(self.s, "APPEND INBOX" + "".join(texts))
        if code is None:
            return
        with score.lock:
            score.written.update(names)
        lo, _, hi = code[2].partition(":")
        for uid, name in zip(range(int(lo), int(hi or lo) + 1), names):
            fight.know(name, uidl(self.s, uid), set())

    def do_idle(self):
        self.s.idle_begin()
        time.sleep(self.rng.uniform(0, 0.1))
        self.s.idle_end()

    def step(self, n):
        rng, s = self.rng, self.s
        what = rng.choice(["flag"] * 8 + ["seen", "delete", "move", "append",
                                          "idle", "know", "small", "expunge"])
        m = self.pick()
        if what in ("flag", "seen", "delete", "move"):
            if not m:
                return
            getattr(self, "do_" + what)(*m)
        elif what == "append":
            self.do_append(n)
        elif what == "idle":
            self.do_idle()
        elif what == "know":
            s.learn()
            self.know(s.msgs[-3:])
        else:
            say(s, {"small": rng.choice(["NOOP", "CHECK"]),
                    "expunge": "EXPUNGE"}[what])
        deeds.did(what)

    def end(self):
        if self.s.box and self.rng.random() < 0.8:
            self.s.run("LOGOUT")
        self.s.cut()


def sessions(k):
    """One after the other as long as there are writers."""
    rng = random.Random("imap %d" % k)
    n = 0
    while score.writing > 0:
        with score.lock:
            deleted = set(score.deleted)
        v = None
        try:
            v = Visit(k, rng, deleted)
            if v.s.box:
                for _ in range(STEPS):
                    n += 1
                    v.step(n)
                    if REWRITE:
                        time.sleep(rng.uniform(0, 0.05))
            deeds.did("visit")
            v.end()
        except (Wrong, tally.Torn, OSError, AssertionError, TypeError,
                ValueError, LookupError) as e:
            log = "\n".join(v.s.log[-12:])[:4000] if v else ""
            score.wrong("IMAP session %d: %r\n%s" % (k, e, log))
            return


# --- the end ---

def flags_of(text):
    """What the file says."""
    head = text.split(b"\n\n", 1)[0].decode("latin-1")
    field = dict(re.findall(r"(?m)^(Status|X-Status|X-Keywords): *(.*)", head))
    letters = field.get("Status", "") + field.get("X-Status", "")
    flags = set(field.get("X-Keywords", "").split())
    for c, flag in zip("RAFDT", ("\\Seen", "\\Answered", "\\Flagged",
                                 "\\Deleted", "\\Draft")):
        if c in letters:
            flags.add(flag)
    return flags


def look(box, path, deleted):
    """Everything that is in a mailbox: {name: flags}; IMAP and the file agree."""
    s = login()
    s.select(box)
    s.run("FETCH 1:* (UID BODY.PEEK[] FLAGS)") if s.msgs else None
    there = []
    for _, v, got, _ in sorted(s.fetched, key=lambda x: x[0]) if s.msgs else ():
        name = tally.check(got["BODY[]"].encode("latin-1"))
        if box == "INBOX":
            fight.know(name, uidl(s, v.uid), deleted)
        elif deeds.other.get(v.uid, name) != name:
            score.wrong("%s: UID %d was %s and is %s" % (
                box, v.uid, deeds.other[v.uid], name))
        there.append((name, v.flags))
    if REWRITE and s.msgs:      # nobody overwrites flags by now
        s.run("STORE 1:* +FLAGS.SILENT (last)")
        there = [(n, f | {"last"}) for n, f in there]
    s.run("CHECK")
    s.run("LOGOUT")
    s.cut()
    said = [(tally.check(x), flags_of(x)) for x in tally.read(path)]
    if said != [(n, set(f)) for n, f in there]:
        score.wrong("%s: the file says %s, IMAP %s" % (
            box, [x for x in said if (x[0], frozenset(x[1])) not in there],
            [x for x in there if (x[0], set(x[1])) not in said]))
    if len({n for n, _ in there}) != len(there):
        names = [n for n, _ in there]
        score.wrong("%s: more than once: %s" % (
            box, sorted(x for x in set(names) if names.count(x) > 1)))
    return dict(there)


def check_flags(inbox, other):
    """What was set, and not by mutt cleared, is set."""
    for (name, k), what in deeds.flags.items():
        if what is None or REWRITE:
            continue
        on, when = what
        began = deeds.moved.get(name, (0, 0))[0]
        for box, there in ("INBOX", inbox), (OTHER, other):
            if name not in there or box == OTHER and when > began:
                continue
            if ("k%d" % k in there[name]) != on:
                score.wrong("%s of %s: k%d should be %s: %s" % (
                    name, box, k, on, sorted(there[name])))


def count():
    """Is everything where it belongs?"""
    inbox = look("INBOX", MBOX, score.deleted)
    other = look(OTHER, os.environ["OTHER_FILE"], set())
    lost = score.written - score.deleted - score.unsure - set(inbox)
    # Who was moved or deleted, but nobody said so, is there or in the other.
    lost |= (deeds.moving & score.unsure) - score.deleted - set(inbox) - \
        set(other)
    for what, names in (
            ("lost", lost), ("lost on the way", set(deeds.moved) - set(other)),
            ("back", score.deleted & set(inbox)),
            ("moved by nobody", set(other) - deeds.moving),
            ("unknown", set(inbox) - score.written - score.unsure)):
        if names:
            score.wrong("%s: %s" % (what, sorted(names)))
    check_flags(inbox, other)
    return len(inbox), len(other)


def main():
    s = login()
    s.run("CREATE " + OTHER)
    s.cut()
    threads = [threading.Thread(target=fight.writer, args=(w,))
               for w in WRITERS]
    threads += [threading.Thread(target=fight.sessions, args=(1,))]
    threads += [threading.Thread(target=sessions, args=(k,))
                for k in range(SESSIONS)]
    if REWRITE:
        threads.append(threading.Thread(target=fight.rewriters))
    score.writing = len(WRITERS)
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    try:
        there = count()
    except (Wrong, tally.Torn, OSError, AssertionError) as e:
        there = ()
        score.wrong("at the end: %r" % e)
    print("%d written, %d deleted, %d moved, %s there; %d POP sessions, %d later, "
          "%d letters too late; %d times anew; %s" % (
              len(score.written), len(score.deleted), len(deeds.moved), there,
              score.sessions, score.later, score.late, score.anew,
              " ".join("%s %d" % x for x in sorted(deeds.count.items()))))
    print("\n".join(x[:5000] for x in score.bad[:20]))
    sys.exit(1 if score.bad else 0)


main()
