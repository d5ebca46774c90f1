"""Gig events from Kafka into the interaction store, exactly once.

The contract: ``events``, made of ``statement``, ``statuses``, ``headers`` and ``invalid``; other
forms are ``cloudevents`` and what ``framing`` finds and ``unframing`` reads, by ``avro`` and
``schema_registry``.
The way in: ``run`` (the process) · ``topic`` (which one) · ``incarnation`` (still that one?) ·
``membership`` in the group, by ``seats`` and ``session`` · ``ingest`` (the loop) · ``rows``
(messages to rows), ``quick`` (most of them, compiled) · ``batch`` (what waits) · ``brake`` (most is
bad) · ``storing`` (beside the loop) · ``watch`` and ``probe`` (what is wrong with Kafka).
The store: ``store`` (append) · ``handle``, ``upgrade`` and ``writers`` (who may write) · ``log``
(its commits), ``entry`` (ours) · ``parts`` (its files) · ``tail`` (read on) · ``inspection`` (is it
whole) · ``housekeeper`` starts ``upkeep``, whose duties are ``checkpoint``, ``compaction`` (by
``commit``) and ``cleaning`` (but for what ``marks`` hold).
Of ids: ``decisions`` are ``merges`` and ``erasures`` · ``erasing``, by ``rewriting`` and
``clearing``; ``sieve`` and ``mentions`` tell what goes · ``carrying`` into another store.
Dead letters: ``forwarder`` to the ``dead_letter_topic``, ``forwarded`` (so far) · ``dead_letters``
and their ``replay``.
Against the topic: ``audit``, a ``recount`` (of ``prints`` in ``places``) of what is ``retained`` ·
``rebuild``.
Files to Kafka: ``files`` · ``imports`` · ``repeats`` · ``sender`` · ``backlog``.
"""
