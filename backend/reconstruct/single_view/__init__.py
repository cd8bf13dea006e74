"""One picture into geometry: depth from a network or the artist's own, alignment to tracks, a torn relief or layered cards."""
