"""Ten million stored statements to a matrix of plays, against the notebook's pandas.

pandas counts pairs of artist and venue and settles nothing: a gig that was moved or cancelled
counts as often as it was spoken of. Ours reads what the settling rule asks for, 15 columns, and
counts each gig once. Both begin with columns in memory, each as its reader leaves them (pandas'
`read_csv`; ours that of the store, with the ids of each commit as codes and a dictionary), and end
with a scipy matrix. `plain_s` is ours where all texts are strings.

The process keeps the memory that it gave back: on a virtual machine a page that the host must find
anew costs more than the work that is done on it, and both sides would wait for gigabytes of them.

The increment is a hundredth more, settled, and the matrix brought up to it; a tick is one gig
more, and all plays of its artist and its venue. A restart is a trainer's first look at a store of
some million statements, with what an earlier one had settled and without.
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
from consumer.tail import known, read_at
from trainer.following import Following, settled_at
from trainer.interactions import CODED, COLUMNS, Interactions
from trainer.matrix import Plays
from trainer.snapshot import Snapshots

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
            "restart_anew_s": restart["anew"],
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
    """Statements by pair."""
    pairs = frame.groupby(["artists", "venues"]).size().reset_index(name="plays")
    artists, venues = (pairs[side].astype("category").cat for side in ("artists", "venues"))
    shape = len(artists.categories), len(venues.categories)
    return coo_matrix((pairs["plays"], (artists.codes, venues.codes)), shape=shape).tocsr()


def _keep_memory() -> None:
    """Let glibc's malloc take all from a heap that never shrinks, where there is glibc."""
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
    """Bytes that the settled events take; seconds of some increments, and of some ticks."""
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
    present = interactions.present()
    return present.of_artists(artists), present.mirrored().of_artists(venues)


def _restarted(events: pa.Table) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        store, snapshots = Path(folder) / "store", Snapshots(Path(folder) / "models")
        version = stored(store, events, ROWS_A_COMMIT)
        save_s = seconds(
            partial(snapshots.save, settled_at(store, version)[0], known(store, version))
        )
        times = interleaved(
            2,
            anew=lambda: Following(store).listen(0.0, None),
            saved=lambda: Following(store, snapshots).listen(0.0, None),
        )
    return {name: median(several) for name, several in times.items()} | {"save": save_s}
