"""Network weights on disk: safetensors files with their model cards."""
