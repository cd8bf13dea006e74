"""Materials: a generator trained on map stacks, textures from an exemplar, maps from one photograph.

Without a server::

    from backlot.backend import materials

    maps = materials.generate("wet mossy cobblestone", size=[1024, 1024], seed=3)
    larger = materials.synthesize("brick.jpg", size=[2048, 1024], tile="both")
    relief = materials.estimate_maps("photograph.jpg")

Importing this package is cheap: PyTorch is loaded by the first call. Every function takes the inputs and parameters of its operation by
name (docs/operations.md), and ``seed``, ``device`` and ``progress`` (see ``backend/io/direct.py``). Inputs are values of
``shared/values.py`` or paths. Wrong ones raise ``InputError``, which says what to do.
"""

from __future__ import annotations

from typing import Any

# Imports inside the functions: PyTorch takes seconds to load, and modules of this package are imported by name all the time.

__all__ = ["estimate_maps", "generate", "synthesize", "variations"]


def generate(prompt: str = "", **options: Any) -> dict[str, Any]:
    """A tileable material of any size: ``texture.generate``. Gives six maps as ``Image``, by name, and ``report``."""
    from ..io.direct import call

    return call("texture.generate", {"prompt": prompt} | options)


def variations(prompt: str = "", **options: Any) -> dict[str, Any]:
    """Thumbnails of several seeds of ``generate`` on one sheet: ``texture.variations``."""
    from ..io.direct import call

    return call("texture.variations", {"prompt": prompt} | options)


def synthesize(exemplar: Any, **options: Any) -> dict[str, Any]:
    """A texture of any size from an exemplar: ``texture.synthesize``. Gives ``base_color``, the maps that were given, and ``report``."""
    from ..io.direct import call

    return call("texture.synthesize", {"exemplar": exemplar} | options)


def estimate_maps(photo: Any, **options: Any) -> dict[str, Any]:
    """Height, normal, roughness and metallic of a photographed material: ``texture.maps``."""
    from ..io.direct import call

    return call("texture.maps", {"photo": photo} | options)
