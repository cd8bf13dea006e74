"""The running backend: supervisor, journal, blobs, workers and delivery. The supervisor imports no torch."""
