"""Five style pictures of our own, painted by numbers: ``gouache``, ``ink``, ``woodcut``, ``watercolour``, ``mosaic``.

    .venv/bin/python -m benchmarks.scenes.styles.paint

paints them again, byte for byte. They are made by the scripts in this folder from no other picture, and given to the public domain (CC0).
"""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).resolve().parent
STYLES = ("gouache", "ink", "woodcut", "watercolour", "mosaic")


def path_of(style: str) -> Path:
    """The picture's file."""
    return FOLDER / f"{style}.png"
