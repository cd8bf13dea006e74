"""EbSynth (Jamriška et al., 2019; public domain) as a peer: a keyframe's paint brought to a frame by patches that agree with guides.

It is a program of its own, ``ebsynth`` from https://github.com/jamriska/ebsynth, which whoever runs the comparison builds and names. It
gets what our renders know: colour, the exact position of each pixel in the keyframe, normals and objects. Colour weighs as in Ezsynth, its
most used front end; position weighs 30 and not 2, with which it does 1.3 dB worse on hatching (its vectors are not exact, ours are).
"""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

import numpy as np
from scipy.ndimage import distance_transform_edt

from ..backend.core.color import to_srgb
from ..backend.io.frames.shot import Shot
from ..backend.io.reading import decode
from ..backend.io.writing import encode
from ..backend.style.keyframes.features import camera_normal
from ..backend.style.keyframes.shot import color_of
from ..backend.style.keyframes.tracking import Tracker
from ..shared.values import EncodedFile, Image

WEIGHTS = {"color": 6.0, "position": 30.0, "normal": 1.0, "object": 1.0}


def _bytes(values: np.ndarray) -> np.ndarray:
    return np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8)


def _passes(shot: Shot, number: int) -> dict[str, np.ndarray]:
    """Guides that a frame has of itself, ``(H, W, 3)`` uint8."""
    frame = shot[number]
    guides = {"color": _bytes(to_srgb(np.maximum(color_of(frame), 0)))}
    normal = camera_normal(frame)
    if normal is not None:
        guides["normal"] = _bytes(0.5 + 0.5 * normal)
    if frame.object_id is not None:
        colors = np.random.default_rng(0).integers(0, 256, (256, 3), np.uint8)
        guides["object"] = colors[frame.object_id % 256]
    return guides


def _positions(at: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Positions ``(H, W, 2)``, column and row, as colours; what is not seen has that of the nearest pixel that is."""
    rows, columns = distance_transform_edt(seen == 0, return_distances=False, return_indices=True)
    height, width = seen.shape
    filled = at[rows, columns] / (width, height)
    return _bytes(np.concatenate([filled, np.zeros_like(filled[..., :1])], -1))


def bring(program: Path, tracker: Tracker, number: int, key: int, paint: np.ndarray) -> np.ndarray:
    """The paint ``(H, W, 3)`` uint8 of keyframe ``key``, brought to frame ``number``: ``(H, W, 3)`` float32 in 0..1, display-encoded."""
    source, target = _passes(tracker.shot, key), _passes(tracker.shot, number)
    for guides, frame in ((source, key), (target, number)):
        places = tracker.places(frame, key)
        guides["position"] = _positions(places.at, places.seen)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)

        def written(stem: str, pixels: np.ndarray) -> str:
            path = folder / f"{stem}.png"
            path.write_bytes(encode(Image(np.ascontiguousarray(pixels)), "png"))
            return str(path)

        command = [str(program), "-style", written("style", paint)]
        for guide, weight in WEIGHTS.items():
            if guide in source:
                pair = written(f"{guide}_source", source[guide]), written(f"{guide}_target", target[guide])
                command += ["-guide", *pair, "-weight", str(weight)]
        output = folder / "output.png"
        subprocess.run([*command, "-output", str(output)], check=True, stdout=subprocess.DEVNULL)
        return decode(EncodedFile.read(output)).pixels[..., :3].astype(np.float32) / 255
