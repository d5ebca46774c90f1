"""The broker: clients, topics, group membership, outages."""
