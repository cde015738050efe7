"""Attention as links between words: readings, links, a lexicon, what guides attention, measures."""
