"""letters - an mbox for the visitors of Roundcube, to stdout.

    The first three are a thread; "gross" has an attachment with all octets.
"""
import sys
from email.message import EmailMessage

ATTACHED = bytes(range(256)) * 40
SENT = "Sat, 21 Nov 2026 10:%02d:00 +0000"


def letter(n, subject, text, parent=None):
    m = EmailMessage()
    m["Date"] = SENT % n
    m["From"] = "Jo <jo@x.test>"
    m["To"] = "bob@a.test"
    m["Message-ID"] = "<%d@x.test>" % n
    m["Subject"] = subject
    if parent:
        m["References"] = m["In-Reply-To"] = "<%d@x.test>" % parent
    m.set_content(text)
    return m


def letters():
    yield letter(1, "mittel", "un\n" + "ligne\n" * 200)
    yield letter(2, "Re: mittel", "deux\n", 1)
    yield letter(3, "Re: mittel", "trois\n", 2)
    big = letter(4, "gross", "Das ist der Text.\n")
    big.add_alternative("<p>Das ist der <b>Text</b>.</p>\n", subtype="html")
    big.add_attachment(ATTACHED, "application", "octet-stream",
                       filename="Datei für alle.bin")
    yield big
    yield letter(5, "Über den Wolken", "Hier ist nichts.\n")
    yield letter(6, "anders", "Die Bäckerei hat geöffnet.\n")


if __name__ == "__main__":
    for m in letters():
        sys.stdout.buffer.write(b"From jo@x.test Sat Nov 21 10:00:00 2026\n" +
                                m.as_bytes() + b"\n")
