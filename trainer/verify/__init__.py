"""Published lists and stores, recomputed and compared."""
