"""seqattn: sequence-to-sequence models with attention, trained, run, compared and inspected alike."""

__version__ = "0.1.0"
