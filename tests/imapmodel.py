"""imapmodel - random commands in several IMAP sessions against a model.

    imapmodel.py SECONDS [SEED [STEPS]]

One command at a time, in any of the sessions, so that the model knows what is in
every mailbox; what a session's client may believe (imapview.py) has to be that
after each answer, but for messages whose end may not be told yet.  Letters come by
deliver too.  Now and then everybody comes to rest, and the files are looked at.

The environment: as tests/imap.bash has it, DELIVER, and BOX and FOLDERS, where INBOX
and the others lie; FOLDERS is empty where BOX is a Maildir.  Prints the
last commands and exits with 1 when something is wrong.
"""
import datetime
import hashlib
import os
import random
import re
import shlex
import subprocess
import sys
import time

import imap
import tally
from imapview import Log, SYSTEM, STILL, View, Wrong, set_of

USER = "alice"
DELIVER = shlex.split(os.environ["DELIVER"])
BOX, FOLDERS = os.environ["BOX"], os.environ["FOLDERS"]
NAMES = ["INBOX", "one", "two"]         # that are always there
SPARE = ["s1", "s2", "s3"]              # that come and go
WORDS = ["$Forwarded", "$Junk", "work", "later", "a.b-c", "$MDNSent"]
FLAGS = sorted(SYSTEM) + WORDS
SESSIONS = 4
REST = 80               # steps between two looks at the files
SHOWN = 100             # lines of the log of a failure
MANY = 60               # messages; with more EXPUNGE is likelier
STATUS = "MESSAGES UIDNEXT UIDVALIDITY UNSEEN DELETED SIZE HIGHESTMODSEQ"


class Content:
    """What is behind a message and its copies."""

    def __init__(self, name):
        self.name = name        # tally's
        self.hash = self.size = None
        self.text = None

    def learn(self, text):
        data = text.encode("latin-1")
        h = hashlib.sha256(data).digest()
        if self.hash not in (None, h):
            raise Wrong("the text of %s changed: %r" % (self.name, text))
        if tally.check(data) != self.name:
            raise Wrong("%s has another's text" % self.name)
        self.hash, self.size, self.text = h, len(data), text


class Message:
    def __init__(self, content, flags=(), uid=None, date=None):
        self.content, self.uid, self.date = content, uid, date
        self.flags = frozenset(flags)
        self.modseq = 0         # as last told, with these flags:
        self.told = None


class Mailbox:
    def __init__(self, name):
        self.name = name
        self.msgs = []
        self.next, self.highest = 1, 0
        self.validity = None
        self.recent = set()     # UIDs that were \Recent somewhere

    def live(self):
        return {m.uid: m for m in self.msgs}


class Model:
    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.boxes = {n: Mailbox(n) for n in NAMES}
        self.sessions = []
        self.caches = {}        # box: (Mailbox, what remember() said)
        self.letters = 0
        self.count = {}
        self.log = Log()
        self.at = None          # the session at hand
        self.validities = {}    # of names that were given up

    # --- what we know against what they say ---

    def letter(self):
        self.letters += 1
        name = "m%d" % self.letters
        size = self.rng.choice([50, 300, 300, 3000, 9000, 70000])
        return Content(name), tally.letter(name, size)

    def check_told(self, box, s):
        """Do flags and mod-sequences of what was fetched fit to all that was
        told before?"""
        live = box.live()
        for _, v, got, _ in s.fetched:
            m = live.get(v.uid)
            if not m or "MODSEQ" not in got or "FLAGS" not in got:
                continue
            flags = frozenset(got["FLAGS"] - {"\\Recent"})
            if got["MODSEQ"] < m.modseq:
                # What was true when the answer began.
                continue
            if m.told is not None and got["MODSEQ"] == m.modseq and \
               flags != m.told:
                raise Wrong("UID %d MODSEQ %d had %s and has %s" % (
                    m.uid, m.modseq, set(m.told), set(flags)))
            m.modseq, m.told = got["MODSEQ"], flags
            box.highest = max(box.highest, m.modseq)

    def check(self, s, may_hold=None):
        """Is what the client believes true?"""
        box = self.boxes[s.box]
        self.at = s.name
        if s.validity != box.validity and box.validity is not None:
            raise Wrong("UIDVALIDITY %d was %d" % (s.validity, box.validity))
        box.validity = s.validity
        if may_hold is None:
            may_hold = s.command in STILL and not s.by_uid
        went = list(s.went)
        fetched = list(s.fetched)
        if any(m.uid is None or m.flags is None for m in s.msgs):
            s.learn()
            fetched += s.fetched
        s.fetched = fetched
        self.check_news(s, box)
        live = box.live()
        for m in went:
            if m.uid in live:
                raise Wrong("UID %s is not gone" % m.uid)
        believed = [m for m in s.msgs if m.uid in live or not may_hold]
        if [m.uid for m in believed] != [m.uid for m in box.msgs]:
            raise Wrong("believes %s, there are %s" % (
                [m.uid for m in s.msgs], [m.uid for m in box.msgs]))
        for v, m in zip(believed, box.msgs):
            if v.flags != m.flags:
                raise Wrong("believes that UID %d has %s, it has %s" % (
                    m.uid, sorted(v.flags), sorted(m.flags)))
            if v.modseq and "CONDSTORE" in s.on and v.modseq < m.modseq:
                raise Wrong("UID %d: MODSEQ %d, others were told %d" % (
                    m.uid, v.modseq, m.modseq))
        self.check_told(box, s)
        self.check_recent(s, box)

    def check_news(self, s, box):
        """UIDs of messages that came in by themselves are learnt here."""
        known = {m.uid for m in box.msgs}
        new = [m for m in box.msgs if m.uid is None]
        told = [v for v in s.msgs if v.uid not in known and
                v.uid >= box.next]
        if len(new) != len(told):
            raise Wrong("%d are new: of UIDs %s these: %s; UIDNEXT was %d" % (
                len(new), s.uids(), [v.uid for v in told], box.next))
        for m, v in zip(new, told):
            m.uid, box.next = v.uid, v.uid + 1

    def check_recent(self, s, box):
        """RFC 3501 2.3.2: in one session only."""
        if s.recent is None or any(m.flags is None or m.recent is None
                                   for m in s.msgs):
            return
        said = {m.uid for m in s.msgs if m.recent}
        if len(said) != s.recent:
            raise Wrong("RECENT is %d, \\Recent are %s" % (s.recent, said))
        for o in self.sessions:
            if o is not s and o.box == s.box and not o.readonly and \
               not s.readonly:
                both = said & {m.uid for m in o.msgs if m.recent}
                if both:
                    raise Wrong("\\Recent twice: %s" % both)

    # --- sessions ---

    def connect(self):
        s = View(USER, log=self.log)
        how = self.rng.choice([None, "CONDSTORE", "QRESYNC", "QRESYNC",
                               "QRESYNC IMAP4rev2", "IMAP4rev2"])
        if how:
            s.run("ENABLE " + how)
        self.sessions.append(s)
        return s

    def remember(self, s):
        """Keep what a QRESYNC client would, for the next one."""
        if s.box and "QRESYNC" in s.on and s.msgs:
            self.caches.setdefault(s.box, []).append(
                (self.boxes[s.box], s.remember()))
            del self.caches[s.box][:-3]

    def leave(self, s):
        """By LOGOUT or without a word."""
        self.remember(s)
        self.sessions.remove(s)
        if self.rng.random() < 0.5:
            s.run("LOGOUT")
            if not s.bye:
                raise Wrong("LOGOUT without BYE")
        if s.cut():
            raise Wrong("exit status")

    def cache_for(self, s, name):
        """What an earlier session knew of the mailbox, as it still is."""
        if "QRESYNC" not in s.on or name not in self.caches or \
           self.rng.random() < 0.2:
            return None
        box, cache = self.rng.choice(self.caches[name])
        if box is not self.boxes[name]:
            return None
        return cache

    def do_select(self, s):
        self.remember(s)
        name = self.rng.choice(NAMES + [NAMES[0]] * 2)
        if self.rng.random() < 0.05:
            spare = [n for n in SPARE if n not in self.boxes]
            if spare:
                if "NONEXISTENT" not in s.select(spare[0]):
                    raise Wrong("SELECT of none: %s" % s.word)
                return
        cache = self.cache_for(s, name)
        known = None
        if cache and cache[2] and self.rng.random() < 0.5:
            known = set_of(cache[2])
        box = self.boxes[name]
        s.idly = not cache and self.rng.random() < 0.7 and \
            all(m.uid for m in box.msgs)
        s.select(name, self.rng.random() < 0.15, cache, known, s.idly)
        if s.idly:
            self.believe(s, box)
        if "IMAP4rev2" not in s.on and s.unseen != next(
                (i + 1 for i, m in enumerate(box.msgs)
                 if "\\Seen" not in m.flags), None):
            raise Wrong("UNSEEN %s" % s.unseen)
        if s.next < box.next:
            raise Wrong("UIDNEXT %d, was %d" % (s.next, box.next))
        if s.next <= max([0] + [m.uid for m in s.msgs]):
            raise Wrong("UIDNEXT is there already")
        if s.highest < box.highest:
            raise Wrong("HIGHESTMODSEQ %d, was %d" % (s.highest, box.highest))
        self.check(s, False)
        if s.highest < max([0] + [m.modseq for m in s.msgs]):
            raise Wrong("HIGHESTMODSEQ is not the highest")
        box.next = max(box.next, s.next)
        box.highest = max(box.highest, s.highest)

    def believe(self, s, box):
        """As a client whose cache is good, and which asks for nothing: what others do
        from here on it has to be told."""
        if len(s.msgs) != len(box.msgs):
            raise Wrong("EXISTS %d, not %d" % (len(s.msgs), len(box.msgs)))
        for v, m in zip(s.msgs, box.msgs):
            v.uid, v.flags = m.uid, m.flags
            v.recent = None if s.recent else False

    def do_status(self, s):
        name = self.rng.choice(sorted(self.boxes))
        s.run("STATUS %s (%s)" % (name, STATUS))
        got, box = s.stats[name], self.boxes[name]
        want = {
            "MESSAGES": len(box.msgs),
            "UNSEEN": sum("\\Seen" not in m.flags for m in box.msgs),
            "DELETED": sum("\\Deleted" in m.flags for m in box.msgs)}
        if all(m.content.size for m in box.msgs):
            want["SIZE"] = sum(m.content.size for m in box.msgs)
        for item, n in want.items():
            if got[item] != n:
                raise Wrong("STATUS %s: %s is %d, not %d" % (
                    name, item, got[item], n))
        if box.validity not in (None, got["UIDVALIDITY"]):
            raise Wrong("UIDVALIDITY was %d" % box.validity)
        if got["UIDNEXT"] < box.next or got["HIGHESTMODSEQ"] < box.highest:
            raise Wrong("STATUS %s: %s, there were %d %d" % (
                name, got, box.next, box.highest))
        box.validity = got["UIDVALIDITY"]
        box.highest = got["HIGHESTMODSEQ"]

    # --- messages ---

    def pick(self, s):
        """Some messages: views, and the set as a command has it, with UID or not."""
        n = self.rng.choice([1, 1, 2, 3, 8, 1000])
        picked = self.rng.sample(s.msgs, min(n, len(s.msgs)))
        places = [i + 1 for i, m in enumerate(s.msgs) if m in picked]
        views = [s.msgs[i - 1] for i in places]
        if len(picked) == len(s.msgs) and self.rng.random() < 0.5:
            sets = "1:*", "1:*"
        else:
            sets = set_of(places), set_of(v.uid for v in views)
        by_uid = self.rng.random() < 0.5
        return views, sets[by_uid], "UID " if by_uid else ""

    def issue(self, s, views, code):
        """NO is for what went in the meantime."""
        live = self.boxes[s.box].live()
        if s.word == "NO" and (code != ["EXPUNGEISSUED"] or
                               all(v.uid in live for v in views)):
            raise Wrong("NO %s" % code)

    def do_fetch(self, s):
        views, sets, uid = self.pick(s)
        items = self.rng.choice([
            "FLAGS", "(UID FLAGS)", "(FLAGS INTERNALDATE RFC822.SIZE)", "ALL",
            "FULL", "BODYSTRUCTURE", "(UID BODY.PEEK[])", "(UID BODY[])",
            "(UID RFC822.SIZE BODY.PEEK[])", "(BODY.PEEK[] FLAGS)",
            "(UID BODY.PEEK[]<100.200>)", "(UID BODY.PEEK[]<3000.70000>)",
            "(UID BODY.PEEK[HEADER.FIELDS (X-Tally Subject)])",
            "(UID BODY.PEEK[TEXT])", "(UID RFC822)", "(UID BODY[TEXT]<0.10>)",
            "(UID RFC822.HEADER BINARY.PEEK[1] BINARY.SIZE[1])", "MODSEQ"])
        if "MODSEQ" in items:
            s.on.add("CONDSTORE")
        sees = not s.readonly and re.search(r"BODY\[|RFC822\)", items)
        live = self.boxes[s.box].live()
        if sees and any(v.uid in live and v.flags != live[v.uid].flags
                        for v in views):
            # Who believes that it has \Seen does not set it again.
            s.run("NOOP")
            return
        if sees:
            for v in views:
                if v.uid in live:
                    live[v.uid].flags |= {"\\Seen"}
        code = s.run("%sFETCH %s %s" % (uid, sets, items), "OK|NO")
        self.issue(s, views, code)
        places = {id(v): v for v in views if v.uid in live}
        full = re.search(r"BODY\.PEEK\[\]\)|BODY\[\]\)|RFC822\)|\[\] FLAGS",
                         items)
        for _, v, got, _ in s.fetched:
            self.check_items(v, live.get(v.uid), got)
            if not full or any(x in got for x in ("BODY[]", "RFC822")):
                places.pop(id(v), None)
        if places:
            raise Wrong("not fetched: %s" % [v.uid for v in places.values()])

    def check_items(self, v, m, got):
        """The text is what it always was."""
        if not m:
            return
        c = m.content
        for item in ("BODY[]", "RFC822"):
            if item in got:
                c.learn(got[item])
        if "RFC822.SIZE" in got:
            if c.size not in (None, got["RFC822.SIZE"]):
                raise Wrong("UID %d: RFC822.SIZE %d, octets %d" % (
                    v.uid, got["RFC822.SIZE"], c.size))
            c.size = got["RFC822.SIZE"]
        if "INTERNALDATE" in got and m.date and got["INTERNALDATE"] != m.date:
            raise Wrong("UID %d: %s, was %s" % (
                v.uid, got["INTERNALDATE"], m.date))
        m.date = got.get("INTERNALDATE", m.date)
        if c.text is None:
            return
        head, body = re.split("(?<=\r\n)\r\n", c.text, 1)
        want = {"BODY[]<100>": c.text[100:300],
                "BODY[]<3000>": c.text[3000:73000],
                "BODY[TEXT]": body, "BODY[TEXT]<0>": body[:10],
                "BINARY[1]": body, "RFC822.HEADER": head + "\r\n",
                "BODY[HEADER.FIELDS (X-TALLY SUBJECT)]": "".join(
                    re.findall(r"(?mi)^(?:X-Tally|Subject):.*\n", head)) +
                "\r\n"}
        for item, text in got.items():
            text = got[item]
            item = item.upper() if "FIELDS" in item else item
            if item in want and text != want[item]:
                raise Wrong("UID %d %s: %r, not %r" % (
                    v.uid, item, text, want[item]))

    def do_changed(self, s):
        """FETCH (CHANGEDSINCE n)."""
        if "CONDSTORE" not in s.on or not all(v.modseq for v in s.msgs):
            s.run("NOOP")
            return
        before = {id(v): v.modseq for v in s.msgs}
        since = self.rng.choice([v.modseq for v in s.msgs])
        extra = ""
        uid = self.rng.choice(["", "UID "])
        if uid and "QRESYNC" in s.on and self.rng.random() < 0.5:
            extra = " VANISHED"
        s.run("%sFETCH 1:* FLAGS (CHANGEDSINCE %d%s)" % (uid, since, extra),
              "OK|NO")
        live = self.boxes[s.box].live()
        told = {v.uid for _, v, _, _ in s.fetched}
        for v in s.msgs:
            if v.modseq > since and v.uid in live and v.uid not in told:
                raise Wrong("UID %d changed since" % v.uid)
        for _, v, got, _ in s.fetched:
            if got["MODSEQ"] <= since and before.get(id(v)) == got["MODSEQ"]:
                raise Wrong("UID %d did not change since" % v.uid)
        if extra:
            self.check_earlier(s)

    def check_earlier(self, s):
        box = self.boxes[s.box]
        if set(s.earlier) & set(box.live()):
            raise Wrong("VANISHED (EARLIER): still there")
        if s.earlier and max(s.earlier) >= max(box.next, s.next):
            raise Wrong("VANISHED (EARLIER): was never there")

    def do_store(self, s):
        if self.rng.random() < 0.3 and s.msgs:
            # Something for EXPUNGE.
            views, sets, uid = self.pick(s)
            sign, flags = "+", {"\\Deleted"}
        else:
            views, sets, uid = self.pick(s)
            sign = self.rng.choice(["+", "-", ""])
            flags = set(self.rng.sample(FLAGS, self.rng.randrange(4)))
        silent = self.rng.choice(["", ".SILENT"])
        live = self.boxes[s.box].live()
        since, cut = "", None
        if "CONDSTORE" in s.on and self.rng.random() < 0.4 and \
           all(v.modseq for v in s.msgs):
            cut = self.rng.choice([v.modseq for v in s.msgs] + [0])
            since = " (UNCHANGEDSINCE %d)" % cut
        fail = []

        def change(was):
            return was | flags if sign == "+" else \
                was - flags if sign == "-" else frozenset(flags)

        if not s.readonly:
            for v in views:
                m = live.get(v.uid)
                if not m:
                    continue
                if cut is not None and self.modseq(s, m, v) > cut:
                    fail.append(v.uid)
                    continue
                m.flags = change(m.flags)
        numbers = {v.uid: i + 1 for i, v in enumerate(s.msgs)}
        code = s.run("%sSTORE %s%s %sFLAGS%s (%s)" % (
            uid, sets, since, sign, silent, " ".join(flags)), "OK|NO")
        if s.readonly:
            if s.word != "NO":
                raise Wrong("STORE into what is read only")
            return
        self.issue(s, views, code)
        want = [] if not fail else ["MODIFIED", set_of(
            fail if uid else [numbers[u] for u in fail])]
        if code != want and s.word == "OK":
            raise Wrong("%s, not %s" % (code, want))
        told = {v.uid for _, v, got, _ in s.fetched if "FLAGS" in got}
        for v in views:
            if v.uid in told or v.uid in fail:
                continue
            if silent:          # the client knows by itself
                v.flags = change(v.flags)
            elif v.uid in live:
                raise Wrong("UID %d: STORE does not tell" % v.uid)

    def modseq(self, s, m, v):
        """As high as somebody was told; a change that nobody was told of yet is higher
        than all."""
        if m.told is not None and m.flags != m.told:
            return 2 ** 63
        return max(m.modseq, v.modseq)

    def purge(self, s, among=None):
        box = self.boxes[s.box]
        uids = {v.uid for v in s.msgs} if among is None else among
        box.msgs = [m for m in box.msgs if m.uid not in uids or
                    "\\Deleted" not in m.flags]

    def do_expunge(self, s):
        if s.readonly:
            s.run("EXPUNGE", "NO")
        elif self.rng.random() < 0.5:
            self.purge(s)
            s.run("EXPUNGE")
        else:
            views, _, _ = self.pick(s)
            uids = {v.uid for v in views}
            self.purge(s, uids)
            s.run("UID EXPUNGE " + set_of(uids))

    def do_close(self, s):
        if self.rng.random() < 0.5:
            if not s.readonly:
                self.purge(s)
            self.remember(s)
            if s.run("CLOSE")[:1] == ["HIGHESTMODSEQ"]:
                raise Wrong("CLOSE says HIGHESTMODSEQ (RFC 7162 3.2.8)")
        else:
            self.remember(s)
            s.run("UNSELECT")
        s.forget()

    def add(self, box, content, flags, uid, date):
        if uid < box.next:
            raise Wrong("UID %d, UIDNEXT was %d" % (uid, box.next))
        box.next = uid + 1
        box.msgs.append(Message(content, flags, uid, date))

    def settle(self, name):
        """Know the UIDs of what deliver brought before we add something."""
        box = self.boxes[name]
        if any(m.uid is None for m in box.msgs):
            with_new = View(USER, log=self.log)
            with_new.select(name, readonly=True)
            self.check_news(with_new, box)
            box.validity = with_new.validity
            with_new.run("LOGOUT")
            with_new.cut()

    def target(self, s):
        name = self.rng.choice(sorted(self.boxes))
        self.settle(name)
        return self.boxes[name]

    def codes(self, s, code, name, box):
        """The one response code of that name."""
        got = [c for c in s.codes + [code] if c[:1] == [name]]
        if len(got) != 1 or box.validity not in (None, int(got[0][1])):
            raise Wrong("%s: %s" % (name, got))
        return got[0]

    def news(self):
        """A letter with flags and date, as APPEND takes it."""
        content, text = self.letter()
        content.learn(text.replace(b"\n", b"\r\n").decode("latin-1"))
        flags = set(self.rng.sample(FLAGS, self.rng.randrange(4)))
        date, words = None, ""
        if self.rng.random() < 0.7:
            words += " (%s)" % " ".join(flags)
        else:
            flags = set()
        if self.rng.random() < 0.7:
            t = datetime.datetime(2020, 1, 1) + datetime.timedelta(
                seconds=self.rng.randrange(2 * 10 ** 8))
            date = "%2d-%s +0000" % (t.day, t.strftime("%b-%Y %H:%M:%S"))
            words += ' "%s"' % date
        arg = "%s {%d+}\r\n%s" % (words, content.size, content.text.encode(
            "latin-1").decode("utf-8", "surrogateescape"))
        return content, flags, date, arg

    def do_append(self, s):
        box = self.target(s)
        many = [self.news() for _ in range(self.rng.choice([1, 1, 1, 2, 5]))]
        code = s.run("APPEND %s%s" % (box.name, "".join(x[3] for x in many)))
        uids = parse_set(self.codes(s, code, "APPENDUID", box)[2])
        if len(uids) != len(many):
            raise Wrong("APPENDUID %s" % uids)
        for uid, (content, flags, date, _) in zip(uids, many):
            self.add(box, content, flags, uid, date)

    def do_replace(self, s):
        box = self.target(s)
        v = self.rng.choice(s.msgs)
        uid = self.rng.random() < 0.5
        content, flags, date, arg = self.news()
        here = self.boxes[s.box]
        there = v.uid in here.live()
        code = s.run("%sREPLACE %d %s%s" % (
            "UID " if uid else "", v.uid if uid else s.msgs.index(v) + 1,
            box.name, arg), "OK|NO")
        if s.readonly:
            if s.word == "OK":
                raise Wrong("REPLACE in what is read only")
            return
        got = [c for c in s.codes + [code] if c[:1] == ["APPENDUID"]]
        if s.word == "OK" or got:
            self.add(box, content, flags, int(got[0][2]), date)
            here.msgs = [m for m in here.msgs if m.uid != v.uid]
        elif there:
            raise Wrong("REPLACE: NO %s" % code)

    def do_copy(self, s):
        views, sets, uid = self.pick(s)
        move = self.rng.random() < 0.5
        here, box = self.boxes[s.box], self.target(s)
        live = here.live()
        code = s.run("%s%s %s %s" % (uid, "MOVE" if move else "COPY", sets,
                                     box.name), "OK|NO")
        if move and s.readonly:
            if s.word == "OK":
                raise Wrong("MOVE out of what is read only")
            return
        self.issue(s, views, code)
        there = [v.uid for v in views if v.uid in live]
        if s.word == "NO":
            if any(c[:1] == ["COPYUID"] for c in s.codes + [code]):
                raise Wrong("COPY: NO, and COPYUID")
            return
        if not there:
            return
        got = self.codes(s, code, "COPYUID", box)
        if parse_set(got[2]) != there:
            raise Wrong("COPYUID %s, not %s" % (got, there))
        uids = parse_set(got[3])
        if len(uids) != len(there):
            raise Wrong("COPYUID %s" % got)
        for old, new in zip(there, uids):
            m = live[old]
            self.add(box, m.content, m.flags, new, m.date)
        if move:
            here.msgs = [m for m in here.msgs if m.uid not in there]

    def do_search(self, s):
        """One question, and what the answer would be before the command and
        after it: both are right."""
        word = self.rng.choice(WORDS)
        places = {id(v): i + 1 for i, v in enumerate(s.msgs)}
        views, sets, _ = self.pick(s)
        picked = {v.uid for v in views}
        letters = {m.uid: m.content.name for m in self.boxes[s.box].msgs}
        name = self.rng.choice(sorted(letters.values()) + ["m1"])
        named = {u for u, x in letters.items() if x.startswith(name)}
        key, test = self.rng.choice([
            ("ALL", lambda v, f: True),
            ("SEEN", lambda v, f: "\\Seen" in f),
            ("UNSEEN", lambda v, f: "\\Seen" not in f),
            ("NOT DELETED", lambda v, f: "\\Deleted" not in f),
            ("OR FLAGGED DRAFT", lambda v, f: f & {"\\Flagged", "\\Draft"}),
            ("KEYWORD " + word, lambda v, f: word in f),
            ("ANSWERED UNKEYWORD " + word,
             lambda v, f: "\\Answered" in f and word not in f),
            ('SUBJECT "letter %s"' % name, lambda v, f: v.uid in named),
            ('BODY "end of %s"' % name, lambda v, f: v.uid in named),
            ("UID " + set_of(picked), lambda v, f: v.uid in picked),
            ("UNDELETED UID " + set_of(picked),
             lambda v, f: v.uid in picked and "\\Deleted" not in f)])
        uid = self.rng.choice(["", "UID "])
        back = self.rng.choice(["", "RETURN (ALL COUNT) ", "RETURN () ",
                                "RETURN (MIN MAX COUNT ALL) "])
        before = {v.uid: v.flags for v in s.msgs}
        s.run("%sSEARCH %s%s" % (uid, back, key))
        live = self.boxes[s.box].live()
        found = s.found
        if found is None or bool(found["UID"]) != bool(uid) and back:
            raise Wrong("SEARCH says %s" % found)
        got = set(found.get("ALL", []))
        if got and (back or "IMAP4rev2" in s.on) and (
                "COUNT" in found and found["COUNT"] != len(got) or
                "MIN" in found and found["MIN"] != min(got) or
                "MAX" in found and found["MAX"] != max(got)):
            raise Wrong("ESEARCH %s" % found)
        for v in views + s.msgs:
            if id(v) not in places or v.uid not in live:
                continue
            right = {bool(test(v, before[v.uid])),
                     bool(test(v, live[v.uid].flags))}
            n = v.uid if uid else places[id(v)]
            if (n in got) not in right:
                raise Wrong("SEARCH %s: %d in %s?" % (key, n, sorted(got)))
        known = set(before) if uid else set(places.values())
        if not got <= known:
            raise Wrong("SEARCH finds %s of %s" % (got - known, known))

    def do_saved(self, s):
        """$ of RFC 5182."""
        word = self.rng.choice(WORDS)
        s.run("NOOP")
        self.check(s)
        s.run("UID SEARCH RETURN (SAVE) FLAGGED")
        want = [m.uid for m in self.boxes[s.box].msgs if "\\Flagged" in m.flags]
        s.run("UID STORE $ +FLAGS (%s)" % word, "OK|NO")
        if s.word == "OK":
            live = self.boxes[s.box].live()
            for u in want:
                live[u].flags |= {word}
        elif not s.readonly:
            raise Wrong("STORE $")

    def do_bad(self, s):
        """Numbers that are none."""
        n = len(s.msgs)
        s.run(self.rng.choice([
            "FETCH %d FLAGS" % (n + 1), "STORE 1:%d +FLAGS (a)" % (n + 1),
            "COPY %d INBOX" % (n + 2), "FETCH 0 FLAGS",
            "FETCH 4294967297 FLAGS"]), "BAD")
        s.command = "FETCH"

    def do_small(self, s):
        s.run(self.rng.choice(["NOOP", "NOOP", "CHECK", "CAPABILITY"]))

    def do_deliver(self, s):
        content, text = self.letter()
        subprocess.run(DELIVER + ["-f", "jo@x.test", USER], input=text,
                       check=True)
        self.boxes["INBOX"].msgs.append(Message(content))

    def do_spare(self, s):
        """Mailboxes that nobody has open come and go."""
        mine = [n for n in SPARE if n in self.boxes]
        free = [n for n in SPARE if n not in self.boxes]
        what = self.rng.random()
        if free and what < 0.4:
            s.run("CREATE " + free[0])
            self.boxes[free[0]] = Mailbox(free[0])
        elif mine and free and what < 0.8:
            s.run("RENAME %s %s" % (mine[0], free[0]))
            box = self.boxes[free[0]] = self.boxes.pop(mine[0])
            box.name = free[0]
            # Its UIDs are its own; whether others had that name is another
            # matter (RFC 9051 6.3.6).
        elif mine:
            s.run("DELETE " + mine[0])
            del self.boxes[mine[0]]
            self.caches.pop(mine[0], None)
        if s.box:
            self.check(s)
        if mine:
            s.run("CREATE " + mine[-1], "OK|NO")
            if s.word == "OK":
                self.boxes.setdefault(mine[-1], Mailbox(mine[-1]))
        s.run('LIST "" *')
        if set(s.listed) != set(self.boxes):
            raise Wrong("LIST %s" % s.listed)

    # --- steps ---

    def step(self):
        rng = self.rng
        if len(self.sessions) < SESSIONS:
            self.connect()
        s = rng.choice(self.sessions)
        if getattr(s, "idly", False) and rng.random() < 0.6:
            s = rng.choice(self.sessions)   # the others first
        s.idly = False
        self.at = s.name
        if getattr(s, "idling", False):
            s.idle_end()
            s.idling = False
            what = "idle"
        elif rng.random() < 0.03:
            self.leave(s)
            return
        elif not s.box:
            what = rng.choice(["select", "select", "select", "status",
                               "append", "deliver", "spare"])
            getattr(self, "do_" + what)(s)
        elif rng.random() < 0.06:
            s.idle_begin()
            s.idling = True
            return
        else:
            what = self.what(s)
            getattr(self, "do_" + what)(s)
        self.count[what] = self.count.get(what, 0) + 1
        if s.box and what not in ("select", "deliver"):
            self.check(s)
            if len(s.msgs) > len(self.boxes[s.box].msgs) or rng.random() < 0.1:
                self.remember(s)        # as if it were cut off now

    def what(self, s):
        """Which command next."""
        few = ["select", "status", "append", "append", "deliver", "small",
               "small", "close", "spare"]
        if not s.msgs:
            return self.rng.choice(few)
        more = ["fetch"] * 6 + ["store"] * 8 + ["copy", "copy", "replace",
                                              "search", "search", "saved",
                                              "changed", "changed", "bad"]
        n = max(map(len, (b.msgs for b in self.boxes.values())))
        if n > MANY:
            few += ["expunge"] * 8
            more = [x for x in more if x not in ("copy", "append")]
        return self.rng.choice(few + more + ["expunge"] * 2)

    def rest(self):
        """Everybody looks; then new sessions and the files must agree."""
        for s in self.sessions:
            if getattr(s, "idling", False):
                s.idle_end()
                s.idling = False
                self.check(s) if s.box else None
            s.run("NOOP")
            if s.box:
                self.check(s, False)
        for name in sorted(self.boxes):
            s = View(USER, log=self.log)
            if "CONDSTORE" not in s.on:
                s.run("ENABLE CONDSTORE")
            s.select(name)
            self.sessions.append(s)
            try:
                self.check(s, False)
                if s.msgs:
                    s.run("FETCH 1:* (UID BODY.PEEK[] RFC822.SIZE INTERNALDATE)")
                live = self.boxes[name].live()
                for _, v, got, _ in s.fetched:
                    self.check_items(v, live[v.uid], got)
                if len(s.fetched) < len(s.msgs):
                    raise Wrong("not all were fetched")
                s.run("CHECK")
                look = look_maildir if os.path.isdir(BOX) else look_mbox
                look(self.boxes[name])
            finally:
                self.sessions.remove(s)
            s.run("LOGOUT")
            s.cut()


def parse_set(text):
    got = []
    for part in text.split(","):
        lo, _, hi = part.partition(":")
        got += range(int(lo), int(hi or lo) + 1)
    return got


# --- the files ---

def look_mbox(box):
    """What every other program sees."""
    path = BOX if box.name == "INBOX" else os.path.join(FOLDERS, box.name)
    texts = tally.read(path)
    if len(texts) != len(box.msgs):
        raise Wrong("%s has %d messages, not %d" % (
            path, len(texts), len(box.msgs)))
    for text, m in zip(texts, box.msgs):
        name = tally.check(text)
        head = text.split(b"\n\n", 1)[0].decode("latin-1")
        field = dict(re.findall(r"(?m)^(Status|X-Status|X-Keywords|X-UID): *(.*)",
                                head))
        letters = field.get("Status", "") + field.get("X-Status", "")
        flags = set(field.get("X-Keywords", "").split())
        for c, flag in zip("RAFDT", ("\\Seen", "\\Answered", "\\Flagged",
                                     "\\Deleted", "\\Draft")):
            if c in letters:
                flags.add(flag)
        if name != m.content.name or flags != m.flags or \
           field.get("X-UID", "").strip() != str(m.uid):
            raise Wrong("%s has %s %s %s, not UID %d %s %s" % (
                path, name, field, flags, m.uid, m.content.name,
                set(m.flags)))


def look_maildir(box):
    """The same for a Maildir: flags and Dovecot's keywords in the names."""
    path = BOX if box.name == "INBOX" else os.path.join(BOX, "." + box.name)
    want = sorted((m.content.name, sorted(m.flags)) for m in box.msgs)
    words = {}
    try:
        with open(os.path.join(path, "dovecot-keywords")) as f:
            for line in f:
                n, _, word = line.strip().partition(" ")
                words[chr(ord("a") + int(n))] = word
    except FileNotFoundError:
        pass
    system = dict(zip("SRFTD", ("\\Seen", "\\Answered", "\\Flagged",
                                "\\Deleted", "\\Draft")))
    got = []
    for where in ("new", "cur"):
        for name in os.listdir(os.path.join(path, where)):
            with open(os.path.join(path, where, name), "rb") as f:
                text = f.read()
            letters = name.partition(":2,")[2]
            got.append((tally.check(text), sorted(
                {**words, **system}.get(c, c) for c in letters)))
    if sorted(got) != want:
        diff = [x for x in got if x not in want], \
            [x for x in want if x not in got]
        raise Wrong("%s: there are %s, not %s" % (path, *diff))


def main():
    end = time.monotonic() + float(sys.argv[1])
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(10 ** 6)
    steps = int(sys.argv[3]) if len(sys.argv) > 3 else 10 ** 9
    model = Model(seed)
    n, s = 0, None
    try:
        s = model.connect()
        for name in NAMES[1:]:
            s.run("CREATE " + name)
        while n < steps and time.monotonic() < end:
            n += 1
            model.step()
            if n % REST == 0:
                model.rest()
        model.rest()
    except (Wrong, tally.Torn, AssertionError, OSError, LookupError,
            subprocess.CalledProcessError) as e:
        print("\n".join(x[:600] for x in model.log[-SHOWN:]))
        for s in model.sessions:
            print("session %s has %s%s, with %s" % (
                s.name, s.box, ", read only" if s.readonly else "",
                " ".join(sorted(s.on)) or "nothing"))
        print("seed %d, step %d, session %s: %s" % (
            seed, n, model.at, str(e)[:2000]))
        if not isinstance(e, Wrong):
            raise
        sys.exit(1)
    print("seed %d: %d steps: %s" % (seed, n, " ".join(
        "%s %d" % x for x in sorted(model.count.items()))))


main()
