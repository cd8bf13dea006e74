"""Images in and out of Blender."""
