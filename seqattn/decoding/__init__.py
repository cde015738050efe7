"""From a model to hypotheses: search, sampling, single steps; translation of lines."""
