"""Decoders: from an encoded source to what follows each target token."""
