"""``system.echo``."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...shared.values import Image
from ..context import Context


def run(inputs: Mapping[str, Any], parameters: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """Gives the image back, negated if asked to: sign of floats, all bits of integers."""
    end = time.monotonic() + parameters["seconds"]
    while (left := end - time.monotonic()) > 0:
        context.progress(1 - left / parameters["seconds"], "waiting")
        time.sleep(min(0.05, left))
    image: Image | None = inputs.get("image")
    if image is None:
        return {}
    if not parameters["negate"]:
        return {"image": image}
    pixels = image.pixels
    bits = pixels.view(f"u{pixels.dtype.itemsize}")
    flipped = np.bitwise_xor(bits, 1 << (bits.dtype.itemsize * 8 - 1)) if pixels.dtype.kind == "f" else ~bits
    return {"image": Image(flipped.view(pixels.dtype), image.color_space)}
