"""What every capability stands on: devices, compiled kernels, colour, cameras and lenses, sampling. Imports nothing else of the backend."""
