"""Dead letters: counted, looked at, and replayed after a fix."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from consumer.dead_letters import letters as reader
from consumer.dead_letters.kinds import Kind, kinds, of_source
from consumer.dead_letters.letters import DeadLetter, Filter, addresses
from consumer.dead_letters.replay import faults, send
from consumer.events.framing import Unframe
from consumer.ingest.tallies import Source
from consumer.registry.connect import schema_registry
from operations.audit import Actor, noted
from operations.errors import NotThere, OperationError, Refused
from operations.settings import OperationSettings

_SHOWN = 3
_AT_ONCE = 1_000
_NEWEST = [("recorded_at", "descending"), ("partition", "descending"), ("offset", "descending")]


@dataclass(frozen=True)
class Listing:
    """Some dead letters.

    Attributes:
        matching: how many match.
        kinds: of these, the most frequent first.
        newest: the newest of them.
    """

    matching: int
    kinds: Sequence[Kind]
    newest: Sequence[Mapping[str, Any]]


OPEN = Filter(is_open=True)
"""Those that were not replayed."""


@dataclass(frozen=True)
class Wanted:
    """Which dead letters to replay.

    Attributes:
        ids: addresses, or their unique ends; none: all that match.
        where: what they must match; those replayed before never do.
        source: None: one that cannot be read.
        any_source: `source` does not matter.
        n: at most this number, oldest first; None: all.
        value: sent in place of the value of the one that is named.
    """

    ids: tuple[str, ...] = ()
    where: Filter = OPEN
    source: Source = None
    any_source: bool = True
    n: int | None = None
    value: bytes | None = None


@dataclass(frozen=True)
class Outcome:
    """What a replay has sent, or would send.

    Attributes:
        sent: how many were sent.
        valid: addresses of those that are valid now.
        invalid: address and reason of those that are not.
        replayed_before: addresses of named ones that were replayed before.
        dry_run: nothing was sent, by request.
    """

    sent: int
    valid: list[str]
    invalid: list[dict[str, str]]
    replayed_before: list[str]
    dry_run: bool


def listing(store: Path, where: Filter, n: int, *, by_reason: bool = False) -> Listing:
    """The kinds of the dead letters that match, and the newest of them.

    Args:
        store: its folder.
        where: what they must match.
        n: how many of the newest.
        by_reason: count each reason of a source and field by itself.

    Raises:
        ConsumerError: the store cannot be read.
        OperationError: it was compacted meanwhile.
    """
    rows = where.select(reader.read(store)).sort_by(_NEWEST)
    with _while_compacted(store):
        counted = kinds(store, rows, by_reason=by_reason)
    return Listing(rows.num_rows, counted, [fact(row) for row in rows.slice(0, n).to_pylist()])


def one(store: Path, identity: str) -> tuple[dict[str, Any], DeadLetter]:
    """The facts of a dead letter, and the letter as it was received.

    Args:
        store: its folder.
        identity: its address, or the unique end of that.

    Raises:
        NotThere: there is none.
        Refused: there are several.
    """
    row = _by_id(reader.read(store), identity)
    (letter,) = _load(store, row)
    return fact(row.to_pylist()[0]), letter


def replay(
    settings: OperationSettings, actor: Actor, wanted: Wanted, *, dry_run: bool
) -> dict[str, Any]:
    """Send dead letters that are valid now to the topic that they came from.

    Args:
        settings: locations of store and broker.
        actor: who decides it.
        wanted: which ones.
        dry_run: send nothing.

    Raises:
        ConsumerError: the store or the broker cannot be reached.
        Refused: a corrected value is still invalid, or several letters are named by one id.
        NotThere: there is no such letter.
    """
    if wanted.value is not None and len(wanted.ids) != 1:
        raise Refused("a value belongs to one dead letter; name its id", field="ids")
    # A dry run is no deed, and is not on the audit.
    if dry_run:
        return asdict(_replayed(settings, wanted, dry_run=True))
    with noted(settings, actor, "dead-letters replay", **_arguments(wanted)) as deed:
        found = _replayed(settings, wanted, dry_run=False)
        counts = {"invalid": len(found.invalid), "replayed_before": len(found.replayed_before)}
        deed.facts = {"sent": found.sent, **counts}
    return asdict(found)


def fact(row: Mapping[str, Any]) -> dict[str, Any]:
    """The id, the time, the reason and whether it was replayed, of a row of `letters.read`."""
    return {
        "id": f"{row['topic_id']}/{row['partition']}/{row['offset']}",
        "time": row["recorded_at"].strftime("%Y-%m-%dT%H:%M:%SZ"),
        **{name: row[name] for name in ("field", "reason", "replayed")},
    }


def _arguments(wanted: Wanted) -> dict[str, Any]:
    given = {name: value for name, value in asdict(wanted.where).items() if value is not None}
    given.pop("is_open")
    source = {} if wanted.any_source else {"source": wanted.source}
    named = {"ids": list(wanted.ids)} if wanted.ids else {}
    corrected = {} if wanted.value is None else {"corrected_bytes": len(wanted.value)}
    return {**named, **given, **source, "n": wanted.n, **corrected}


def _replayed(settings: OperationSettings, wanted: Wanted, *, dry_run: bool) -> Outcome:
    # Open ones only: a record that was replayed before is never sent twice.
    rows, skipped = _selected(settings.store, wanted)
    with schema_registry(settings) as unframe:
        sendable, still = _split(_checked(settings, rows, wanted.value, unframe), wanted.n)
    # A corrected value that is still wrong is the user's mistake, not a finding.
    if wanted.value is not None and still:
        raise Refused(f"the corrected value is invalid too: {still[0]['reason']}", field="value")
    sends = bool(sendable) and not dry_run
    if sends:
        send(settings, sendable)
    return Outcome(
        sent=len(sendable) if sends else 0,
        valid=[letter.address for letter in sendable],
        invalid=still,
        replayed_before=skipped,
        dry_run=dry_run,
    )


def _selected(store: Path, wanted: Wanted) -> tuple[pa.Table, list[str]]:
    """Rows to replay, oldest first, and ids of the named ones that were replayed already."""
    rows = reader.read(store)
    if wanted.ids:
        rows = pa.concat_tables([_by_id(rows, identity) for identity in wanted.ids])
    # Only named ids are reported as replayed before; others are filtered out silently.
    done = rows.filter(pc.field("replayed")) if wanted.ids else rows.slice(0, 0)
    rows = wanted.where.select(rows)
    if not wanted.any_source:
        with _while_compacted(store):
            rows = of_source(store, rows, wanted.source)
    # Oldest first: statements reach the topic in the order in which they were made.
    oldest = [("recorded_at", "ascending"), *reader.ORDER]
    return rows.sort_by(oldest), addresses(done).to_pylist()


def _load(store: Path, rows: pa.Table) -> list[DeadLetter]:
    with _while_compacted(store):
        return reader.load(store, rows)


@contextmanager
def _while_compacted(store: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise OperationError(f"store {store} was compacted meanwhile; start again") from None


def _checked(
    settings: OperationSettings, rows: pa.Table, value: bytes | None, unframe: Unframe | None
) -> Iterator[tuple[DeadLetter, str | None]]:
    """Each dead letter and what is wrong with it by today's decoder; None: nothing."""
    # In blocks: the raw bytes of all dead letters may not fit in memory.
    for start in range(0, rows.num_rows, _AT_ONCE):
        letters = _load(settings.store, rows.slice(start, _AT_ONCE))
        if value is not None:
            letters = [replace(letter, value=value) for letter in letters]
        yield from zip(letters, faults(letters, unframe, settings.statuses), strict=True)


def _split(
    checked: Iterator[tuple[DeadLetter, str | None]], n: int | None
) -> tuple[list[DeadLetter], list[dict[str, str]]]:
    """Those that can be sent, at most n, and the reasons of the others."""
    sendable: list[DeadLetter] = []
    still: list[dict[str, str]] = []
    for letter, reason in checked:
        if reason is not None:
            still.append({"id": letter.address, "reason": reason})
        else:
            sendable.append(letter)
        if len(sendable) == n:
            break
    return sendable, still


def _by_id(rows: pa.Table, identity: str) -> pa.Table:
    """The row with this id, or whose id ends with it."""
    # An id contains slashes only between its parts, so a suffix after a slash is unambiguous.
    whole = addresses(rows)
    mask = pc.or_(pc.equal(whole, identity), pc.ends_with(whole, f"/{identity}"))
    found = rows.filter(mask)
    if found.num_rows == 1:
        return found
    if not found.num_rows:
        raise NotThere(
            f"there is no dead letter {identity!r}; `gigstream dead-letters list` shows their ids",
            field="id",
        )
    some = ", ".join(addresses(found).to_pylist()[:_SHOWN])
    raise Refused(
        f"several dead letters end in {identity!r}; give a whole id, such as {some}", field="id"
    )
