"""Files of gigs, sent to Kafka as statements."""
