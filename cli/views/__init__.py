"""What is shown, as rich renderables, HTML and SVG."""
