"""Matching, average precision and operating points: arrays in, arrays out. Knows no files and no SQL."""
