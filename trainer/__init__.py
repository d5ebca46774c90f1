"""Plays, models and top-N lists from the interaction store, published through `serving`."""
