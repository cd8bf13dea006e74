"""Pictures as icons in panels, made when a panel first shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    import numpy as np

_collections: dict[str, Any] = {}
_shown: dict[str, Hashable] = {}


def icon(key: str, version: Hashable, picture: Callable[[], np.ndarray | None]) -> int:
    """The icon of a picture.

    Args:
        key: Names the icon.
        version: Where it differs from last time's, the picture is asked for again.
        picture: Gives ``(H, W, C)`` uint8, sRGB, 3 or 4 channels, row 0 at the top; None for no icon.

    Returns:
        A number for ``icon_value``, 0 for none.
    """
    collection = _collection()
    if key not in collection or _shown.get(key) != version:
        pixels = picture()
        if pixels is None:
            return 0
        import numpy as np  # not before the first picture

        height, width, channels = pixels.shape
        rgba = np.ones((height, width, 4), np.float32)
        rgba[..., :channels] = pixels[::-1].astype(np.float32) / 255
        item = collection.get(key) or collection.new(key)
        item.image_size = width, height
        item.image_pixels_float.foreach_set(rgba.reshape(-1))
        _shown[key] = version
    return int(collection[key].icon_id)


def free() -> None:
    """Gives the memory back."""
    if _collections:
        import bpy.utils.previews  # not before the first picture

        bpy.utils.previews.remove(_collections.pop("icons"))
    _shown.clear()


def _collection() -> Any:
    if "icons" not in _collections:
        import bpy.utils.previews  # not before the first picture

        _collections["icons"] = bpy.utils.previews.new()
    return _collections["icons"]
