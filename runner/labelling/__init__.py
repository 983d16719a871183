"""Labelling rounds: which images are asked about, how they get to annotators, and how answers get into the dataset."""
