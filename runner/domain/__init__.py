"""Records that stages hand on, errors and units. Imports nothing of the project above it."""
