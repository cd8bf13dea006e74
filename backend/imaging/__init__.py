"""Image files in and out through OpenImageIO, colour conversions, and the checks that image operations share."""

from .checks import check_mask, check_pixels
from .color import from_float, to_float, to_linear, to_srgb
from .layers import decode_layers
from .multilayer import encode_layers
from .planes import from_planes, preview, to_planes
from .reading import MAX_PIXELS, decode
from .writing import encode

__all__ = [
    "MAX_PIXELS",
    "check_mask",
    "check_pixels",
    "decode",
    "decode_layers",
    "encode",
    "encode_layers",
    "from_float",
    "from_planes",
    "preview",
    "to_float",
    "to_linear",
    "to_planes",
    "to_srgb",
]
