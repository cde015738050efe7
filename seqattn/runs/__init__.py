"""A run: its folder, its data made ready, its training from end to end."""
