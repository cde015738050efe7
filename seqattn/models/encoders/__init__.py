"""Encoders: compute the states of a source."""
