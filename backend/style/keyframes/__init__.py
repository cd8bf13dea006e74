"""A shot in the style of a few painted frames: exact tracking of the paint, and a small network that learns the rest for this shot."""
