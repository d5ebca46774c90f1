"""The store as the trainer knows it: settled so far, and what changed since lists were made."""

import logging
from functools import partial
from pathlib import Path
from typing import Protocol

import numpy as np
import pyarrow as pa

from consumer.ids.erasures import NONE, Erasures
from consumer.store.chunk import Chunk, Pieces
from consumer.store.reader import StoreReader
from consumer.table.extent import Extent
from consumer.table.schema import Side
from trainer.live.arrivals import Arrivals
from trainer.live.pending import Pending
from trainer.live.unlisted import Unlisted
from trainer.metrics import Meters
from trainer.plays.fingerprints import Fingerprints, differing, fingerprints
from trainer.plays.ids import Ids
from trainer.plays.interactions import READ_CODED, READ_COLUMNS, ChangedRows, Interactions
from trainer.plays.matrix import Plays
from trainer.registry.artifact import Artifact
from trainer.registry.journal import Step
from trainer.registry.snapshot import Snapshots

logger = logging.getLogger(__name__)


class Settled(Protocol):
    """What lists are made from."""

    interactions: Interactions
    plays: Plays


NOTHING = ChangedRows(np.empty(0, np.int32), np.empty(0, np.int32))


class Following:
    """Follows the store commit by commit.

    Args:
        store: its folder.
        snapshots: where the settled state of an earlier process may lie; None: read all.
        meters: of the trainer.
        arrivals: takes note of gigs that are new; None: none is taken.
    """

    def __init__(
        self,
        store: Path,
        snapshots: Snapshots | None = None,
        meters: Meters | None = None,
        arrivals: Arrivals | None = None,
    ) -> None:
        self.snapshots = snapshots
        # Not `or`: one that holds nothing yet is false.
        self.arrivals = Arrivals(kept=False) if arrivals is None else arrivals
        self.meters = meters or Meters()
        self.unlisted = Unlisted()
        self.meters.watch_lists(self.unlisted.waiting_s)
        """Events whose lists are not published yet."""
        self._tail = StoreReader(store, columns=READ_COLUMNS, coded=READ_CODED)
        self._chunk: Chunk | None = None
        self._artists = Pending()
        self._venues = Pending()
        self._mates = Pending()  # artists whose lists depend on plays that changed
        self._tracked_since: int | None = None  # from that version on each changed row is known
        self.interactions = Interactions()
        self.plays: Plays = self.interactions.view()
        self.first_change_s: float | None = None  # since the last refit began
        self.last_change_s = 0.0
        self.relisted = False
        """Whether lists of untouched artists and venues may show other ids than they must, since
        ids were merged, unmerged, hidden or shown."""
        self.reread = False
        """Whether the store was read as a whole since all lists were made, so that nothing tells
        which of the published ones are right."""
        self.recounted = False
        """Whether other sources count than before, since this was last set back."""
        self.erasures = NONE
        self.erased = False
        """Whether ids were erased since this was last set back."""
        self.knew_erased = False
        """Whether any of those was among the ids settled before."""

    @property
    def version(self) -> int | None:
        """The newest store version settled, None before the first."""
        return self._chunk.version if self._chunk else None

    @property
    def offsets(self) -> dict[str, int]:
        """Next offset by app id (see `consumer.store.writer`), as of `version`."""
        return dict(self._chunk.positions) if self._chunk else {}

    @property
    def extent(self) -> Extent | None:
        """How much the store held at `version`."""
        return self._tail.extent

    def listen(self, now_s: float) -> bool:
        """Settle what was stored since the last look. Returns whether anything was.

        Args:
            now_s: the time, of a monotonic clock.
        """
        before = self.version
        touched = self._resumed() if before is None else None
        if touched is None:
            touched = self._tail.take(self._take)
        if touched is None:
            return False
        self._note(touched, before, now_s)
        self._note_place()
        settled = self.interactions
        self.meters.settled(self.version, settled.events, len(self.plays))
        return True

    def _take(self, pieces: Pieces) -> ChangedRows:
        """Settle what came; if that fails midway, the next read is a reset."""
        chunk = pieces.chunk
        self._hear_erasures(chunk.erasures)  # by the ids that were settled before
        self.recounted |= chunk.quarantines != self.interactions.quarantined
        if self._is_recount(chunk):
            return self._recount(pieces)
        ours = self._forgotten(chunk) if chunk.reset else self.interactions
        touched = self._settle(ours, pieces)
        self._chunk, self.interactions, self.plays = chunk, ours, ours.view()
        if not chunk.reset:
            return touched
        self._tracked_since, self.reread = chunk.version, True
        return NOTHING

    def _is_recount(self, chunk: Chunk) -> bool:
        """Whether the store is read again for other quarantines alone."""
        before = self._chunk
        return (
            chunk.reset
            and before is not None
            and chunk.quarantines != before.quarantines
            and len(chunk.erasures) == len(before.erasures)
            and chunk.version >= before.version
        )

    def _recount(self, pieces: Pieces) -> ChangedRows:
        """Settle the whole store under other quarantines; row numbers, and what waits, stay."""
        chunk, before = pieces.chunk, self.interactions
        if self.snapshots:
            self.snapshots.clear()
        ours = before.emptied(chunk.quarantines)
        self._settle(ours, pieces)
        self._chunk, self.interactions, self.plays = chunk, ours, ours.view()
        plays = self._differing(before.artists.ids, before.venues.ids, _prints(before))
        return both(plays, ours.with_merged(ours.described_unlike(before)))

    def _resumed(self) -> ChangedRows | None:
        """What came since the snapshot, which is taken over; None where there is none to use."""
        saved = self.snapshots.load() if self.snapshots else None
        if saved is None:
            return None
        self.interactions, events = saved.interactions, saved.interactions.events
        with self.arrivals.resuming():
            resumed = self._tail.resume(saved.known, self._take)
        if resumed is None:
            logger.info("The snapshot does not match the store; settling the whole store.")
            self.interactions = Interactions()
            return None
        # Some of these rows may have been known: files were compacted since.
        self.interactions.events = events + resumed.rows
        self._tracked_since = saved.version
        logger.info("Went on from version %d of the store, settled before.", saved.known.version)
        return resumed.result

    def _settle(self, ours: Interactions, pieces: Pieces) -> ChangedRows:
        merged = ours.merge(pieces.chunk.merges)
        self.relisted |= ours.hide(pieces.chunk.visibility) or any(map(len, merged))
        # Not a generator: it would keep a piece in memory while the next one is read.
        events = map(partial(self._measured, pieces.chunk), pieces.events)
        known = ours.gig_count
        touched = both(merged, ours.settle_all(events, pieces.rows))
        if not pieces.chunk.reset:
            self.arrivals.settled(ours, known)
        return touched

    def _measured(self, chunk: Chunk, events: pa.Table) -> pa.Table:
        """A piece of the store, after note was taken of when its events were recorded."""
        if not chunk.reset:
            self.unlisted.add(chunk.version, events["recorded_at"])
            self.arrivals.read(events)
        # A large store takes longer to read than a loop may stand still.
        return self.meters.pulse.through(events)

    def differing(self, artifact: Artifact) -> ChangedRows:
        """The rows whose plays are not those that the artifact's model was fitted on.

        Ids that the artifact knows and the store no longer does get a row, so that their lists go;
        erased ids get none.
        """
        ours, model, theirs = self.interactions, artifact.model, artifact.fingerprints
        gone = self.erasures.gone
        ours.artists.add_all(name for name in model.artist_ids if not gone("artist", name))
        ours.venues.add_all(name for name in model.venue_ids if not gone("venue", name))
        self.plays = ours.view()
        return self._differing(model.artist_ids, model.venue_ids, theirs)

    def _differing(
        self, artist_ids: list[str], venue_ids: list[str], theirs: Fingerprints
    ) -> ChangedRows:
        ours, prints = self.interactions, _prints(self.interactions)
        touched = ChangedRows(
            differing(ours.artists, prints.artists, artist_ids, theirs.artists),
            differing(ours.venues, prints.venues, venue_ids, theirs.venues),
        )
        return ours.with_merged(touched)

    def step(self, seq: int, touched: ChangedRows = NOTHING, lists: ChangedRows = NOTHING) -> Step:
        """A note of what is settled, as lists are made from it.

        Args:
            seq: of the fold-in.
            touched: rows that were solved.
            lists: rows whose lists were made; the solved ones may be among them.
        """
        ids = self.interactions
        mates = np.setdiff1d(lists.artists, touched.artists)
        return Step(
            seq=seq,
            positions=self.offsets,
            events=ids.events,
            merges=len(self._chunk.merges) if self._chunk else 0,
            visibility=len(self._chunk.visibility) if self._chunk else 0,
            quarantined=ids.quarantined,
            artists=[ids.artists[row] for row in touched.artists.tolist()],
            venues=[ids.venues[row] for row in touched.venues.tolist()],
            mates=[ids.artists[row] for row in mates.tolist()],
        )

    def pending(self, most: int) -> ChangedRows:
        """Rows whose lists wait to be made; at most `most` of a kind, longest waiting first.

        These are artists and venues whose plays changed, and bill-mates of such artists.
        """
        artists = np.union1d(self._artists.first(most), self._mates.first(most))
        return ChangedRows(artists.astype(np.int32), self._venues.first(most))

    def unsolved(self, waiting: ChangedRows) -> ChangedRows:
        """Those of `pending` whose own plays changed: a mate's vector stays what it was."""
        return ChangedRows(self._artists.among(waiting.artists), self._venues.among(waiting.venues))

    def right_after(self, touched: ChangedRows) -> int:
        """The store version up to which all lists are right once these are published too."""
        waiting = (
            self._artists.right_without(touched.artists),
            self._mates.right_without(touched.artists),
            self._venues.right_without(touched.venues),
        )
        return min((each for each in waiting if each is not None), default=self.version or 0)

    def done(self, touched: ChangedRows) -> None:
        """These rows are folded in and published."""
        self._artists.done(touched.artists.tolist())
        self._mates.done(touched.artists.tolist())
        self._venues.done(touched.venues.tolist())

    def rewind(self, version: int, *, others_done: bool = False) -> bool:
        """Let all rows wait again that changed after `version`, up to which lists are right.

        Args:
            version: of the store.
            others_done: rows that did not change since do not wait any more.

        Returns:
            Whether these are known. Otherwise nothing is changed: all lists must be published
            again.
        """
        if self.reread or not self._knows(version):
            return False
        for side in (self._artists, self._venues, self._mates):
            if others_done:
                side.clear()
            side.rewind(version)
        return True

    def all_done(self) -> None:
        """Everything settled so far is published."""
        self._artists.clear()
        self._mates.clear()
        self._venues.clear()
        self.reread = False

    def changed_since(self, version: int) -> ChangedRows | None:
        """Rows that changed after a version of the store; None: not known."""
        if not self._knows(version):
            return None
        return ChangedRows(
            self._artists.changed_since(version), self._venues.changed_since(version)
        )

    def mates_since(self, version: int) -> ChangedRows:
        """Artists whose bill-mates changed after a version that `changed_since` knows."""
        return ChangedRows(self._mates.changed_since(version), NOTHING.venues)

    def _knows(self, version: int) -> bool:
        now, since = self.version, self._tracked_since
        return now is not None and since is not None and since <= version <= now

    def _hear_erasures(self, erasures: Erasures) -> None:
        if len(erasures) > len(self.erasures):
            self.erasures, self.erased = erasures, True
            known: dict[Side, Ids] = {
                "artist": self.interactions.artists,
                "venue": self.interactions.venues,
            }
            found = (erasures.gone(side, name) for side, ids in known.items() for name in ids.ids)
            self.knew_erased = self.knew_erased or any(found)

    def _forgotten(self, chunk: Chunk) -> Interactions:
        """An empty state to settle the whole store into; the old one serves until that is done."""
        if self.snapshots:
            self.snapshots.clear()
        self._artists.forget()
        self._mates.forget()
        self._venues.forget()
        self.unlisted.clear()
        self.arrivals.clear()
        return Interactions(chunk.quarantines)

    def _note_place(self) -> None:
        place = self._tail.last_read
        if place and self.snapshots and self._chunk and not self._chunk.reset:
            self.snapshots.note(*place)

    def _note(self, touched: ChangedRows, before: int | None, now_s: float) -> None:
        if self.first_change_s is None:
            self.first_change_s = now_s
        self.last_change_s = now_s
        now = self.version or 0
        since = self._tracked_since or 0 if before is None else before
        self._artists.note(touched.artists, since, now)
        self._mates.note(self.interactions.mates_of(touched), since, now)
        self._venues.note(touched.venues, since, now)
        if not any(map(len, touched)):
            self.unlisted.drop(now)


def _prints(settled: Interactions) -> Fingerprints:
    return fingerprints(settled.plays(), settled.artists, settled.venues)


def both(one: ChangedRows, other: ChangedRows) -> ChangedRows:
    """Rows that are among either."""
    return ChangedRows(
        *(np.union1d(*rows).astype(np.int32) for rows in zip(one, other, strict=True))
    )
