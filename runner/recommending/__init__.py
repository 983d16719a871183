"""What to do next: pure functions from what is known of a sprint to a recommendation."""
