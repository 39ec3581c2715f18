# Claim: a program of its own finds no package of the jail's either
# Value: 1
import os
import subprocess
import sys

paths = os.pathsep.join(path for path in sys.path if path)
subprocess.run([sys.executable, "-c", "import preftree.environment"], env=os.environ | {"PYTHONPATH": paths}).returncode
