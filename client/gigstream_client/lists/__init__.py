"""The lists in Redis, for apps: needs `redis` alone."""
