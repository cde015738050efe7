"""Output of the commands: rich renderables, HTML and SVG."""
