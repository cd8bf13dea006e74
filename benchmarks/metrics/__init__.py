"""Measures of textures. None needs a trained network; ``tests/test_metrics.py`` shows that each moves the right way."""
