"""Attention as links between words: readings, links, a lexicon, guides, measures."""
