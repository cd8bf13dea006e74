"""Whatever holds pictures with cameras, recognised: a capture, a COLMAP model, a rectified stereo pair."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from .capture_index import FILE, capture_file
from .colmap import read_colmap
from .colmap_model import find_model, is_model_file
from .errors import InputError
from .file_lookup import files_by_key
from .frames import read_transforms
from .object_names import read_names
from .stereo import CALIBRATION, PAIRS, SUFFIXES, Calibration, find_calibration, find_pair, read_stereo
from .values import SceneFrame, Tracks

EXPECTED = (
    "a capture (transforms.json), a COLMAP model (cameras, images and points3D as .bin or .txt) or a rectified pair (im0, im1, calib.txt)"
)


@dataclasses.dataclass(frozen=True)
class Source:
    """What was read.

    Attributes:
        kind: ``transforms``, ``colmap`` or ``stereo``.
        frames: In order.
        tracks: Solved points and where they were seen, or None.
        objects: Names of objects and the ids that the channel ``object_id`` has for them.
    """

    kind: str
    frames: list[SceneFrame]
    tracks: Tracks | None = None
    objects: dict[str, int] = dataclasses.field(default_factory=dict)

    @property
    def has_depth(self) -> bool:
        """Whether any frame knows its depth."""
        return any("depth" in frame.channels for frame in self.frames)


def read_source(
    path: str | Path, *, images: str | Path | None = None, right: str | Path | None = None, calibration: str | Path | None = None,
    focal: float = 0.0, baseline: float = 0.0, whole: bool = False,
) -> Source:  # fmt: skip
    """Reads a source of frames.

    Args:
        path: A folder, a ``transforms.json``, a file of a COLMAP model, or the left picture of a pair.
        images: Folder of the pictures of a COLMAP model, if it is not near.
        right: The right picture, if ``path`` is the left one.
        calibration: ``calib.txt`` of the pair, if it is not next to it.
        focal: Instead of a calibration: focal length of the pair in pixels; the principal point is the centre.
        baseline: Goes with ``focal``: distance of the cameras in scene units.
        whole: Whether a frame of a capture whose files are missing is an error; else it is left out and noted.

    Raises:
        InputError: Nothing of the sort, or something wrong in it; see the readers.
    """
    path = Path(path)
    if not path.exists():
        raise InputError(expected=f"{EXPECTED} at {path}", got="nothing there")
    if right is not None or calibration is not None or focal or baseline:
        return _stereo(path, right, calibration, focal, baseline)
    if path.is_file() and path.suffix.lower() in SUFFIXES:
        raise InputError(expected=EXPECTED, got=f"one picture, {path.name}", fix="Give the other picture of the pair with --right")
    folder = path if path.is_dir() else path.parent
    if images is None and (path.suffix.lower() == ".json" or (path.is_dir() and FILE in dict(files_by_key(path)))):
        return _capture(path, whole)
    if path.is_dir() and find_pair(path) and find_calibration(path):
        return _stereo(path, None, None, 0.0, 0.0)
    named = path.is_file() and is_model_file(path.name)
    if images is not None or named or (path.is_dir() and find_model(path)):
        frames, tracks = read_colmap(folder, images)
        return Source("colmap", frames, tracks if len(tracks.points) else None)
    if path.is_dir() and find_pair(path):
        fix = f"Put a {CALIBRATION} next to the pictures, or give --focal (pixels) and --baseline (scene units)"
        raise InputError(expected="a calibration of the stereo pair", got=f"only the pictures in {path}", fix=fix)
    if path.is_dir() and capture_file(path):  # another name, which says less than the files of the others
        return _capture(path, whole)
    inside = ", ".join(sorted(p.name for p in path.iterdir())[:6]) or "an empty folder" if path.is_dir() else f"the file {path.name}"
    raise InputError(expected=f"{EXPECTED} in {folder}", got=inside, fix="Give the folder of a capture, or of what COLMAP wrote")


def _capture(path: Path, whole: bool) -> Source:
    return Source("transforms", read_transforms(path, whole=whole), None, read_names(path if path.is_dir() else path.parent))


def _stereo(path: Path, right: str | Path | None, calibration: str | Path | None, focal: float, baseline: float) -> Source:
    if path.is_dir():
        found = find_pair(path)
        if found is None:
            usual = " or ".join(f"{a} and {b}" for a, b in PAIRS[1:3])
            raise InputError(expected=f"a left and a right picture in {path}, named {usual}", got="none", fix="Give the two pictures")
        path, right = found[0], right or found[1]
    if right is None:
        raise InputError(expected="the right picture of the pair", got=f"only {path.name}", fix="Give it with --right")
    if focal or baseline:
        if calibration is not None:
            raise InputError(expected="a calibration file or a focal length and baseline", got="both", fix="Leave one of them out")
        if not (focal > 0 and baseline > 0):
            raise InputError(
                expected="a focal length in pixels and a baseline in scene units, both above 0", got=f"{focal:g} and {baseline:g}"
            )
        return Source("stereo", read_stereo(path, right, Calibration(focal, None, None, baseline)))
    chosen = Path(calibration) if calibration is not None else find_calibration(path.parent) or path.parent / CALIBRATION
    if not chosen.is_file():
        fix = "Give --calib, or --focal (pixels) and --baseline (scene units)"
        raise InputError(expected=f"a calibration of the pair at {chosen}", got="no such file", fix=fix)
    return Source("stereo", read_stereo(path, right, chosen))
