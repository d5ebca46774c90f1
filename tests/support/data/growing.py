"""A store that receives drawn statements, and the full settled state."""

import numpy as np
import pyarrow as pa

from consumer.ids import merges, quarantines
from consumer.ids.merges import Merge
from consumer.ids.quarantines import ALL, QUARANTINED, RELEASED, Quarantine
from consumer.store.reader import reader_state
from consumer.store.writer import Store
from consumer.table import delta_log
from consumer.table.delta_log import Span
from consumer.table.schema import SCHEMA
from support.data.contract import NOW_MS
from support.data.statements import Statement, table, tombstone
from trainer.plays.interactions import Interactions
from trainer.plays.read import settled_at
from trainer.registry.snapshot import Snapshots

APP = "c/t/0"
MERGES = [Merge(0, "a1", "a2", "artist"), Merge(1, "v1", "v2", "venue")]


def history(first: int, n: int) -> list[Statement]:
    rng = np.random.default_rng(first)
    drawn = zip(*(rng.integers(0, size, n).tolist() for size in (60, 9, 7, 9)), strict=True)
    said = [
        Statement(f"e{e}", f"a{a}", f"v{v}", t, offset=first + k, artist_name=f"Artist {a}/{t}")
        for k, (e, a, v, t) in enumerate(drawn)
    ]
    return [*said, tombstone(f"e{first}")._replace(offset=first + n)]


def described(events: pa.Table) -> pa.Table:
    """With what every third statement says of its venue."""
    venues = enumerate(events["venue_id"].to_pylist())
    said = [None if name is None or at % 3 else f'{{"city":"{at % 5}"}}' for at, name in venues]
    return events.append_column("venue", pa.array(said, pa.string()))


class Growing:
    """A store, and statements to append to it."""

    def __init__(self, path) -> None:
        self.path = path
        self.store = Store.open(path)
        self.next = 0

    def grow(self, n: int = 40) -> None:
        self.add(described(table(history(self.next, n))))

    def add(self, events: pa.Table) -> None:
        columns = {"kind": pa.array(["event"] * len(events), pa.string())}
        columns |= {name: events[name] for name in events.column_names}
        missing = {f.name: pa.nulls(len(events), f.type) for f in SCHEMA if f.name not in columns}
        rows = pa.table(columns | missing).select(SCHEMA.names).cast(SCHEMA)
        self.store.append(rows, {APP: Span(self.next or None, self.next + len(events))})
        self.next += len(events)

    def merge(self, said: list[Merge]) -> None:
        for each in said:
            self.store.append(merges.table(each), {})

    def quarantine(self, source: str, since_us: int = ALL) -> int:
        said = Quarantine(self.version, source, QUARANTINED, since_us)
        return self.store.append(quarantines.table(said), {})

    def release(self, source: str) -> int:
        said = Quarantine(self.version, source, RELEASED, ALL)
        return self.store.append(quarantines.table(said), {})

    def save(self, snapshots: Snapshots) -> None:
        version = self.version
        interactions, _ = settled_at(self.path, version)
        snapshots.save(interactions, reader_state(self.path, version))

    @property
    def version(self) -> int:
        return delta_log.versions(self.path)[-1]


def facts(interactions: Interactions) -> dict:
    """The full settled state, by id."""
    plays, artists, venues = interactions.plays(), interactions.artists, interactions.venues
    every = np.arange(len(venues), dtype=np.int32)
    said = interactions.venue_descriptions.texts(every, interactions.merged_venues)
    rows = zip(plays.artist.tolist(), plays.venue.tolist(), plays.at_ms.tolist(), strict=True)
    return {
        "plays": sorted((artists[a], venues[v], at) for a, v, at in rows),
        "totals": interactions.totals(),
        "as_of": interactions.clock(NOW_MS),
        "names": interactions.artist_names.by_id(artists),
        "venue names": interactions.venue_names.by_id(venues),
        "described": {name: text for name, text in zip(venues.ids, said, strict=True) if text},
        "counts": int(interactions.counts().sum()),
        "ids": sorted(artists.ids) + sorted(venues.ids),
    }
