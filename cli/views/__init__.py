"""Output of the commands as rich renderables and files."""
