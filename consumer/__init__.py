"""Gig events from Kafka into the interaction store, each exactly once."""
