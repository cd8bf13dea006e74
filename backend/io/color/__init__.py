"""What colours in a file mean: primaries, curves, ICC profiles, entries of headers; the order in which they count is in ``meaning``."""
