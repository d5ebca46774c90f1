"""Ten million stored statements to a matrix of plays, against the notebook's pandas.

pandas counts pairs of artist and venue without settling: a gig that was moved or cancelled counts
once per statement. Ours reads the 15 columns that the settling rule needs and counts each gig once.
Both start from columns in memory as their reader returns them (pandas: `read_csv`; ours: the
store's reader, with the ids of each commit as codes and a dictionary) and end with a scipy matrix.
`plain_s` is ours with all texts as strings.

Freed memory stays with the process: on a virtual machine, getting a page from the host costs more
than the work done on it, and both sides would wait for gigabytes of pages.

The increment settles 1 % more statements and updates the matrix; a tick settles one gig and reads
all plays of its artist and its venue. A restart is a trainer's first read of a store of some
million statements, with and without a snapshot.
"""

import ctypes
import tempfile
from functools import partial
from pathlib import Path
from statistics import median

import pandas as pd
import pyarrow as pa
import pyarrow.csv
from scipy.sparse import coo_matrix, csr_matrix

from benchmarks.report import Report, interleaved, ratio, resident_bytes, seconds
from benchmarks.statements import statements, stored
from consumer.store.reader import read_at, reader_state
from trainer.live.following import Following
from trainer.plays.interactions import CODED, COLUMNS, Interactions
from trainer.plays.matrix import Plays
from trainer.plays.read import settled_at
from trainer.registry.snapshot import Snapshots

TEN_MILLION = 10_000_000
STEPS = 5
TICKS = 50
ROWS_A_COMMIT = 100_000
_TRIM_THRESHOLD, _MMAP_MAX = -1, -4  # malloc.h


def measure(*, quick: bool) -> Report:
    """200k artists x 20k venues; 15 % of the statements move or cancel an earlier gig."""
    n, rounds, commits = (100_000, 1, 2) if quick else (TEN_MILLION, 5, 30)
    sizes = (4000, 1000) if quick else (200_000, 20_000)
    events = statements(n, *sizes)
    held, increments, ticks = _grown_by(events, sizes)
    frame = _as_read(events)
    read = _as_stored(events)
    _keep_memory()
    times = interleaved(
        rounds,
        pandas=partial(notebook, frame),
        ours=partial(settled, read),
        plain=partial(settled, events),
    )
    restart = _restarted(events.slice(0, commits * ROWS_A_COMMIT))
    return Report(
        "matrix",
        {
            "ratio_to_pandas": ratio(times, "pandas", "ours"),
            "seconds_10m": median(times["ours"]) * TEN_MILLION / n,
            "increment_s": median(increments),
            "tick_ms": median(ticks) * 1e3,
            "bytes_per_event": held / n,
            "restart_s": restart["saved"],
        },
        {
            "events": n,
            "pandas_s": median(times["pandas"]),
            "plain_s": median(times["plain"]),
            "slowest_tick_ms": max(ticks) * 1e3,
            "restart_events": min(commits * ROWS_A_COMMIT, n),
            "restart_anew_s": restart["fresh"],
            "save_s": restart["save"],
            "s": times,
        },
        "python -m benchmarks matrix",
    )


def settled(events: pa.Table) -> csr_matrix:
    """Plays by pair, each gig by its greatest statement."""
    interactions = Interactions()
    interactions.settle(events)
    return interactions.counts()


def notebook(frame: pd.DataFrame) -> csr_matrix:
    """Statements per pair."""
    pairs = frame.groupby(["artists", "venues"]).size().reset_index(name="plays")
    artists, venues = (pairs[side].astype("category").cat for side in ("artists", "venues"))
    shape = len(artists.categories), len(venues.categories)
    return coo_matrix((pairs["plays"], (artists.codes, venues.codes)), shape=shape).tocsr()


def _keep_memory() -> None:
    """Make glibc's malloc keep a heap that never shrinks, on systems with glibc."""
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        libc.mallopt(_MMAP_MAX, 0)
        libc.mallopt(_TRIM_THRESHOLD, -1)


def _as_read(events: pa.Table) -> pd.DataFrame:
    """The two columns as the notebook has them."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "data.tsv"
        options = pyarrow.csv.WriteOptions(
            include_header=False, delimiter="\t", quoting_style="none"
        )
        pyarrow.csv.write_csv(events.select(["artist_id", "venue_id"]), path, options)
        return pd.read_csv(path, sep="\t", names=["artists", "venues"])


def _as_stored(events: pa.Table) -> pa.Table:
    """The columns that settling reads of a store."""
    with tempfile.TemporaryDirectory() as folder:
        version = stored(Path(folder), events, ROWS_A_COMMIT)
        return read_at(Path(folder), version, columns=COLUMNS, coded=CODED).events


def _grown_by(events: pa.Table, sizes: tuple[int, int]) -> tuple[int, list[float], list[float]]:
    """Bytes of the settled events; seconds of some increments and some ticks."""
    n, before = len(events), resident_bytes()
    interactions = Interactions()
    interactions.settle(events)
    held = resident_bytes() - before
    interactions.counts()
    hundredth = n // 100
    starts = [n + step * hundredth for step in range(STEPS)]
    more = [statements(hundredth, *sizes, first=first, seed=first) for first in starts]
    increments = [seconds(partial(_grown, interactions, part)) for part in more]
    singles = [statements(1, *sizes, first=2 * n + k, seed=k) for k in range(TICKS)]
    return held, increments, [seconds(partial(_ticked, interactions, one)) for one in singles]


def _grown(interactions: Interactions, events: pa.Table) -> csr_matrix:
    interactions.settle(events)
    return interactions.counts()


def _ticked(interactions: Interactions, event: pa.Table) -> tuple[Plays, Plays]:
    artists, venues = interactions.settle(event)
    present = interactions.view()
    return present.for_artists(artists), present.transposed().for_artists(venues)


def _restarted(events: pa.Table) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        store, snapshots = Path(folder) / "store", Snapshots(Path(folder) / "models")
        version = stored(store, events, ROWS_A_COMMIT)
        save_s = seconds(
            partial(snapshots.save, settled_at(store, version)[0], reader_state(store, version))
        )
        times = interleaved(
            2,
            fresh=lambda: Following(store).listen(0.0),
            saved=lambda: Following(store, snapshots).listen(0.0),
        )
    return {name: median(several) for name, several in times.items()} | {"save": save_s}
