"""mboxuser - python's mailbox.mbox at work on an mbox that others use too.

    mboxuser.py MBOX add NAME...	append these letters (tally.py)
    mboxuser.py MBOX thin N		delete every N-th, by a new file in the
					place of the old one; print their names
"""
import mailbox
import os
import random
import sys
import time

import tally

PATIENCE = 60


def size(name):
    """Of the letter of that name: some are of a few bytes, some of many."""
    return random.Random("size " + name).choice(
        [50, 600, 600, 3000, 9000, 20000])


def open_locked(path):
    """The mailbox of the file that has the path once it is locked."""
    end = time.time() + PATIENCE
    while True:
        box = mailbox.mbox(path, create=False)
        try:
            box.lock()
            if os.fstat(box._file.fileno()).st_ino == os.stat(path).st_ino:
                return box
            box.unlock()
        except (mailbox.ExternalClashError, FileNotFoundError):
            if time.time() > end:
                raise
        box.close()
        time.sleep(random.uniform(0.005, 0.03))


def main():
    """One command under one lock."""
    box = open_locked(sys.argv[1])
    gone = []
    if sys.argv[2] == "add":
        for name in sys.argv[3:]:
            box.add(tally.letter(name, size(name)))
    else:
        for key in list(box.keys())[::int(sys.argv[3])]:
            gone.append(tally.check(box.get_bytes(key)))
            box.remove(key)
    try:
        box.flush()
    except mailbox.ExternalClashError:
        pass	# the new file is there, and somebody has locked it already
    box.unlock()
    print("\n".join(gone))


if __name__ == "__main__":
    main()
