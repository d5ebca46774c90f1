"""Which ids are the same, which must be erased, and which sources do not count."""
