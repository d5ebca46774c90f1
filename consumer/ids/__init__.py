"""Which ids are the same, erased or hidden, and which sources do not count."""
