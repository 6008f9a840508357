"""visit - what a user of Roundcube does, and what must be on the screen then.

    visit.py DIR URL WHAT...	a visit, as bob, with files in DIR
"""
import os
import sys
import time

from browser import PATIENCE, Browser
from letters import ATTACHED

# The subjects that the list shows, from above.
SHOWN = ("Array.from(document.querySelectorAll("
         "'#messagelist tbody tr td.subject span.subject'))"
         ".filter(e => e.offsetParent !== null)"
         ".map(e => e.textContent.trim())")
# No answer of the server's is awaited.
IDLE = "return !rcmail.busy && !$.active"
ALL = ["anders", "Über den Wolken", "gross", "Re: mittel", "Re: mittel",
       "mittel"]


class Visit:
    """bob, logged in."""

    def __init__(self, place, url):
        self.place = place
        self.url = url
        self.b = Browser(place)

    def login(self):
        self.b.open(self.url)
        self.b.type("#rcmloginuser", "bob")
        self.b.type("#rcmloginpwd", "secret")
        self.b.click("#rcmloginsubmit")
        self.shows(ALL)

    def logout(self):
        self.b.js("rcmail.command('switch-task', 'logout')")
        self.b.find("#rcmloginuser")

    def shows(self, subjects):
        """The list has come, and it is that."""
        end = time.monotonic() + PATIENCE
        while (got := self.b.soon(
                IDLE + " && [%s]" % SHOWN)[0]) != subjects:
            assert time.monotonic() < end, (got, "not", subjects)
            time.sleep(0.05)

    def select(self, subject):
        """Click on that letter in the list; it is shown beside it."""
        row = self.b.soon(
            "for (const e of document.querySelectorAll('#messagelist tr'))"
            " if (e.querySelector('span.subject a')?.textContent.trim() =="
            " arguments[0]) return e.id; return null", subject)
        self.b.click("#%s span.date" % row)
        # A command is lost while the letter is still on its way.
        self.b.soon("const w = document.querySelector('#messagecontframe')"
                    ".contentWindow; " + IDLE +
                    " && w.document.readyState == 'complete'"
                    " && w.rcmail?.env.uid == rcmail.get_single_uid()"
                    " && document.querySelector('#' + arguments[0] +"
                    " '.selected:not(.unread)')", row)
        return row

    def folder(self, name):
        """Click on that folder."""
        self.b.click("#mailboxlist a[rel='%s']" % name)
        self.b.soon(IDLE + " && rcmail.env.mailbox == arguments[0]",
                    name)

    def command(self, *words):
        """What a button or a menu would do, once it may be used."""
        self.b.soon(IDLE + " && rcmail.commands[arguments[0]]",
                    words[0])
        self.b.js("rcmail.command(...arguments)", *words)


# --- the visits ---

def lists(v):
    """As it comes, and by what it is sorted."""
    v.b.js("rcmail.set_list_options(null, 'subject', 'ASC', 0)")
    v.shows(["anders", "gross", "mittel", "Re: mittel", "Re: mittel",
             "Über den Wolken"])
    v.b.js("rcmail.set_list_options(null, 'size', 'DESC', 0)")
    v.shows(["gross", "mittel", "Re: mittel", "Re: mittel",
             "Über den Wolken", "anders"])
    v.b.js("rcmail.set_list_options(null, 'date', 'ASC', 1)")
    v.command("expand-all")
    v.shows(["mittel", "Re: mittel", "Re: mittel", "gross",
             "Über den Wolken", "anders"])
    depth = v.b.js("return Object.values(rcmail.message_list.rows)"
                   ".map(r => r.depth || 0).sort()")
    assert depth == [0, 0, 0, 0, 1, 2], depth
    v.b.js("rcmail.set_list_options(null, '', 'DESC', 0)")
    v.shows(ALL)


def reads(v):
    v.select("gross")
    v.b.frame("#messagecontframe")
    assert v.b.soon("return document.querySelector('#messagebody b')"
                    "?.textContent") == "Text"
    v.b.click("#attachment-list a.filename")
    v.b.frame()
    path = os.path.join(v.place, "down", "Datei für alle.bin")
    end = time.monotonic() + PATIENCE
    while not os.path.exists(path):
        assert time.monotonic() < end, os.listdir(os.path.dirname(path))
        time.sleep(0.05)
    with open(path, "rb") as f:
        assert f.read() == ATTACHED


def search(v, text, where, found):
    v.b.js("rcmail.set_searchmods({[arguments[0]]: 1})", where)
    v.b.type("#mailsearchform", "\ue009a\ue000" + text + "\ue007")
    v.shows(found)
    v.command("reset-search")
    v.shows(ALL)


def searches(v):
    search(v, "wolken", "subject", ["Über den Wolken"])
    search(v, "über", "subject", ["Über den Wolken"])
    search(v, "bäckerei", "body", ["anders"])
    search(v, "nirgends", "text", [])


def flags(v):
    row = v.select("Über den Wolken")
    v.b.js("document.getElementById('flagicn' + arguments[0]).click()", row)
    v.b.soon(IDLE + " && document.querySelector("
             "'#' + arguments[0] + '.flagged')", row)
    v.select("mittel")
    v.command("mark", "unread")
    v.b.soon(IDLE + " && document.querySelectorAll("
             "'#messagelist tr.unread').length == 5")


def deletes(v):
    left = list(ALL)
    left.remove("gross")    # it was moved
    v.b.open(v.url + "?_task=mail&_mbox=INBOX")
    v.shows(left)
    for name in "anders", "mittel":
        v.select(name)
        v.command("delete")
        left.remove(name)
        v.shows(left)
    v.folder("Trash")
    v.shows(["mittel", "anders"])
    v.select("anders")
    v.command("delete")
    v.shows(["mittel"])
    v.command("purge")
    v.b.click(".ui-dialog button.delete")
    v.shows([])
    v.folder("INBOX")
    v.shows(left)


def folders(v):
    name = "B&APw-cher tok"
    v.b.open(v.url + "?_task=settings&_action=folders")
    v.command("create-folder")
    v.b.frame("#preferences-frame")
    v.b.type("#_name", "Bücher tok")
    v.b.click("button.submit")
    v.b.frame()
    v.b.soon("return Array.from(document.querySelectorAll("
             "'#subscription-table li a'))"
             ".some(e => e.textContent == 'Bücher tok')")
    v.b.open(v.url + "?_task=mail")
    v.shows(ALL)
    v.select("gross")
    v.command("move", name)
    v.shows(ALL[:2] + ALL[3:])
    v.folder(name)
    v.shows(["gross"])


def writes(v):
    v.b.open(v.url + "?_task=mail&_action=compose")
    v.b.type(".recipient-input input", "kim@a.test,")
    v.b.type("#compose-subject", "Grüße")
    v.b.type("#composebody", "Ein schöner Tag.")
    v.command("savedraft")
    v.b.soon(IDLE + " && rcmail.env.draft_id")
    v.b.click("button.send")
    v.b.soon("return rcmail.env.action == '' && rcmail.env.mailbox")
    for name, found in ("Drafts", []), ("Sent", ["Grüße"]):
        v.b.open(v.url + "?_task=mail&_mbox=" + name)
        v.shows(found)


VISITS = {f.__name__: f
          for f in (flags, lists, searches, reads, folders, writes, deletes)}


def main():
    v = Visit(*sys.argv[1:3])
    try:
        v.login()
        for name in sys.argv[3:]:
            VISITS[name](v)
        v.logout()
    except (AssertionError, RuntimeError):
        print(v.b.js("return document.body.innerText"))
        raise
    finally:
        v.b.end()


if __name__ == "__main__":
    main()
