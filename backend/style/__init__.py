"""Style transfer: one image, shots, painted keyframes, and VGG19.

Without a server::

    from backlot.backend import style

    painted = style.paint_image("render.exr", "painting.jpg", strength=0.8)["image"]
    frames = style.paint_shot("capture/", "painting.jpg")["stylised"]

Importing this package is cheap: PyTorch is loaded by the first call. Every function takes the inputs and parameters of its operation by
name (docs/operations.md), and ``seed``, ``device`` and ``progress`` (see ``backend/io/direct.py``). Inputs are values of
``shared/values.py`` or paths. Wrong ones raise ``InputError``, which says what to do.
"""

from __future__ import annotations

from typing import Any

# Imports inside the functions: PyTorch takes seconds to load, and modules of this package are imported by name all the time.

__all__ = ["paint_from_keyframes", "paint_image", "paint_image_vgg", "paint_shot"]


def paint_image(content: Any, style: Any, **options: Any) -> dict[str, Any]:
    """One image in the manner of another: ``style.image``. Gives ``image`` and ``report``."""
    from ..io.direct import call

    return call("style.image", {"content": content, "style": style} | options)


def paint_image_vgg(content: Any, style: Any, **options: Any) -> dict[str, Any]:
    """The same by VGG19, whose weights the user supplies: ``style.vgg``."""
    from ..io.direct import call

    return call("style.vgg", {"content": content, "style": style} | options)


def paint_shot(frames: Any, style: Any, **options: Any) -> dict[str, Any]:
    """A shot in the manner of a picture: ``style.shot``. Gives ``stylised`` (a file for each frame) and ``report``."""
    from ..io.direct import call

    return call("style.shot", {"frames": frames, "style": style} | options)


def paint_from_keyframes(frames: Any, keyframes: Any, **options: Any) -> dict[str, Any]:
    """A shot in the style of painted frames: ``style.keyframes``. Gives ``stylised``, ``model`` and ``report``."""
    from ..io.direct import call

    return call("style.keyframes", {"frames": frames, "keyframes": keyframes} | options)
