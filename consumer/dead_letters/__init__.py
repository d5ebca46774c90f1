"""Records that broke the contract: kept, listed, forwarded, replayed."""
