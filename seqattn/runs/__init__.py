"""A run: its folder, the preparation of its data, its training from start to end."""
