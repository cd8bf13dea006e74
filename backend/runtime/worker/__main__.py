"""``python -m backlot.backend.runtime.worker``: started by the supervisor, which sends the setup as one JSON line on stdin."""

import json
import sys

from .process import main

sys.exit(main(json.loads(sys.stdin.buffer.readline())))
