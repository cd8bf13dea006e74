"""Depth from tracked footage: multi-view stereo on the frames of a solved camera."""
