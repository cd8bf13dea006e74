"""Style of a shot: exact motion, occlusion, cuts, and paint that moves with the surfaces."""
