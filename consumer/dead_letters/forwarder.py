"""Sends dead letters from the store to the dead-letter topic, each at least once.

A maintenance task. The dead letters of a partition are sent in the order of their offsets, and a
note in the store holds the next offset of each. The note is written after the broker has the
letters: a crash in between sends them again, with the same `gigstream-source`, and loses none.
The filter is the offset, not the file: compaction and reading the store again send nothing twice.
"""

import logging
import time
from collections.abc import Callable
from contextlib import suppress

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from consumer.dead_letters import topic as dead_letter_topic
from consumer.dead_letters.letters import ORDER, load, scan
from consumer.deadline import Deadline
from consumer.errors import ConsumerError
from consumer.kafka.producer import RecordProducer
from consumer.settings import ConsumerSettings
from consumer.table import delta_log, durable

logger = logging.getLogger(__name__)

NOTE = ".dead-letters.json"

_LETTERS = 500
_TURN_S = 5.0
_FIRST_PAUSE_S, _LAST_PAUSE_S = 1.0, 60.0


class Note(msgspec.Struct):
    """What was sent to one dead-letter topic.

    Attributes:
        topic_id: of the dead-letter topic; one that was created again is filled again.
        sent: next offset to send, by topic id and partition of the dead records.
    """

    topic_id: str
    sent: dict[str, dict[int, int]]


class Forwarder:
    """Sends new dead letters, some seconds at a time; one thread uses it.

    Args:
        settings: of the consumer; they name store and topic.
        on_step: called at each step, for tests that stop there.
        now_s: a monotonic clock.
    """

    def __init__(
        self,
        *,
        settings: ConsumerSettings,
        on_step: Callable[[str], None] = lambda _step: None,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._on_step = on_step
        self._now_s = now_s
        self._snapshot: delta_log.Snapshot | None = None
        self._done: set[str] = set()
        self._note = Note("", {})
        self._producer: RecordProducer | None = None
        self._warning = ""
        self._pause_s = 0.0
        self._not_before_s = float("-inf")

    def run_once(self) -> int:
        """Send what waits, for some seconds at most. Returns how many letters were sent.

        A failure is logged once, and the next attempt comes later each time.
        """
        if not self._settings.kafka_dead_letter_topic or self._now_s() < self._not_before_s:
            return 0
        try:
            sent = self._forward()
        except FileNotFoundError as error:
            logger.debug("The store was compacted while dead letters were read: %s", error)
            return 0
        except ConsumerError as error:
            self._fail(str(error))
            return 0
        self._succeed()
        return sent

    def _forward(self) -> int:
        store = self._settings.store
        self._snapshot = delta_log.newest(store, self._snapshot)
        files = {} if self._snapshot is None else self._snapshot.files
        dead = {path: file for path, file in files.items() if file.kind == "dead"}
        # Nothing new: Kafka is not asked. Compacted files have new names and are looked at again;
        # the filter by offset then leaves nothing of them.
        if dead.keys() <= self._done:
            return 0
        # Identified at each turn with letters: either topic may have been created again.
        source, topic = dead_letter_topic.find(self._settings)
        self._load_note(topic.topic_id)
        waiting = self._unsent(scan(store, [dead[path] for path in dead.keys() - self._done]))
        sent, deadline = 0, Deadline(_TURN_S)
        while sent < waiting.num_rows and not deadline.is_over:
            letters = load(store, waiting.slice(sent, _LETTERS))
            self._producer = self._producer or RecordProducer(
                self._settings, repeat="forward", options=dead_letter_topic.OPTIONS
            )
            dead_letter_topic.send(self._producer, topic.name, source, letters)
            # Sent, and not noted yet: a crash here sends these letters again. The other order would
            # lose them.
            self._on_step("dead_letters_sent")
            for letter in letters:
                self._note.sent.setdefault(letter.topic_id, {})[letter.partition] = (
                    letter.offset + 1
                )
            with suppress(OSError):  # then the next process sends these again
                durable.write(store / NOTE, msgspec.json.encode(self._note))
            self._on_step("dead_letters_noted")
            sent += len(letters)
        if sent == waiting.num_rows:
            self._done = set(dead)
        return sent

    def _load_note(self, topic_id: str) -> None:
        if self._note.topic_id == topic_id:
            return
        self._note, self._done = Note(topic_id, {}), set()
        with suppress(OSError, msgspec.DecodeError):  # no note: all letters are sent
            note = msgspec.json.decode((self._settings.store / NOTE).read_bytes(), type=Note)
            self._note = note if note.topic_id == topic_id else self._note

    def _unsent(self, rows: pa.Table) -> pa.Table:
        for topic_id, offsets in self._note.sent.items():
            for partition, offset in offsets.items():
                source = (pc.field("topic_id") == topic_id) & (pc.field("partition") == partition)
                rows = rows.filter(~(source & (pc.field("offset") < offset)))
        return rows.sort_by(ORDER)

    def _fail(self, cause: str) -> None:
        # A producer that failed may still hold letters: they are in the store, and sent from there.
        if self._producer is not None:
            self._producer.purge()
        self._producer = None
        self._pause_s = min(_LAST_PAUSE_S, max(_FIRST_PAUSE_S, 2 * self._pause_s))
        self._not_before_s = self._now_s() + self._pause_s
        if cause != self._warning:
            self._warning = cause
            logger.warning("Dead letters wait in the store: %s", cause)

    def _succeed(self) -> None:
        self._pause_s = 0.0
        if self._warning:
            self._warning = ""
            name = self._settings.kafka_dead_letter_topic
            logger.info("Dead letters are forwarded to %s again", name)
