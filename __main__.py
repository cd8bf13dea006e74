"""``python -m backlot``: the same as the command ``backlot``."""

import sys

from .backend.cli import main

sys.exit(main())
