"""Runs as a web service: LibreTranslate's interface, the attention of translations, a playground."""
