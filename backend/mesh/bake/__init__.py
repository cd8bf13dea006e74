"""Texture baking: the colour of frames, and normals of a finer mesh, onto the texels of a mesh."""
