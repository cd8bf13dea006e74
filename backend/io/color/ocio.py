"""The artist's OpenColorIO config: from any of its colour spaces to scene-linear Rec.709, in which Backlot works.

The config is the file that the environment variable OCIO names, as in every other program, or one that is given; without either it is
OpenImageIO's built-in one (the ACES studio config).
"""

from __future__ import annotations

import difflib
import functools
import os

import numpy as np
import OpenImageIO as oiio  # noqa: N813 -- the name its own documentation uses

from ....shared.errors import InputError
from .encoding import LINEAR, SRGB, Encoding

BUILT_IN = "ocio://default"
_USUAL = {"srgb_rec709_scene": SRGB, "lin_rec709_scene": LINEAR}
_LINEAR_REC709 = ("lin_rec709_scene", "lin_rec709", "Linear Rec.709 (sRGB)", "Linear Rec.709", "lin_srgb", "Linear sRGB", "Linear BT.709",
                  "Utility - Linear - Rec.709", "Utility - Linear - sRGB", "lin_rec709_srgb")  # fmt: skip
"""What configs call it: the ACES configs and their aliases, Blender's, older ACES ones, the colour interop forum's."""
_BLENDER = {
    "Linear DCI-P3 D65": "Linear P3-D65", "Linear CIE-XYZ D65": "CIE XYZ-D65 - Scene-referred", "Display P3": "sRGB Encoded P3-D65",
    "Rec.1886": "Gamma 2.4 Encoded Rec.709",
}  # fmt: skip
"""Names of Blender's own config that the ACES configs have others for."""
_INTERCHANGE = "aces_interchange"
"""The role of ACES2065-1, which every config of OCIO 2.1 or later has to have for exchange with others."""
_AP0_TO_REC709 = np.array([
    [2.52168619, -1.13413099, -0.38755520],
    [-0.27647991, 1.37271909, -0.09623917],
    [-0.01537806, -0.15297534, 1.16835340],
])  # fmt: skip
"""ACES2065-1 to linear Rec.709, adapted from D60 to D65 by Bradford's method (ACES TB-2014-004 and ITU-R BT.709 primaries)."""


def to_scene_linear(pixels: np.ndarray, space: str, config: str = "") -> np.ndarray:
    """Takes pixels of a named colour space to scene-linear Rec.709.

    Args:
        pixels: ``(H, W, 3 or 4)`` float; a fourth channel is straight alpha and stays.
        space: A colour space, alias or role of the config.
        config: Path of a config; OCIO's, else the built-in one, if left out.

    Returns:
        float32, same shape.

    Raises:
        InputError: Unreadable config, unknown name, or a config in which linear Rec.709 cannot be found.
    """
    if pixels.ndim != 3 or pixels.shape[2] not in (3, 4):
        raise InputError(expected="colour with 3 or 4 channels", got=str(pixels.shape))
    path = _path(config)
    opened = _open(path)
    name = _find(opened, space, path)
    linear, matrix = _linear(opened, path)
    values = _apply(np.ascontiguousarray(pixels[..., :3], np.float32), name, linear, path)
    if matrix is not None:
        values = (values @ matrix.T.astype(np.float32)).astype(np.float32)
    return np.concatenate([values, pixels[..., 3:].astype(np.float32)], axis=2)


@functools.lru_cache(maxsize=32)
def _encoding(space: str, path: str, _changed: int) -> Encoding:
    return Encoding(space, convert=lambda pixels: to_scene_linear(pixels, space, path))


def encoding(space: str, config: str = "") -> Encoding:
    """A space of a config as an encoding; see ``to_scene_linear``.

    Raises:
        InputError: Unreadable config or unknown name.
    """
    path = _path(config)
    _find(_open(path), space, path)
    return _encoding(space, path, 0 if path.startswith("ocio://") else os.stat(path).st_mtime_ns)


def interop_encoding(name: str) -> Encoding | None:
    """The encoding of a name by which files state their colours, of OpenImageIO or the colour interop forum; None if it is unknown.

    Args:
        name: Such as ``lin_ap1_scene`` or ``g22_adobergb_scene``.
    """
    if name in _USUAL or not name:
        return _USUAL.get(name)
    if name.lower() not in _known(_open(BUILT_IN)):
        return None
    return encoding(name, BUILT_IN)


def file_rule(name: str) -> str:
    """The space that a file rule of the artist's own config gives a file's name; empty without a config, or by the default rule only.

    Raises:
        InputError: The config is unreadable.
    """
    if not os.environ.get("OCIO", ""):
        return ""
    config = _open(_path(""))
    if config.filepathOnlyMatchesDefaultRule(name):
        return ""
    return str(config.getColorSpaceFromFilepath(name))


def is_data(space: str) -> bool:
    """Whether a space of the artist's config is no colour."""
    config = _open(_path(""))
    return hasattr(config, "isData") and bool(config.isData(space))  # since OpenImageIO 3.1


def _apply(values: np.ndarray, source: str, target: str, path: str) -> np.ndarray:
    if source == target:
        return values
    buffer = oiio.ImageBufAlgo.colorconvert(oiio.ImageBuf(values), source, target, False, "", "", path)
    if buffer.has_error:
        raise InputError(expected=f"a way from {source} to {target} in {path}", got=buffer.geterror().strip()[:200])
    return np.asarray(buffer.get_pixels(oiio.FLOAT), np.float32).reshape(values.shape)


def _path(config: str) -> str:
    return config or os.environ.get("OCIO", "") or BUILT_IN


def _open(path: str) -> oiio.ColorConfig:
    if path.startswith("ocio://"):
        return _read(path, 0)
    try:
        return _read(path, os.stat(path).st_mtime_ns)
    except OSError as error:
        fix = "Set the environment variable OCIO to a config's path, or unset it"
        raise InputError(expected=f"an OpenColorIO config at {path}", got=error.strerror or "none", fix=fix) from error


@functools.lru_cache(maxsize=8)
def _read(path: str, _changed: int) -> oiio.ColorConfig:
    opened = oiio.ColorConfig(path)
    error = opened.geterror()  # OpenImageIO goes on with a config of its own, which would give wrong colours in silence
    if error or opened.configname() == "built-in":
        raise InputError(expected=f"an OpenColorIO config at {path}", got=(error or "something else").strip()[:200], fix="Check the file")
    return opened


def _known(config: oiio.ColorConfig) -> dict[str, str]:
    """Every name that means a colour space, in lower case, with the space's own."""
    known = {role.lower(): config.getColorSpaceNameByRole(role) for role in config.getRoles()}
    for name in config.getColorSpaceNames():
        known |= {alias.lower(): name for alias in config.getAliases(name)}
    return known | {name.lower(): name for name in config.getColorSpaceNames()}


def _find(config: oiio.ColorConfig, space: str, path: str) -> str:
    known = _known(config)
    if space.lower() in known:
        return known[space.lower()]
    if (meant := str(config.resolve(space))) in config.getColorSpaceNames():  # what everybody says, such as sRGB
        return meant
    if (usual := _BLENDER.get(space, "")).lower() in known:
        return known[usual.lower()]
    near = difflib.get_close_matches(space.lower(), known, 3, 0.4)
    names = dict.fromkeys(known[name] for name in near) or dict.fromkeys(list(config.getColorSpaceNames())[:8])
    raise InputError(expected=f"a colour space of the config {path}", got=repr(space)[:80], fix=f"It has, among others: {', '.join(names)}")


def _linear(config: oiio.ColorConfig, path: str) -> tuple[str, np.ndarray | None]:
    """A space of the config and the matrix from it to linear Rec.709, or None where it is that."""
    known = _known(config)
    for name in _LINEAR_REC709:
        if name.lower() in known:
            return known[name.lower()], None
    if _INTERCHANGE in known:
        return known[_INTERCHANGE], _AP0_TO_REC709
    fix = f"Add the role {_INTERCHANGE} to the config"
    raise InputError(expected=f"linear Rec.709, or the role {_INTERCHANGE}, in the config {path}", got="neither", fix=fix)
