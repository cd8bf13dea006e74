"""JPEG files without an end marker, which transfers lose: whether anything else is lost."""

from __future__ import annotations

import numpy as np

END = b"\xff\xd9"
_SCAN, _COEFFICIENTS = 0xDA, 64
_FRAMES = (0xC0, 0xC1, 0xC2, 0xC3, 0xC9, 0xCA, 0xCB)
"""Second bytes of the markers that describe the picture."""


def lacks_end(data: np.ndarray) -> bool:
    """Whether a JPEG has no end marker. With one in its place, the decoder says whether the scan before it is whole."""
    if data[:2].tobytes() != b"\xff\xd8" or data[-2:].tobytes() == END:
        return False
    at = 2
    while at + 4 <= data.size and data[at] == 0xFF and data[at + 1] != _SCAN:  # a thumbnail in the header has an end of its own
        at += 1 if data[at + 1] == 0xFF else 2 + int.from_bytes(data[at + 2 : at + 4].tobytes(), "big")
    return END not in data[at:].tobytes()


def has_every_scan(data: bytes) -> bool:
    """Whether all bits of all coefficients are in some scan: a progressive JPEG that ends between two looks whole to the decoder."""
    missing: set[tuple[int, int]] = set()
    at = 2
    while at + 4 <= len(data):
        if data[at] != 0xFF or data[at + 1] in (0, 0xFF) or 0xD0 <= data[at + 1] <= 0xD8:  # compressed bytes
            at = data.find(b"\xff", at + (1 if data[at] != 0xFF or data[at + 1] == 0xFF else 2))
            if at < 0:
                break
            continue
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        segment = data[at + 4 : at + 2 + length]
        if marker in _FRAMES and len(segment) > 5 and len(segment) >= 6 + 3 * segment[5]:
            missing = {(segment[6 + 3 * n], k) for n in range(segment[5]) for k in range(_COEFFICIENTS)}
        elif marker == _SCAN and segment and len(segment) >= 4 + 2 * segment[0]:
            components = [segment[1 + 2 * n] for n in range(segment[0])]
            first, last, bits = segment[1 + 2 * segment[0] :][:3]
            if bits & 15 == 0:
                missing -= {(component, k) for component in components for k in range(first, last + 1)}
        at += 2 + length
    return not missing
