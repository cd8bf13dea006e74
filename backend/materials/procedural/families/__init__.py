"""One module per family of materials, each with ``sample(canvas)`` and ``render(canvas, attributes)``."""
