"""Files in and out: images, OpenEXR, OpenColorIO, movies, meshes, model weights, and the decoder of scene frames."""
