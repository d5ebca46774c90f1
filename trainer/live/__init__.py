"""The loop of the trainer: read, fold in, refit, publish."""
