"""Data checks over the selected rows of the index tables, run by Great Expectations."""
