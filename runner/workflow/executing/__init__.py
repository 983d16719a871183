"""The stages of a sprint or a scoring brought up to date by DVC, within its limits of time and cost."""
