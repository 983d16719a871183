"""Suspected labels: listed for a person, and what was decided brought into the dataset."""
