"""Maps from one photograph: lighting flattened, then height, roughness, metallic and base colour estimated by a small network."""
