"""Measures of a library model against held-out materials."""
