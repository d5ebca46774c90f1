"""The one writer of a prefix: stage, commit, fold in."""
