"""`flywheel init`: adopts an existing dataset as a new project."""
