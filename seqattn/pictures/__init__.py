"""Attention as pictures and pages, for files and notebooks; nothing here knows a terminal."""
