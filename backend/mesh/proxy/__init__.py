"""Watertight proxies: a closed, manifold stand-in for a mesh with holes."""
