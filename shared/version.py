"""The one position where version numbers are written down."""

__version__ = "0.1.0"
"""Version of Backlot (add-on and backend are released together)."""

PROTOCOL_VERSION = (1, 4)
"""Version of the wire protocol: a new major breaks, a new minor adds. See docs/PROTOCOL.md."""
