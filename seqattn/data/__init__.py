"""Pairs from files, as examples and as batches; what turns sources into tensors."""
