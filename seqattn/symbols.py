"""The first four ids of every vocabulary, shared by models, search and tokenizer."""

from __future__ import annotations

PAD = 0
"""Pads the rows of a batch to one length; never attended to, never predicted."""
BOS = 1
"""What the decoder reads first."""
EOS = 2
"""Ends every source and every target."""
UNK = 3
"""Required by sentencepiece; with byte fallback no text contains it."""
