"""``system.echo``."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from ....shared.values import Image
from ...core.context import Context


def run(inputs: Mapping[str, Any], parameters: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """Gives the image back, negated if asked to: sign of floats, all bits of integers; before that as often as asked.

    Frames and files come back as they are on disk, without being read.
    """
    image: Image | None = inputs.get("image")
    end = time.monotonic() + parameters["seconds"]
    count = 1 + max((index for name, index in context.emitted if name == "image" and index is not None), default=-1)
    wanted = parameters["emit"] if image is not None else 0
    while (left := end - time.monotonic()) > 0 or count < wanted:
        fraction = 1 - max(0.0, left) / parameters["seconds"] if parameters["seconds"] else 1.0
        if count < wanted and fraction * wanted >= count:
            context.emit("image", image, count)
            count += 1
        context.progress(fraction, "waiting")
        time.sleep(max(0.0, min(0.05, left)))
    outputs = {name: inputs[name] for name in ("images", "files", "mesh") if name in inputs}
    if "frames" in inputs:
        outputs["frames"] = [frame.channels["color"] for frame in inputs["frames"] if "color" in frame.channels]
    if "tracks" in inputs:
        outputs["tracks"] = {"points": len(inputs["tracks"].points), "observations": len(inputs["tracks"].frames)}
    if image is None:
        return outputs
    if not parameters["negate"]:
        return {"image": image, **outputs}
    pixels = image.pixels
    bits = pixels.view(f"u{pixels.dtype.itemsize}")
    flipped = np.bitwise_xor(bits, 1 << (bits.dtype.itemsize * 8 - 1)) if pixels.dtype.kind == "f" else ~bits
    return {**outputs, "image": Image(flipped.view(pixels.dtype), image.color_space)}
