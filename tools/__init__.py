"""What ``dev.py`` is made of: environments, the extension's archives, the tiers of tests. Standard library only."""
