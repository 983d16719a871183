"""Acquisition strategies: which images of the pool are labelled next. One class per file, options and behaviour together.

`mixture.draw` is the entry point: it takes arrays alone, and draws the same images for the same arrays and options.
"""
