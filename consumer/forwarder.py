"""Carries dead letters from the store to the dead-letter topic: a duty of the housekeeping.

It remembers nothing that matters: what is in the store and not yet sent is sent, in the order of
each partition's offsets. So a store that was compacted, or read anew, is sent no second time.
"""

import logging
import time
from collections.abc import Callable, Mapping
from contextlib import suppress

import pyarrow as pa
import pyarrow.compute as pc

from consumer import log
from consumer.dead_letter_topic import DeadLetterTopic
from consumer.dead_letters import ORDER, DeadLetter, load, scan
from consumer.errors import ConsumerError
from consumer.forwarded import Note, Source, merged, read_note, write_note
from consumer.settings import ConsumerSettings

logger = logging.getLogger(__name__)

_LETTERS = 500
_BYTES = 8 << 20
_TURN_S = 5.0
_FIRST_PAUSE_S, _LAST_PAUSE_S = 1.0, 60.0


class Forwarder:
    """Sends what is new, a turn at a time; one thread uses it.

    Args:
        settings: of the consumer; they name store and topic.
        on_step: told of each step, for tests that stop there.
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
        self._snapshot: log.Snapshot | None = None
        self._files: set[str] = set()
        self._waiting = scan(settings.store, [])
        self._topic: DeadLetterTopic | None = None
        self._next: dict[Source, int] = {}
        self._note: Note | None = None
        self._said = ""
        self._pause_s = 0.0
        self._not_before_s = float("-inf")

    def run_once(self) -> int:
        """Send what waits, for some seconds at most; how many letters were sent.

        What keeps it from that is told in one line, once, and tried again later and later.
        """
        if not self._settings.kafka_dead_letter_topic or self._now_s() < self._not_before_s:
            return 0
        try:
            sent = self._turn()
        except FileNotFoundError as error:
            logger.debug("The store was compacted while dead letters were read: %s", error)
            self._forget()
            return 0
        except ConsumerError as error:
            self._fail(str(error))
            return 0
        self._succeed()
        return sent

    def close(self) -> None:
        """Let go of Kafka; whoever comes next goes on from here."""
        if self._topic is not None:
            self._topic.close()
        self._topic = None

    def _turn(self) -> int:
        self._look()
        if not self._waiting.num_rows:
            return 0
        if self._topic is not None and not self._topic.is_there():
            self._begin_anew()
            self._look()
        topic, sent, until_s = self._ready(), 0, self._now_s() + _TURN_S
        while self._waiting.num_rows and self._now_s() < until_s:
            letters = _within(load(self._settings.store, self._waiting.slice(0, _LETTERS)))
            self._send(topic, letters)
            sent += len(letters)
        return sent

    def _look(self) -> None:
        """Take in what was stored, and where compaction has put what waits."""
        self._snapshot = log.newest(self._settings.store, self._snapshot)
        files = {} if self._snapshot is None else self._snapshot.files
        dead = {path: file for path, file in files.items() if file.kind == "dead"}
        gone, new = self._files - dead.keys(), dead.keys() - self._files
        if not gone and not new:
            return
        lost = pc.is_in(self._waiting["file"], pa.array(list(gone), pa.string()))
        stays = self._waiting.filter(pc.invert(lost))
        found = scan(self._settings.store, [dead[path] for path in new])
        self._waiting = _from(self._next, pa.concat_tables([stays, found])).sort_by(ORDER)
        self._files = set(dead)

    def _ready(self) -> DeadLetterTopic:
        """The topic; what it has already waits no more."""
        if self._topic is None:
            self._topic = DeadLetterTopic.open(self._settings, on_step=self._on_step)
            self._note = read_note(self._settings.store, self._topic.topic_id)
            self._next = self._note.next if self._note else {}
        # The note decides where Kafka cannot, unless it was left in the midst of a transaction.
        sure = self._note is not None and not self._note.open
        known = self._topic.progress(_sources(self._waiting), sure=sure)
        self._next = merged(self._next, known)
        self._waiting = _from(self._next, self._waiting)
        return self._topic

    def _send(self, topic: DeadLetterTopic, letters: list[DeadLetter]) -> None:
        reached = {(each.topic_id, each.partition): each.offset + 1 for each in letters}
        now = merged(self._next, reached)
        self._write_note(topic, is_open=True)
        topic.send(letters, now)
        self._next = now
        self._waiting = self._waiting.slice(len(letters))
        self._write_note(topic, is_open=False)

    def _write_note(self, topic: DeadLetterTopic, *, is_open: bool) -> None:
        with suppress(OSError):  # Kafka remembers too
            write_note(self._settings.store, topic.topic_id, self._next, is_open=is_open)

    def _begin_anew(self) -> None:
        self.close()
        self._next = {}
        self._forget()

    def _forget(self) -> None:
        self._snapshot, self._files = None, set()
        self._waiting = self._waiting.slice(0, 0)

    def _fail(self, said: str) -> None:
        self._begin_anew()
        self._wait_longer()
        if said != self._said:
            self._said = said
            logger.warning("Dead letters wait in the store: %s", said)

    def _wait_longer(self) -> None:
        self._pause_s = min(_LAST_PAUSE_S, max(_FIRST_PAUSE_S, 2 * self._pause_s))
        self._not_before_s = self._now_s() + self._pause_s

    def _succeed(self) -> None:
        self._pause_s = 0.0
        if self._said:
            self._said = ""
            name = self._settings.kafka_dead_letter_topic
            logger.info("Dead letters are forwarded to %s again", name)


def _sources(rows: pa.Table) -> set[Source]:
    pairs = rows.group_by(["topic_id", "partition"]).aggregate([]).to_pylist()
    return {(pair["topic_id"], pair["partition"]) for pair in pairs}


def _from(next_offsets: Mapping[Source, int], rows: pa.Table) -> pa.Table:
    """Those of these rows that were not sent yet."""
    for (topic_id, partition), offset in next_offsets.items():
        of_source = (pc.field("topic_id") == topic_id) & (pc.field("partition") == partition)
        rows = rows.filter(~(of_source & (pc.field("offset") < offset)))
    return rows


def _within(letters: list[DeadLetter]) -> list[DeadLetter]:
    """As many of the first ones as make a transaction of a decent size; at least one."""
    size = 0
    for number, letter in enumerate(letters):
        size += len(letter.value or b"")
        if number and size > _BYTES:
            return letters[:number]
    return letters
