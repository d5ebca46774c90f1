"""Gig events from Kafka into the interaction store, exactly once.

Rooms: ``events`` (the public contract) · ``rows`` (messages to table rows) · ``log`` (the Delta
log's entries) · ``store`` (append) · ``tail`` (read on) · ``upkeep`` (checkpoints) · ``topic``
(which topic this is) · ``batch`` and ``ingest`` (the loop) · ``run`` (the process) · ``files``
and ``imports`` (event files to Kafka) · ``settings`` · ``errors``.
"""
