"""`python -m preftree` is `preftree`."""

import sys

from preftree.cli import main

sys.exit(main())
