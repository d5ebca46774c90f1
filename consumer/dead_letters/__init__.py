"""Records that broke the contract, as `ingest/rows.py` stored them: listed, forwarded, replayed."""
