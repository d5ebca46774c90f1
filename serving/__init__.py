"""The lists in Redis: the contract for apps, its publisher and a reader."""
