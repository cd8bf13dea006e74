"""The worker: one process per device, which owns models and memory and may die at any time."""
