"""What is wrong with a corpus: `corpus_check.check` tells, `cleaning` writes what remains of it."""
