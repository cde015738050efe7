"""Attention as pictures and web pages, for files and notebooks; independent of the terminal."""
