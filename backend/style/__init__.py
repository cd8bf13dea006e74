"""Style transfer: one image, shots, painted keyframes, and VGG19."""
