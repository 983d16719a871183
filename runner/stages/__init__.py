"""The stages of a sprint, one file each, in the order they run."""
