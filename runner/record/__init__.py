"""The record of a sprint: what it consists of, how it is read, and what it is compared with."""
