"""Style transfer with a VGG19 network that the artist supplies: neural neighbours, or sliced Wasserstein distances."""
