"""Picture files made byte by byte, with whatever a file can say of its colours, alpha and orientation."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from PIL import Image as Pillow

from backlot.shared.values import EncodedFile

D65, D60 = (0.3127, 0.3290), (0.32168, 0.33767)
# Published matrices to linear Rec.709, adapted to D65 by Bradford's method (B. Lindbloom; ITU-R BT.2087; ACES TB-2014-004).
TO_REC709 = {
    "Display P3": [[1.22494, -0.22494, 0.0], [-0.04206, 1.04206, 0.0], [-0.01964, -0.07864, 1.09828]],
    "Adobe RGB": [[1.39836, -0.39836, 0.0], [0.0, 1.0, 0.0], [0.0, -0.04293, 1.04293]],
    "Rec.2020": [[1.66049, -0.58764, -0.07285], [-0.12455, 1.13290, -0.00835], [-0.01815, -0.10058, 1.11873]],
    "ACEScg": [[1.70505, -0.62179, -0.08326], [-0.13026, 1.14080, -0.01055], [-0.02400, -0.12897, 1.15297]],
    "ACES2065-1": [[2.52169, -1.13413, -0.38756], [-0.27648, 1.37272, -0.09624], [-0.01538, -0.15298, 1.16835]],
    "ProPhoto": [[2.03408, -0.72733, -0.30674], [-0.22881, 1.23173, -0.00292], [-0.00857, -0.15329, 1.16186]],
    "sRGB": [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
}
# Colorants as published profiles have them, XYZ adapted to D50: red, green, blue.
COLORANTS = {
    "Display P3": ((0.51512, 0.24120, -0.00105), (0.29198, 0.69225, 0.04189), (0.15710, 0.06657, 0.78407)),
    "Adobe RGB": ((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457)),
    "ProPhoto": ((0.79767, 0.28804, 0.0), (0.13519, 0.71188, 0.0), (0.03134, 0.00009, 0.82491)),
    "sRGB": ((0.43607, 0.22249, 0.01392), (0.38515, 0.71687, 0.09708), (0.14307, 0.06061, 0.71410)),
}
CHROMATICITIES = {
    "Display P3": (0.680, 0.320, 0.265, 0.690, 0.150, 0.060, *D65),
    "Adobe RGB": (0.64, 0.33, 0.21, 0.71, 0.15, 0.06, *D65),
    "Rec.2020": (0.708, 0.292, 0.170, 0.797, 0.131, 0.046, *D65),
    "ACEScg": (0.713, 0.293, 0.165, 0.830, 0.128, 0.044, *D60),
    "ACES2065-1": (0.7347, 0.2653, 0.0, 1.0, 0.0001, -0.077, *D60),
    "sRGB": (0.64, 0.33, 0.30, 0.60, 0.15, 0.06, *D65),
}


def light(seed: int = 0, size: tuple[int, int] = (12, 18)) -> np.ndarray:
    """Linear Rec.709 colours ``(H, W, 3)`` float64 within 0.02..0.9."""
    return 0.02 + 0.88 * np.random.default_rng(seed).random((*size, 3))


def stored_in(space: str, linear: np.ndarray, gamma: float | None = None) -> np.ndarray:
    """Linear Rec.709 as values of a space, by a power or the sRGB curve."""
    values = linear @ np.linalg.inv(np.array(TO_REC709[space])).T
    return values ** (1 / gamma) if gamma else srgb(values)


def srgb(values: np.ndarray) -> np.ndarray:
    values = np.asarray(values, np.float64)
    return np.where(values <= 0.0031308, values * 12.92, 1.055 * np.maximum(values, 0.0031308) ** (1 / 2.4) - 0.055)


def codes(values: np.ndarray, bits: int = 16) -> np.ndarray:
    return np.rint(np.clip(values, 0, 1) * (2**bits - 1)).astype(np.uint16 if bits > 8 else np.uint8)


def as_file(data: bytes, name: str, **more: str) -> EncodedFile:
    return EncodedFile(np.frombuffer(data, np.uint8), name, **more)  # type: ignore[arg-type]


def png(pixels: np.ndarray, chunks: Iterable[tuple[bytes, bytes]] = (), name: str = "a.png") -> EncodedFile:
    """A PNG of uint8 or uint16 pixels with more chunks in front of them."""
    height, width, count = pixels.shape
    kind = {1: 0, 2: 4, 3: 2, 4: 6}[count]
    raw = b"".join(b"\0" + row.astype(row.dtype.newbyteorder(">")).tobytes() for row in pixels)
    header = struct.pack(">IIBBBBB", width, height, 8 * pixels.dtype.itemsize, kind, 0, 0, 0)
    parts = [(b"IHDR", header), *chunks, (b"IDAT", zlib.compress(raw)), (b"IEND", b"")]
    body = b"".join(struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in parts)
    return as_file(b"\x89PNG\r\n\x1a\n" + body, name)


def iccp(profile: bytes) -> tuple[bytes, bytes]:
    return b"iCCP", b"profile\0\0" + zlib.compress(profile)


def chrm(chromaticities: Sequence[float]) -> tuple[bytes, bytes]:
    values = (*chromaticities[6:], *chromaticities[:6])
    return b"cHRM", struct.pack(">8I", *(round(v * 100000) for v in values))


def with_pillow(pixels: np.ndarray, form: str, name: str, **options: object) -> EncodedFile:
    out = io.BytesIO()
    Pillow.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels).save(out, form, **options)
    return as_file(out.getvalue(), name)


def curve_tag(gamma: float | str) -> bytes:
    """A curve of an ICC profile: a power, ``"srgb"`` as a parametric curve, or ``"table"``, sRGB as a table."""
    if gamma == "srgb":
        numbers = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
        return b"para\0\0\0\0" + struct.pack(">HH5i", 3, 0, *(round(n * 65536) for n in numbers))
    if gamma == "table":
        codes = np.linspace(0, 1, 1024)
        values = np.where(codes <= 0.04045, codes / 12.92, ((codes + 0.055) / 1.055) ** 2.4)
        return b"curv\0\0\0\0" + struct.pack(">I", 1024) + np.rint(values * 65535).astype(">u2").tobytes()
    if gamma == 1.0:
        return b"curv\0\0\0\0" + struct.pack(">I", 0)
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(float(gamma) * 256))


def profile(colorants: Sequence[Sequence[float]] | None, gamma: float | str, *, version: int = 4, kind: bytes = b"") -> bytes:
    """An ICC profile of matrix and curve; of gray without colorants; with ``kind`` (``CMYK``) one that has tables only."""
    curve = curve_tag(gamma)
    title = "made for a test"
    if version == 4:
        text = b"mluc\0\0\0\0" + struct.pack(">II4sII", 1, 12, b"enUS", 2 * len(title), 28) + title.encode("utf-16-be")
    else:
        text = b"desc\0\0\0\0" + struct.pack(">I", len(title) + 1) + title.encode() + b"\0" * 80
    tags: list[tuple[bytes, bytes]] = [(b"desc", text)]
    if kind:
        tags.append((b"A2B0", b"mft1" + b"\0" * 44))
    elif colorants is None:
        tags.append((b"kTRC", curve))
    else:
        for letter, color in zip((b"r", b"g", b"b"), colorants, strict=True):
            tags.append((letter + b"XYZ", b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(c * 65536) for c in color))))
            tags.append((letter + b"TRC", curve))
    start, table, body = 128 + 4 + 12 * len(tags), b"", b""
    for name, data in tags:
        table += struct.pack(">4sII", name, start + len(body), len(data))
        body += data + b"\0" * (-len(data) % 4)
    space = kind or (b"GRAY" if colorants is None else b"RGB ")
    head = bytearray(128)
    head[8] = version
    head[12:16], head[16:20], head[20:24] = b"mntr", space, b"Lab " if kind else b"XYZ "
    head[36:40] = b"acsp"
    head[68:80] = struct.pack(">3i", 63190, 65536, 54061)
    struct.pack_into(">I", head, 0, start + len(body))
    return bytes(head) + struct.pack(">I", len(tags)) + table + body


def exr(
    channels: Mapping[str, np.ndarray], attributes: Iterable[tuple[str, str, bytes]] = (), sampling: Mapping[str, int] | None = None,
    windows: tuple[tuple[int, int, int, int], tuple[int, int, int, int]] | None = None, name: str = "a.exr",
) -> EncodedFile:  # fmt: skip
    """An OpenEXR file of one part without compression; sampling of channels, and data and display window, as asked."""
    names, every = sorted(channels), sampling or {}
    kinds = {"uint32": 0, "float16": 1, "float32": 2}
    height, width = (
        max(c.shape[0] * every.get(n, 1) for n, c in channels.items()),
        max(c.shape[1] * every.get(n, 1) for n, c in channels.items()),
    )
    listed = b"".join(
        n.encode() + b"\0" + struct.pack("<iBxxxii", kinds[channels[n].dtype.name], 0, every.get(n, 1), every.get(n, 1)) for n in names
    )
    data, display = windows or ((0, 0, width - 1, height - 1), (0, 0, width - 1, height - 1))
    entries = [
        ("channels", "chlist", listed + b"\0"), ("compression", "compression", b"\0"), ("dataWindow", "box2i", struct.pack("<4i", *data)),
        ("displayWindow", "box2i", struct.pack("<4i", *display)), ("lineOrder", "lineOrder", b"\0"),
        ("pixelAspectRatio", "float", struct.pack("<f", 1)), ("screenWindowCenter", "v2f", struct.pack("<2f", 0, 0)),
        ("screenWindowWidth", "float", struct.pack("<f", 1)), *attributes,
    ]  # fmt: skip
    head = struct.pack("<ii", 20000630, 2) + b"".join(
        n.encode() + b"\0" + k.encode() + b"\0" + struct.pack("<i", len(d)) + d for n, k, d in entries
    )
    head += b"\0"
    rows = []
    for y in range(height):
        row = b"".join(channels[n][y // every.get(n, 1)].tobytes() for n in names if y % every.get(n, 1) == 0)
        rows.append(struct.pack("<ii", data[1] + y, len(row)) + row)
    offsets = len(head) + 8 * height + np.cumsum([0, *(len(row) for row in rows[:-1])])
    return as_file(head + offsets.astype("<u8").tobytes() + b"".join(rows), name)


def rgb(pixels: np.ndarray, kind: str = "float32", prefix: str = "") -> dict[str, np.ndarray]:
    """Channels of an OpenEXR file."""
    letters = {1: "Y", 3: "RGB", 4: "RGBA"}[pixels.shape[2]]
    return {prefix + letter: np.ascontiguousarray(pixels[..., n].astype(kind)) for n, letter in enumerate(letters)}


def chromaticities(values: Sequence[float]) -> tuple[str, str, bytes]:
    return "chromaticities", "chromaticities", struct.pack("<8f", *values)


def text(name: str, value: str) -> tuple[str, str, bytes]:
    return name, "string", value.encode()


def exif(orientation: int = 0, interoperability: str = "") -> bytes:
    """An EXIF block: an orientation, and the index by which cameras state Adobe RGB (``R03``)."""
    entries = [struct.pack("<HHIHH", 274, 3, 1, orientation, 0)] if orientation else []
    rest = b""
    if interoperability:
        start = 8 + 2 + 12 * (len(entries) + 1) + 4
        entries.append(struct.pack("<HHII", 0x8769, 4, 1, start))
        inner = (
            struct.pack("<H", 2)
            + struct.pack("<HHIHH", 0xA001, 3, 1, 65535, 0)
            + struct.pack("<HHII", 0xA005, 4, 1, start + 30)
            + b"\0" * 4
        )
        rest = inner + struct.pack("<H", 1) + struct.pack("<HHI4s", 1, 2, 4, interoperability.encode() + b"\0") + b"\0" * 4
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + b"".join(entries) + b"\0" * 4 + rest
