"""Materials: the generative model, its data, its prompts and its maps."""
