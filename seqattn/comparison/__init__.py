"""Comparison of trained systems."""
