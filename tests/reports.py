"""reports - the delivery reports among the letters of an mbox.

    reports.py MBOX

One line for each recipient: ADDRESS|ACTION|STATUS|REMOTE-MTA|DIAGNOSTIC.  What
every report must have (RFC 3462, RFC 3464, RFC 3834) is checked: who lacks it
gets an exception.
"""
import email
import mailbox
import sys
from email import policy


def groups(part):
    """The groups of fields of a status part, RFC 6533's too."""
    if part.get_content_type() == "message/delivery-status":
        return part.get_payload()
    text = part.as_bytes(policy=policy.SMTPUTF8).replace(b"\r\n", b"\n")
    text = text.split(b"\n\n", 1)[1].strip()
    return [email.message_from_bytes(g, policy=policy.default)
            for g in text.split(b"\n\n")]


def report(m):
    assert m["Return-Path"] in ("<>", "<MAILER-DAEMON>"), m["Return-Path"]
    assert m["Auto-Submitted"] == "auto-replied", m["Auto-Submitted"]
    for name in ("From", "To", "Date", "Message-ID", "Subject"):
        assert len(m.get_all(name, [])) == 1, name
    parts = list(m.iter_parts())
    assert len(parts) == 3, [p.get_content_type() for p in parts]
    assert parts[0].get_content_type() == "text/plain"
    human = parts[0].get_content()
    assert parts[2].get_content_type() in (
        "message/rfc822", "message/global", "text/rfc822-headers",
        "message/global-headers"), parts[2].get_content_type()
    back = parts[2].as_bytes(policy=policy.SMTPUTF8)
    assert b"Subject: " in back.split(b"\n\n", 1)[-1] or b"Subject: " in back
    about, *rcpts = groups(parts[1])
    assert about["Reporting-MTA"].startswith("dns; "), about.as_string()
    assert about["Arrival-Date"], about.as_string()
    for r in rcpts:
        address = r["Final-Recipient"].split(";", 1)[1].strip()
        assert address in human, (address, human)
        print("|".join([
            address, r["Action"], r["Status"],
            (r["Remote-MTA"] or "").replace("dns;", "").strip(),
            " ".join((r["Diagnostic-Code"] or "").split())]))
    assert not m.defects and not any(p.defects for p in m.walk())


box = mailbox.mbox(sys.argv[1], create=False)
for key in sorted(box.keys()):
    letter = email.message_from_bytes(box.get_bytes(key), policy=policy.default)
    if letter.get_content_type() == "multipart/report":
        report(letter)
