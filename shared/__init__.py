"""The part that the add-on and the backend have in common: stdlib, numpy and pyzmq only."""
