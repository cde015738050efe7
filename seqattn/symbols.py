"""The four ids every vocabulary begins with; models, search and tokenizer agree on them here."""

from __future__ import annotations

PAD = 0
"""Fills a batch's rows to one length; never attended, never predicted."""
BOS = 1
"""What the decoder reads first."""
EOS = 2
"""Ends every source and every target."""
UNK = 3
"""Kept for sentencepiece; byte fallback means that no text needs it."""
