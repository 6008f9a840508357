"""crowd - many scripted hosts (peer.py) at once.

    crowd.py FILE

Each line of FILE holds the arguments of one, parted by tabs.
"""
import os
import runpy
import sys

PEER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "peer.py")
for line in open(sys.argv[1], encoding="utf-8"):
    if os.fork() == 0:
        sys.argv = [PEER] + line.rstrip("\n").split("\t")
        runpy.run_path(PEER)
os.wait()
