"""The operations that this capability has operators and panels of its own for."""

DEPTH, FOOTAGE, PLATE, TEXTURE = (f"reconstruct.{verb}" for verb in ("depth", "footage", "plate", "texture"))
