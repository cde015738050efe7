"""Decoders: predict the next target token from an encoded source."""
