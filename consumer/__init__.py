"""Gig events from Kafka into the interaction store, exactly once.

``events`` is the public contract. The way in: ``topic`` (which one it is) · ``ingest`` (the loop) ·
``batch`` (what waits) · ``rows`` (messages to rows) · ``quick`` (most of them in compiled code) ·
``store`` (append) · ``watch`` (is Kafka there) · ``run`` (the process). The store: ``log`` (its
commits) · ``parts`` (its files) · ``tail`` (read on) · ``decisions`` of ``merges`` and ``erasures``
(what people said of ids) · ``erasing`` (by ``rewriting`` and ``clearing``; ``sieve`` and
``mentions`` tell what goes) · ``carrying`` (into another store) · ``writers`` (who may write) ·
``housekeeper`` (starts) ``upkeep`` (the housekeeping process) · its duties ``checkpoint``,
``compaction`` (by ``commit``) and ``cleaning`` (but for what ``marks`` hold) · ``inspection``
(is it whole). Files to Kafka: ``files`` · ``imports`` · ``repeats`` · ``sender`` · ``backlog``.
"""
