"""Training options, the learning rate, losses, and the loop, a generator of events."""
