"""Style for shots: passes, exact motion, visibility, cuts, measures, and the painting that moves with the surfaces."""
