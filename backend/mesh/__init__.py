"""From a raw surface to a mesh people can use: clean-up, levels of detail, proxies, unwrapping, baked textures, mesh files."""
