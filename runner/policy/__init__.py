"""The policy: what a proposal changes, what of it weakens a verdict, and the terms that a sprint is judged under."""
