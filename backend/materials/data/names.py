"""Which map of which material a file is, known from its name, as libraries and painting programs name them."""

from __future__ import annotations

import dataclasses
import re
from pathlib import PurePath

SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".exr", ".hdr", ".tga", ".bmp", ".webp", ".gif", ".psd")
"""Files that are taken for pictures."""

_WORDS = {
    "base_color": "basecolor basecolour albedo diffuse diffusecolor diff color colour col alb",
    "normal": "normal normals normalmap nor nrm norm normalgl normalopengl norgl nrmgl",
    "normal_dx": "normaldx normaldirectx nordx nrmdx",
    "height": "height heightmap disp displacement bump",
    "roughness": "roughness rough rgh",
    "gloss": "gloss glossiness glossy",
    "metallic": "metallic metalness metal",
    "packed": "arm orm",
    "ignored": "ao occlusion ambientocclusion specular spec speclevel opacity alpha mask emission emissive cavity curvature translucency "
    "subsurface id idmap preview thumb thumbnail render sphere arnold",
}
KINDS = {word: kind for kind, words in _WORDS.items() for word in words.split()}
"""Kind of map by the last words of a file's name, in small letters and joined."""

_PLAIN_WORDS = ("metal", "rough", "color", "colour", "col", "bump", "norm", "sphere", "mask")
"""Words that also end the name of a plain photograph, such as ``rusty_metal.jpg``."""
_RESOLUTION = re.compile(r"\d+k|128|256|512|1024|2048|4096|8192|16384|\d+x\d+|\d+bit|\d+px|jpe?g|png|exr|tiff?|lod\d|hires|lowres")
_TOKEN = re.compile(r"\d+[kK](?![a-zA-Z])|\d+x\d+|\d+bit|\d+px|\d+|[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^\W\d_a-zA-Z]+")
_PLAIN_FOLDERS = ("textures", "texture", "maps", "tex", "images", "source", "materials", "library")


@dataclasses.dataclass(frozen=True)
class MapName:
    """What a file's name says.

    Attributes:
        material: What is left of the name, as written; may be empty (``color.png`` in a folder of its own).
        kind: One of ``KINDS``' values, or ``""`` for a name without any of these words.
        could_be_photo: Whether the word might as well belong to the name of a plain photograph.
    """

    material: str
    kind: str
    could_be_photo: bool = False


def parse_name(stem: str) -> MapName:
    """Reads a file's name without its suffix: ``Bricks059_1K-JPG_NormalGL`` is the ``normal`` map of ``Bricks059``."""
    tokens = list(_TOKEN.finditer(stem))
    end = len(tokens)
    while end and _RESOLUTION.fullmatch(tokens[end - 1].group().lower()):
        end -= 1
    for count in (3, 2, 1):
        if end < count:
            continue
        word = "".join(token.group().lower() for token in tokens[end - count : end])
        if word in KINDS:
            rest = end - count
            # The 512 of Bricks512 is part of the name; a tag stands alone.
            while rest and _RESOLUTION.fullmatch(tokens[rest - 1].group().lower()) and _stands_alone(stem, tokens[rest - 1]):
                rest -= 1
            return MapName(stem[: tokens[rest - 1].end()] if rest else "", KINDS[word], word in _PLAIN_WORDS and rest > 0)
    return MapName(stem[: tokens[end - 1].end()] if end else stem, "")


def _stands_alone(stem: str, token: re.Match[str]) -> bool:
    return token.start() == 0 or not stem[token.start() - 1].isalnum()


def words_of(name: str) -> str:
    """A name as words in small letters, without numbers and resolution tags: ``MossyRock_03-2K`` is ``mossy rock``."""
    tokens = [token.group().lower() for token in _TOKEN.finditer(name)]
    return " ".join(t for t in tokens if not _RESOLUTION.fullmatch(t) and not t.isdigit() and len(t) > 1)


def telling_folders(path: PurePath) -> list[str]:
    """The words of the folders of a relative path that say something, the nearest first."""
    said = [words_of(part) for part in reversed(path.parts)]
    return [words for words in said if words and words not in _PLAIN_FOLDERS]
