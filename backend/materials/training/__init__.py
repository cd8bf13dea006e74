"""Training of the material generator: losses, discriminators, batches, checkpoints."""
