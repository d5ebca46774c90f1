"""From Kafka messages to committed rows: decode, batch, append."""
