"""What the store holds of an id: what a merge would move, and an erasure remove."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from consumer.ids import decisions, merges
from consumer.ids.decisions import Decisions
from consumer.ids.mentions import PlainIdMatcher
from consumer.ids.quarantines import ALL, counting
from consumer.ids.redactor import READ_BY_KIND, Redactor
from consumer.table import delta_log, parquet, schema
from consumer.table.delta_log import File
from consumer.table.reader_marks import Mark
from consumer.table.schema import Side

_ROWS_AT_ONCE = 200_000
_OF_SOURCE = pa.schema([("source", schema.CODES), schema.SCHEMA.field("recorded_at")])


class Stated(NamedTuple):
    """Statements that carry an id.

    Attributes:
        statements: stored, whether they count or not.
        gigs: that they are of.
    """

    statements: int
    gigs: int


class Survey(NamedTuple):
    """What an erasure would take out of the store.

    Attributes:
        ids: the id and those that were merged into it.
        stated: of all these ids.
        dead: dead letters that mention one.
        decisions: merges and visibility of one.
        mentions: rows of other ids that mention one.
    """

    ids: list[str]
    stated: Stated
    dead: int
    decisions: int
    mentions: int

    @property
    def is_empty(self) -> bool:
        """Whether the store knows nothing of these ids."""
        return not any((self.stated.statements, self.dead, self.decisions, self.mentions))


def stated(path: Path, side: Side, ids: Sequence[str]) -> Stated:
    """The statements of some ids.

    Args:
        path: the table's folder.
        side: of the ids.
        ids: as the statements carry them: merges are not followed.

    Raises:
        StoreDamaged, StoreNewer: it cannot be read.
    """
    with closing(Mark(path)):  # keeps the files until they are read
        return _stated(path, _files(path), side, ids)


def count_of_source(path: Path, name: str, since_us: int = ALL) -> int:
    """How many statements of a source are stored, tombstones included.

    Args:
        path: the table's folder.
        name: of the source.
        since_us: only those recorded from then on, epoch us.

    Raises:
        StoreDamaged, StoreNewer: it cannot be read.
    """
    with closing(Mark(path)):
        counted = 0
        for file in _files(path):
            if file.kind == "event":
                for rows in parquet.stream(path, file, _OF_SOURCE, _ROWS_AT_ONCE):
                    counted += len(rows) - len(counting(rows, {name: since_us}))
        return counted


def survey(path: Path, side: Side, identity: str) -> Survey:
    """What an erasure of an id would take out of the store.

    Args:
        path: the table's folder.
        side: of the id.
        identity: the id.

    Raises:
        StoreDamaged, StoreNewer: it cannot be read.
    """
    with closing(Mark(path)):
        files = _files(path)
        ids = [identity, *merged_into(decisions.read(path), side, identity)]
        names: set[str] = set().union(*(names_of(path, each, side, ids) for each in files))
        redactor = Redactor(lambda of, name: of == side and name in ids, PlainIdMatcher(ids, names))
        # The erasure's own rules, so that what is shown is what will be done.
        found: Counter[str] = Counter()
        for file in files:
            found.update(_removed(path, file, redactor))
        return Survey(
            ids=ids,
            stated=_stated(path, files, side, ids),
            dead=found["dead"],
            decisions=found["merge"] + found["visibility"],
            mentions=found["mentions"],
        )


def merged_into(known: Decisions, side: Side, identity: str) -> list[str]:
    """The ids that count as this one, chains followed.

    Args:
        known: decisions of the store.
        side: of the id.
        identity: the id.
    """
    links = merges.links(known.all_merges, side)
    return sorted(each for each in links if merges.leads_to(links, links[each], identity))


def names_of(path: Path, file: File, side: Side, ids: Sequence[str]) -> set[str]:
    """The names that the events of a file give these ids; none where it holds no events.

    Args:
        path: the table's folder.
        file: of the table.
        side: of the ids.
        ids: some ids.

    Raises:
        FileNotFoundError, StoreDamaged: see `parquet.read`.
    """
    found: set[str] = set()
    for rows in _rows_of(path, [file], side, ids, [f"{side}_name"]):
        found |= {name for name in pc.unique(rows[f"{side}_name"]).to_pylist() if name}
    return found


def _files(path: Path) -> list[File]:
    snapshot = delta_log.replay(path)
    return list(snapshot.files.values()) if snapshot else []


def _stated(path: Path, files: Iterable[File], side: Side, ids: Sequence[str]) -> Stated:
    # One side's id and the bill make a gig; a later statement of it may name another venue.
    statements, gigs = 0, set[tuple[str, ...]]()
    for rows in _rows_of(path, files, side, ids, ["source", "event_id", "artist_id"]):
        statements += rows.num_rows
        columns = (rows[name].to_pylist() for name in ("source", "event_id", "artist_id"))
        gigs.update(zip(*columns, strict=True))
    return Stated(statements, len(gigs))


def _rows_of(
    path: Path, files: Iterable[File], side: Side, ids: Sequence[str], columns: Sequence[str]
) -> Iterator[pa.Table]:
    """These columns of the events that carry one of the ids."""
    wanted = schema.columns(list(dict.fromkeys([f"{side}_id", *columns])))
    asked = pa.array(ids, pa.string())
    for file in files:
        if file.kind == "event":
            for rows in parquet.stream(path, file, wanted, _ROWS_AT_ONCE):
                yield rows.filter(pc.is_in(rows[f"{side}_id"], asked))


def _removed(path: Path, file: File, redactor: Redactor) -> Counter[str]:
    found: Counter[str] = Counter()
    if file.kind not in READ_BY_KIND:
        return found
    columns = schema.columns(READ_BY_KIND[file.kind])
    for rows in parquet.stream(path, file, columns, _ROWS_AT_ONCE):
        _, dropped, scrubbed = redactor.redact(file.kind, rows)
        found.update({file.kind: dropped, "mentions": scrubbed})
    return found
