"""The operations that this capability has operators and panels of its own for."""

IMAGE, VGG, SHOT, KEYFRAMES = (f"style.{verb}" for verb in ("image", "vgg", "shot", "keyframes"))
MOVIE = "sequence.movie"
