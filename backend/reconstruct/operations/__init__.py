"""The operations `reconstruct.*`."""
