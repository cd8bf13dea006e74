"""Style of one image: directions, strokes, and painting with the patches of a style image."""
