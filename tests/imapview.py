"""imapview - an IMAP session that takes down what its client may believe.

View is an imap.Imap whose every answer is read by the letter of the grammar
(RFC 9051 9, RFC 3501 9, RFC 7162 7).  What the mailbox looks like follows from
untagged responses alone; what cannot be true, or must not be said now, is Wrong.
"""
import re
import select

import imap

SYSTEM = {"\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "\\Draft"}
STILL = {"FETCH", "STORE", "SEARCH", "SORT", "THREAD"}  # RFC 9051 7.5.1
MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
DATE = re.compile(r'"[ \d]\d-(%s)-\d{4} \d\d:\d\d:\d\d [+-]\d{4}"' %
                  "|".join(MONTHS))
TEXT = re.compile(r"[^\r\n\0]+")
ATOM = re.compile(r'[^\x00-\x20\x7f-\xff(){%*"\\\]]+')
FLAG = re.compile(r'\\?[^\x00-\x20\x7f-\xff(){%*"\\\]]+')
ITEM = re.compile(r"[A-Z0-9.]+(\[[^\]]*\])?(<\d+>)?")


class Wrong(Exception):
    """What a server must not say."""


class Seen:
    """A message as the client knows it."""

    def __init__(self):
        self.uid = self.flags = None
        self.modseq = 0
        self.recent = False


class Log(list):
    """What was said, in one or in several sessions."""

    sessions = 0

    def join(self):
        self.sessions += 1
        return "%d" % self.sessions

    def tell(self, name, who, text):
        self.append("%s %s: %s" % (name, who, repr(text)[1:-1][:1500]))
        del self[:-5000]


class Reader:
    """One response, a byte for each character."""

    def __init__(self, text):
        self.text, self.at = text, 0

    def wrong(self, what):
        raise Wrong("%s at %d of %r" % (what, self.at, self.text[:2000]))

    def peek(self):
        return self.text[self.at:self.at + 1]

    def skip(self, word):
        """Is it next?  Then step over it."""
        if not self.text.startswith(word, self.at):
            return False
        self.at += len(word)
        return True

    def need(self, word):
        if not self.skip(word):
            self.wrong("no %r" % word)

    def match(self, regex):
        m = re.compile(regex).match(self.text, self.at) \
            if isinstance(regex, str) else regex.match(self.text, self.at)
        if not m:
            self.wrong("no %s" % (regex,))
        self.at = m.end()
        return m[0]

    def number(self, least=0, most=2 ** 32 - 1):
        n = self.match(r"0|[1-9]\d*")
        if not least <= int(n) <= most:
            self.wrong("number out of range")
        return int(n)

    def uids(self):
        """A set without *, as a list in order."""
        got = []
        while True:
            lo = self.number(1)
            hi = self.number(1) if self.skip(":") else lo
            got += range(min(lo, hi), max(lo, hi) + 1)
            if not self.skip(","):
                break
        return got

    def string(self):
        """quoted or literal"""
        if self.skip('"'):
            got = self.match(r'([^"\\\r\n\0]|\\["\\])*')
            self.need('"')
            return re.sub(r"\\(.)", r"\1", got)
        self.need("{")
        n = self.number(0, 2 ** 63 - 1)
        self.need("}\r\n")
        if self.at + n > len(self.text):
            self.wrong("literal too short")
        got = self.text[self.at:self.at + n]
        if "\0" in got:
            self.wrong("NUL")
        self.at += n
        return got

    def nstring(self):
        return None if self.skip("NIL") else self.string()

    def value(self):
        """Anything."""
        if self.peek() == "(":
            return self.list(self.value)
        if self.peek() in '"{':
            return self.string()
        return self.match(FLAG)

    def list(self, one):
        self.need("(")
        got = []
        while not self.skip(")"):
            if got:
                # body lies beside body in a multipart (RFC 9051 9)
                if not (self.peek() == "(" and isinstance(got[-1], list)):
                    self.need(" ")
            got.append(one())
        return got

    def flags(self):
        got = self.list(lambda: self.match(FLAG))
        if len({x.lower() for x in got}) != len(got):
            self.wrong("a flag twice")
        return set(got)

    def end(self):
        if self.at != len(self.text):
            self.wrong("more than that")


class View(imap.Imap):
    """A session and what its client believes."""

    def __init__(self, user="alice", addr=None, secret=None, log=None):
        self.log = Log() if log is None else log
        self.name = self.log.join()
        self.on = set()
        self.validity = None
        self.forget()
        super().__init__(user, addr)
        if not re.match(r"\* (PREAUTH|OK) ", self.greeting or ""):
            raise Wrong("greeting %r" % self.greeting)
        if secret:
            self.run("LOGIN %s %s" % (user, secret))

    def forget(self):
        """Nothing is selected."""
        self.box = None
        self.readonly = True
        self.cache = None       # while QRESYNC brings it up to date
        self.msgs = []
        self.names = set()      # of flags, as FLAGS said
        self.recent = self.unseen = None
        self.highest = self.next = 0

    # --- what comes ---

    def number(self, r, n):
        if not 1 <= n <= len(self.msgs):
            r.wrong("there is no message %d of %d" % (n, len(self.msgs)))
        return self.msgs[n - 1]

    def learn_uid(self, r, n, uid):
        m = self.msgs[n - 1]
        if m.uid is not None:
            if m.uid != uid:
                r.wrong("%d was UID %d" % (n, m.uid))
            return
        m.uid = uid
        if n > 1 and self.msgs[n - 2].uid and self.msgs[n - 2].uid >= uid or \
           n < len(self.msgs) and self.msgs[n].uid and \
           self.msgs[n].uid <= uid:
            r.wrong("UIDs do not ascend")
        if self.cache is not None and uid in self.cache:
            m.flags, m.modseq = self.cache[uid]
            m.recent = None

    def fetch_item(self, r, n, got):
        name = r.match(ITEM)
        r.need(" ")
        if name in got:
            r.wrong("%s twice" % name)
        if name == "FLAGS":
            got[name] = r.flags()
        elif name == "UID":
            got[name] = r.number(1)
        elif name == "MODSEQ":
            r.need("(")
            got[name] = r.number(1, 2 ** 63 - 1)
            r.need(")")
        elif name == "RFC822.SIZE" or name.startswith("BINARY.SIZE["):
            got[name] = r.number(0, 2 ** 63 - 1)
        elif name == "INTERNALDATE":
            got[name] = r.match(DATE).strip('"')
        elif name in ("ENVELOPE", "BODYSTRUCTURE", "BODY"):
            got[name] = r.value()
        elif re.match(r"BODY\[|BINARY\[|RFC822", name):
            got[name] = r.nstring()
        elif name in ("EMAILID", "THREADID", "SAVEDATE", "PREVIEW"):
            got[name] = None if r.skip("NIL") else r.value()
        else:
            r.wrong("unknown item %s" % name)

    def fetch(self, r, n):
        m = self.number(r, n)
        got = {}
        r.need("(")
        while True:
            self.fetch_item(r, n, got)
            if not r.skip(" "):
                break
        r.need(")")
        if "CONDSTORE" in self.on and self.command != "FETCH" and \
           not {"UID", "MODSEQ"} <= set(got):
            r.wrong("no UID or no MODSEQ (RFC 7162 3.2.4)")
        if "UID" in got:
            self.learn_uid(r, n, got["UID"])
        before = m.modseq
        if "MODSEQ" in got:
            if got["MODSEQ"] < m.modseq:
                r.wrong("MODSEQ was %d" % m.modseq)
            m.modseq = got["MODSEQ"]
            self.seen_modseq = max(self.seen_modseq, m.modseq)
        if "FLAGS" in got:
            flags = got["FLAGS"]
            m.recent = "\\Recent" in flags
            m.flags = frozenset(flags - {"\\Recent"})
            if not m.flags <= self.names | SYSTEM:
                r.wrong("FLAGS did not name all of them")
        self.fetched.append((n, m, got, before))

    def gone(self, r, places):
        """Messages at these places went."""
        if self.command in STILL and not self.by_uid:
            r.wrong("numbers change in the answer to %s" % self.command)
        for i in places:
            m = self.msgs.pop(i)
            self.went.append(m)
            if m.flags is None or m.recent is None:
                self.recent = None      # who knows whether it was
            elif self.recent is not None and m.recent:
                self.recent -= 1

    def vanished(self, r):
        if "QRESYNC" not in self.on:
            r.wrong("VANISHED without QRESYNC")
        if r.skip("(EARLIER) "):
            self.earlier += r.uids()
            if self.cache is not None:
                for uid in self.earlier:
                    self.cache.pop(uid, None)
            elif self.command != "FETCH":
                r.wrong("EARLIER now")
            return
        uids = set(r.uids())
        places = [i for i, m in enumerate(self.msgs) if m.uid in uids]
        for uid in uids - {self.msgs[i].uid for i in places}:
            places.append(self.unknown(r, uid, places))
        self.gone(r, sorted(places, reverse=True))

    def unknown(self, r, uid, places):
        """The place of one whose UID was not told yet."""
        end = len(self.msgs)
        for i, m in enumerate(self.msgs):
            if m.uid is not None and m.uid > uid:
                end = i
                break
        for i in reversed(range(end)):
            if self.msgs[i].uid is not None and self.msgs[i].uid < uid:
                break
            if self.msgs[i].uid is None and i not in places:
                return i
        return r.wrong("UID %d, which there was not, vanishes" % uid)

    def numbered(self, r):
        n = r.number()
        r.need(" ")
        if r.skip("EXISTS"):
            if n < len(self.msgs):
                r.wrong("EXISTS was %d" % len(self.msgs))
            self.msgs += [Seen() for _ in range(n - len(self.msgs))]
        elif r.skip("RECENT"):
            if n > len(self.msgs):
                r.wrong("more RECENT than EXISTS")
            self.recent = n
        elif r.skip("EXPUNGE"):
            if "QRESYNC" in self.on:
                r.wrong("EXPUNGE, with QRESYNC on")
            self.number(r, n)
            self.gone(r, [n - 1])
        else:
            r.need("FETCH ")
            self.fetch(r, n)

    def code(self, r):
        """[SP "[" code "]"] of resp-text: its words."""
        if not r.skip("["):
            r.match(TEXT)
            return []
        code = r.match(r"[^\]]+")
        r.need("] ")
        r.match(TEXT)
        c = code.split(" ")
        if c[0] == "HIGHESTMODSEQ":
            self.said_highest = int(c[1])
        elif c[0] == "UNSEEN":
            self.unseen = int(c[1])
        elif c[0] == "UIDNEXT":
            self.next = int(c[1])
        elif c[0] == "UIDVALIDITY":
            self.validity = int(c[1])
        elif c[0] == "CLOSED":
            cache = self.cache
            self.forget()
            self.cache = cache
        return c

    def esearch(self, r):
        got = {}
        if not r.skip('(TAG "t%d")' % self.n):
            r.wrong("not our tag")
        got["UID"] = r.skip(" UID")
        while r.skip(" "):
            name = r.match("[A-Z]+")
            r.need(" ")
            if name == "ALL":
                got[name] = r.uids()
            elif name == "MODSEQ":
                got[name] = r.number(1, 2 ** 63 - 1)
            else:
                got[name] = r.number(0 if name == "COUNT" else 1)
        self.found = got

    def status(self, r):
        name = r.value()
        r.need(" (")
        got = {}
        while not r.skip(")"):
            if got:
                r.need(" ")
            item = r.match("[A-Z]+")
            r.need(" ")
            got[item] = r.match(r"\([^)]*\)") if item == "MAILBOXID" else \
                r.number(0, 2 ** 63 - 1)
        self.stats[name] = got

    def untagged(self, text):
        r = Reader(text)
        r.need("* ")
        if r.peek().isdigit():
            self.numbered(r)
        elif r.skip("VANISHED "):
            self.vanished(r)
        elif r.skip("FLAGS "):
            self.names = r.flags()
        elif r.skip("SEARCH"):
            got = []
            while r.skip(" "):
                if r.skip("(MODSEQ "):
                    r.number(1, 2 ** 63 - 1)
                    r.need(")")
                    break
                got.append(r.number(1))
            self.found = {"ALL": got, "UID": self.by_uid}
        elif r.skip("ESEARCH "):
            self.esearch(r)
        elif r.skip("STATUS "):
            self.status(r)
        elif r.skip("LIST "):
            flags = r.flags()
            r.need(" ")
            r.nstring()
            r.need(" ")
            self.listed[r.value()] = flags
            r.match(r"( \(.*\))?")
        elif r.skip("ENABLED"):
            while r.skip(" "):
                self.on.add(r.match(ATOM))
            if "QRESYNC" in self.on:
                self.on.add("CONDSTORE")
        elif r.skip("BYE "):
            self.bye = text
            r.match(TEXT)
        elif r.skip("CAPABILITY ") or r.skip("ID "):
            r.match(TEXT)
        else:
            r.match("(OK|NO|BAD) ")
            self.codes.append(self.code(r))
        r.end()

    # --- what goes ---

    def begin(self, command):
        """What a command's answer may bring starts empty."""
        words = command.split()
        self.by_uid = words[0].upper() == "UID"
        self.command = words[1 if self.by_uid else 0].upper()
        self.fetched, self.went, self.earlier, self.codes = [], [], [], []
        self.found = self.bye = self.said_highest = None
        self.seen_modseq = 0
        self.stats, self.listed = {}, {}

    def quiet(self):
        """Nothing may come while no command runs."""
        if self.buf or select.select([self.sock], [], [], 0)[0]:
            self.more(0)
            raise Wrong("unasked: %r" % self.buf[:500])

    def take(self, line):
        text = line.encode("utf-8", "surrogateescape").decode("latin-1")
        self.log.tell(self.name, "S", text)
        self.untagged(text)

    def finish(self, tag):
        """Read on to the tagged answer: its word and the code's words."""
        while True:
            line = self.line()
            if line is None:
                raise Wrong("closed: %s" % (self.bye,))
            if not line.startswith(tag + " "):
                if line.startswith("* "):
                    self.take(line)
                    continue
                raise Wrong("neither tagged nor not: %r" % line[:500])
            self.log.tell(self.name, "S", line)
            r = Reader(line[len(tag) + 1:])
            word = r.match("OK|NO|BAD")
            r.need(" ")
            code = self.code(r)
            r.end()
            break
        if self.said_highest is not None:       # RFC 7162 6
            self.highest = self.said_highest
        else:
            self.highest = max(self.highest, self.seen_modseq)
        return word, code

    def run(self, command, want="OK"):
        """A command to its end: the code's words.  want: OK, or a regular
        expression for others."""
        self.quiet()
        self.begin(command)
        self.log.tell(self.name, "C", command[:300])
        word, code = self.finish(self.tell(command))
        self.word = word
        if self.bye and self.command != "LOGOUT":
            raise Wrong(self.bye)
        if not re.fullmatch(want, word):
            raise Wrong("%r: %s %s" % (command[:200], word, code))
        return code

    def idle_begin(self):
        self.quiet()
        self.begin("IDLE")
        self.log.tell(self.name, "C", "IDLE")
        self.idle_tag = self.tell("IDLE")
        while True:
            line = self.line()
            if line is None:
                raise Wrong("closed in IDLE")
            if line.startswith("+ "):
                break
            self.take(line)

    def idle_end(self):
        self.log.tell(self.name, "C", "DONE")
        self.put("DONE\r\n")
        self.finish(self.idle_tag)

    # --- a mailbox ---

    def select(self, box, readonly=False, cache=None, known=None, plain=False):
        """Open it and learn all that there is, but when plain.  cache: (validity,
        modseq, {uid: (flags, modseq)}) of an earlier visit."""
        command = "EXAMINE" if readonly else "SELECT"
        extra = ""
        if cache:
            extra = " (QRESYNC (%d %d%s))" % (
                cache[0], cache[1], known and " " + known or "")
        was = self.box
        if not was:
            self.forget()
        self.cache = dict(cache[2]) if cache else None
        self.unseen = None
        code = self.run("%s %s%s" % (command, box, extra), "OK|NO")
        if was and ["CLOSED"] not in self.codes:
            raise Wrong("SELECT did not say CLOSED")
        if self.word == "NO":
            self.forget()
            return code
        self.box, self.readonly = box, code == ["READ-ONLY"]
        if self.readonly != readonly:
            raise Wrong("%s says %s" % (command, code))
        if cache and self.validity == cache[0]:
            self.use_cache(known)
        self.cache = None
        if not plain:
            told = self.fetched
            self.learn()
            if self.fetched is not told:
                self.fetched = told + self.fetched
        return code

    def use_cache(self, known):
        """RFC 7162 6: where the numbers are not told, they follow from the UIDs."""
        told = {m.uid: m for m in self.msgs if m.uid}
        uids = sorted(set(self.cache) | set(told))
        if len(uids) > len(self.msgs) or \
           not known and len(uids) != len(self.msgs):
            raise Wrong("QRESYNC left UIDs %s for %d messages" %
                        (uids, len(self.msgs)))
        if len(uids) == len(self.msgs):
            for m, uid in zip(self.msgs, uids):
                if m.uid not in (None, uid):
                    raise Wrong("QRESYNC: UID %d is at the place of %d" %
                                (m.uid, uid))
                m.uid = uid
                if m.flags is None:
                    m.flags, m.modseq = self.cache[uid]
                    m.recent = None     # the cache cannot know

    def learn(self):
        """Ask for what is not known of messages."""
        new = [i + 1 for i, m in enumerate(self.msgs)
               if m.uid is None or m.flags is None]
        if new:
            items = "UID FLAGS MODSEQ" if "CONDSTORE" in self.on else \
                "UID FLAGS"
            # The last seems to be the best: others may follow.
            self.run("FETCH %d:%d (%s)" % (new[0], new[-1], items), "OK|NO")

    def remember(self):
        """What select() takes as cache."""
        return (self.validity, self.highest,
                {m.uid: (m.flags, m.modseq) for m in self.msgs})

    def uids(self):
        return [m.uid for m in self.msgs]


def set_of(numbers):
    """A sequence set."""
    out, v = [], sorted(numbers)
    while v:
        k = 1
        while k < len(v) and v[k] == v[0] + k:
            k += 1
        out.append("%d" % v[0] if k == 1 else "%d:%d" % (v[0], v[k - 1]))
        v = v[k:]
    return ",".join(out)
