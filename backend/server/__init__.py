"""The supervisor: sockets, journal, blobs and worker processes. No torch, no CUDA."""
