"""`next`: what is known of a sprint read from its record, and what was recommended written into it."""
