"""Measurements with their commands: ``python3 dev.py bench NAME``."""
