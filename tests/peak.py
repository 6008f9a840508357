# peak - run a command; fail when a process of it took more than so many kB of
# memory.  The sanitizers' own memory is not counted against anybody.
import os
import resource
import subprocess
import sys

rc = subprocess.run(sys.argv[2:]).returncode
kb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
if kb > int(sys.argv[1]) and "asan" not in os.environ.get("FACTEUR_BIN", ""):
    sys.exit("%s: %d kB" % (sys.argv[2], kb))
sys.exit(rc)
