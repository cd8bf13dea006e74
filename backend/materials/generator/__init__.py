"""The material generator: networks, noise, layouts, tiled inference."""
