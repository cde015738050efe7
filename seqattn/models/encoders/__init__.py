"""Encoders: from a source to its states."""
