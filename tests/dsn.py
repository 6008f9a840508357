# dsn - the fields of the N-th letter in an mbox as a delivery report, one a line.
import email
import mailbox
import sys
from email import policy

box = mailbox.mbox(sys.argv[1], create=False)
raw = box.get_bytes(sorted(box.keys())[int(sys.argv[2]) - 1])
m = email.message_from_bytes(raw, policy=policy.default)
print("Return-Path:", m["Return-Path"])
print("Type:", m.get_content_type(), m.get_param("report-type"))
for part in m.iter_parts():
    print("Part:", part.get_content_type())
    if part.get_content_type().endswith("delivery-status"):
        for group in part.get_payload():
            for name, value in group.items():
                print("%s: %s" % (name, value))
