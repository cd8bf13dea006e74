"""Training data: one file of map stacks with what is known about each, and what fills it from a studio's folder."""
