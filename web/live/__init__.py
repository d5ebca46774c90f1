"""What the API answers from: the live model, the lists in Redis, and Kafka for events."""
