"""The DVC pipeline of one sprint: compiled from the plan's stages, run, and its state read."""
