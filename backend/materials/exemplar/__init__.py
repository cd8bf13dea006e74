"""Materials from an exemplar: label maps and map stacks for the patch engine, and models adapted to one photograph."""
