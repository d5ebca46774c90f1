"""`dead-letters`: records that broke the event contract: list, show, replay after a fix."""

import base64
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import UTC
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import click
import pyarrow as pa
import pyarrow.compute as pc

from consumer.dead_letters import letters as reader
from consumer.dead_letters.kinds import Kind, kinds
from consumer.dead_letters.letters import DeadLetter, Filter, addresses
from consumer.dead_letters.replay import faults, send
from consumer.events.framing import Unframe
from consumer.registry.connect import schema_registry
from gigstream.commands.lists import table
from gigstream.errors import GigstreamError, WrongUse
from gigstream.settings import Settings, load
from gigstream.terminal import Report, Terminal, command

Function = TypeVar("Function", bound=Callable[..., Report])

_SHOWN = 3
_KINDS = 20
_AT_ONCE = 1_000
_NEWEST = [("recorded_at", "descending"), ("partition", "descending"), ("offset", "descending")]
TIME = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ"])


@click.group("dead-letters")
def dead_letters() -> None:
    """Records that broke the event contract: list, show, replay."""


def _filters(function: Function) -> Function:
    # In reverse order of `--help`, since decorators apply from the inside out.
    for option in (
        click.option("--offset", type=click.IntRange(0), help="Only this offset."),
        click.option("--partition", type=click.IntRange(0), help="Only this partition."),
        click.option("--until", type=TIME, help="Only those recorded before this time, in UTC."),
        click.option(
            "--since", type=TIME, help="Only those recorded at this time or later, in UTC."
        ),
        click.option("--reason", help="Only those whose reason contains this text."),
        click.option("--field", help="Only those that broke this field."),
    ):
        function = option(function)
    return function


@command("list")
@_filters
@click.option("--unresolved", is_flag=True, help="Only those that were not replayed.")
@click.option("-n", default=20, show_default=True, type=click.IntRange(1), help="How many.")
def list_(terminal: Terminal, *, n: int, unresolved: bool, **wanted: object) -> Report:
    """Count dead letters by source and field, then list the newest: position, time, and reason."""
    store = load().store
    rows = _filter(wanted, is_open=unresolved).select(reader.read(store)).sort_by(_NEWEST)
    found = [_fact(row) for row in rows.slice(0, n).to_pylist()]
    counted = _kinds(store, rows)
    terminal.say(table(("count", "source", "field", "the newest reason"), _counted(counted)), "")
    terminal.say(table(("id", "time", "field", "reason", "replayed"), list(map(_line, found))))
    terminal.say(f"{len(found):,} of {rows.num_rows:,} that match")
    by_kind = [asdict(kind) for kind in counted]
    return Report({"matching": rows.num_rows, "kinds": by_kind, "dead_letters": found})


@command("show")
@click.argument("identity", metavar="ID")
@click.option("--raw", is_flag=True, help="Write only the value, byte for byte.")
def show(terminal: Terminal, identity: str, *, raw: bool) -> Report:
    """Show one dead letter as it was received: value, key, headers, and the reason.

    ID is topic_id/partition/offset as `list` shows it; its end is enough if it is unique.
    """
    store = load().store
    row = _by_id(reader.read(store), identity)
    (letter,) = _load(store, row)
    data = {**_fact(row.to_pylist()[0]), **_content(letter)}
    if raw:
        _write(letter.value or b"")
    else:
        terminal.say(
            table(
                ("", ""),
                [(name, _shown(value)) for name, value in data.items() if name != "value_base64"],
            )
        )
    return Report(data)


@command("replay")
@click.argument("identities", metavar="[ID]...", nargs=-1)
@_filters
@click.option("-n", type=click.IntRange(1), help="At most this number, oldest first.")
@click.option("--dry-run", is_flag=True, help="Show what would be sent; send nothing.")
@click.option(
    "--value", type=click.File("rb"), help="Send the content of this file as the value of ID."
)
def replay(
    terminal: Terminal,
    identities: tuple[str, ...],
    *,
    n: int | None,
    dry_run: bool,
    value: BinaryIO | None,
    **wanted: object,
) -> Report:
    """Send dead letters that are valid now to the topic that they came from.

    Without IDs: all that match and were not replayed. Records that are still invalid are not sent.
    """
    # Refused before anything is read: a value belongs to one record.
    _refuse_several(value, identities)
    settings = load()
    # Open ones only: a record that was replayed before is never sent twice.
    rows, skipped = _selected(settings, identities, _filter(wanted, is_open=True))
    with schema_registry(settings) as unframe:
        checked = _checked(settings, rows, value.read() if value else None, unframe)
        sendable, still = _split(checked, n)
    # A corrected value that is still wrong is the user's mistake, not a finding.
    _refuse_invalid(value, still)
    sends = bool(sendable) and not dry_run
    if sends:
        send(settings, sendable)
    data = {
        "sent": len(sendable) if sends else 0,
        "valid": [letter.address for letter in sendable],
        "invalid": still,
        "replayed_before": skipped,
        "dry_run": dry_run,
    }
    _print_outcome(terminal, data, len(sendable))
    return Report(data)


dead_letters.add_command(list_)
dead_letters.add_command(show)
dead_letters.add_command(replay)


def _refuse_several(value: BinaryIO | None, identities: tuple[str, ...]) -> None:
    if value is not None and len(identities) != 1:
        raise WrongUse("--value is the value of one dead letter; give its ID")


def _refuse_invalid(value: BinaryIO | None, still: list[dict[str, Any]]) -> None:
    if value is not None and still:
        raise WrongUse(f"the value of --value is invalid too: {still[0]['reason']}")


def _filter(wanted: dict[str, Any], *, is_open: bool) -> Filter:
    times = {name: wanted[name].replace(tzinfo=UTC) for name in ("since", "until") if wanted[name]}
    return Filter(**{**wanted, **times}, is_open=is_open)


def _selected(
    settings: Settings, identities: tuple[str, ...], wanted: Filter
) -> tuple[pa.Table, list[str]]:
    """Rows to replay, oldest first, and ids of the named ones that were replayed already."""
    rows = reader.read(settings.store)
    if identities:
        rows = pa.concat_tables([_by_id(rows, identity) for identity in identities])
    # Only named ids are reported as replayed before; others are filtered out silently.
    done = rows.filter(pc.field("replayed")) if identities else rows.slice(0, 0)
    # Oldest first: statements reach the topic in the order in which they were made.
    oldest = [("recorded_at", "ascending"), *reader.ORDER]
    return wanted.select(rows).sort_by(oldest), reader.addresses(done).to_pylist()


def _load(store: Path, rows: pa.Table) -> list[DeadLetter]:
    with _while_compacted(store):
        return reader.load(store, rows)


def _kinds(store: Path, rows: pa.Table) -> list[Kind]:
    with _while_compacted(store):
        return kinds(store, rows)


@contextmanager
def _while_compacted(store: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise GigstreamError(f"store {store} was compacted meanwhile; start again") from None


def _counted(found: list[Kind]) -> list[tuple[str, ...]]:
    return [
        (f"{kind.count:,}", "?" if kind.source is None else kind.source, kind.field, kind.reason)
        for kind in found[:_KINDS]
    ]


def _checked(
    settings: Settings, rows: pa.Table, value: bytes | None, unframe: Unframe | None
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


def _print_outcome(terminal: Terminal, data: dict[str, Any], number: int) -> None:
    if data["dry_run"]:
        terminal.say(*data["valid"], f"{number:,} would be sent")
    else:
        terminal.say(f"{data['sent']:,} sent; the consumer stores them like any others")
    if data["replayed_before"]:
        terminal.say(f"{len(data['replayed_before']):,} were replayed before")
    if data["invalid"]:
        example = data["invalid"][0]
        terminal.say(f"{len(data['invalid']):,} are still invalid, for example {example['id']}:")
        terminal.say(example["reason"])


def _by_id(rows: pa.Table, identity: str) -> pa.Table:
    """The row with this id, or whose id ends with it.

    Raises:
        WrongUse: There is none, or several.
    """
    # An id contains slashes only between its parts, so a suffix after a slash is unambiguous.
    whole = addresses(rows)
    mask = pc.or_(pc.equal(whole, identity), pc.ends_with(whole, f"/{identity}"))
    found = rows.filter(mask)
    if found.num_rows == 1:
        return found
    if not found.num_rows:
        raise WrongUse(f"there is no dead letter {identity!r}; `dead-letters list` shows their ids")
    some = ", ".join(addresses(found).to_pylist()[:_SHOWN])
    raise WrongUse(f"several dead letters end in {identity!r}; give a whole id, such as {some}")


def _fact(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": f"{row['topic_id']}/{row['partition']}/{row['offset']}",
        "time": row["recorded_at"].strftime("%Y-%m-%dT%H:%M:%SZ"),
        **{name: row[name] for name in ("field", "reason", "replayed")},
    }


def _line(fact: dict[str, Any]) -> tuple[str, ...]:
    replayed = "yes" if fact["replayed"] else ""
    return fact["id"], fact["time"], fact["field"], fact["reason"], replayed


def _content(letter: DeadLetter) -> dict[str, Any]:
    return {
        "replay_of": letter.replay_of,
        "headers": [[name, _text(value)] for name, value in letter.headers],
        "key": _text(letter.key),
        "value": _text(letter.value),
        "value_base64": None if letter.value is None else base64.b64encode(letter.value).decode(),
    }


def _text(value: bytes | None) -> str | None:
    """UTF-8 text as it is, other bytes in hexadecimal."""
    if value is None:
        return None
    try:
        return value.decode()
    except UnicodeDecodeError:
        return f"0x{value.hex()}"


def _write(value: bytes) -> None:
    # Bytes, not text: the value may be Avro or broken UTF-8.
    sys.stdout.buffer.write(value)
    sys.stdout.buffer.flush()


def _shown(value: object) -> str:
    if isinstance(value, list):
        return "\n".join(f"{name}: {text}" for name, text in value) or "-"
    return "-" if value is None else str(value)
