"""Three shots with everything a renderer knows of them, and three looks as truth; made on demand by Blender as a module.

    folder = shots.ensure("figure")            # a capture: shared.frames.read_transforms reads it
    folder = shots.ensure("figure", "toon")    # the same frames in a look: look_0001.png ...

Shots: ``figure`` (a creature with a mane turns by 100 degrees), ``yard`` (the camera moves past pillars: parallax, disocclusion) and
``cloth`` (a banner and a pillar bend under a light that moves and changes its colour). 36 frames of 320 x 180, Cycles, 16 samples.

Each frame is a ``color_####.exr`` and a ``geometry_####.exr`` as the add-on's capture writes them (1 sample, no motion blur, no
denoising), the latter with two layers more: ``DiffCol`` (albedo) and ``Rest`` (where the surface point was in frame 1, scene units).
The looks are rendered from the same geometry with 64 samples, so that they are truth and not noise: ``toon`` (flat tones), ``hatched``
(lines in object space that thicken in the shade) and ``painted`` (dabs in object space).
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import subprocess
from pathlib import Path

from .._blender import blender_python

ROOT = Path(__file__).resolve().parents[3]
HERE = Path(__file__).resolve().parent
SHOTS = ("figure", "yard", "cloth")
LOOKS = ("toon", "hatched", "painted")
FRAMES = 36
SIZE = (320, 180)
"""Width and height in pixels."""
CACHE = ROOT / ".cache" / "shots"


def digest() -> str:
    """Changes with the scripts, so that old renders are not taken for new ones."""
    parts = [path.read_bytes() for path in sorted(HERE.glob("*.py"))]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:12]


def folder_of(shot: str, look: str = "") -> Path:
    """Where a shot or one of its looks is kept."""
    return CACHE / digest() / (f"{shot}_{look}" if look else shot)


def ensure(shot: str, look: str = "", threads: int = 0) -> Path:
    """The folder of a shot (or of a look of it), rendered now unless it is there; ``threads`` 0 takes all cores."""
    if shot not in SHOTS or (look and look not in LOOKS):
        message = f"no shot {shot!r} or no look {look!r}: see {SHOTS} and {LOOKS}"
        raise ValueError(message)
    folder = folder_of(shot, look)
    if not folder.exists():
        # Under a name of its own until it is whole: another process may be rendering the same.
        part = folder.with_name(f"{folder.name}.{os.getpid()}")
        command = [str(blender_python()), "-m", f"{__package__}.render", shot, str(part), "--threads", str(threads)]
        subprocess.run(command + (["--look", look] if look else []), check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
        with contextlib.suppress(OSError):
            part.rename(folder)
    return folder
