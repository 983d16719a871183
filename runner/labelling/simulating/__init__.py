"""Labelling rounds replayed on a dataset whose labels are known: what each policy would have cost and reached."""
