"""The DVC pipeline of a piece of work: compiled from the plan's stages, run, and its state read."""
