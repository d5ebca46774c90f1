"""Plays to models to lists: reads the interaction store, publishes through `serving`."""
