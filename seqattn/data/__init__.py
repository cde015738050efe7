"""Pairs from files, as examples and as batches of tensors."""
