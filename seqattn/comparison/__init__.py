"""Trained systems side by side."""
