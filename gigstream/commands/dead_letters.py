"""`dead-letters`: what broke the event contract, why, and sending it again after a fix."""

import base64
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

import click

from gigstream.commands.lists import table
from gigstream.errors import WrongUse
from gigstream.terminal import Report, Terminal, command

if TYPE_CHECKING:
    import pyarrow as pa

    from consumer.dead_letters import DeadLetter, Filter
    from consumer.framing import Unframe
    from gigstream.settings import Settings

Function = TypeVar("Function", bound=Callable[..., Report])

_SHOWN = 3
_AT_ONCE = 1_000
_NEWEST = [("recorded_at", "descending"), ("partition", "descending"), ("offset", "descending")]
_TIME = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ"])


@click.group("dead-letters")
def dead_letters() -> None:
    """Records that broke the event contract: list them, show one, replay them after a fix."""


def _filters(function: Function) -> Function:
    for option in (
        click.option("--offset", type=click.IntRange(0), help="Only this offset."),
        click.option("--partition", type=click.IntRange(0), help="Only of this partition."),
        click.option("--until", type=_TIME, help="Only those recorded before, in UTC."),
        click.option("--since", type=_TIME, help="Only those recorded then or later, in UTC."),
        click.option("--reason", help="Only those whose reason has this text in it."),
        click.option("--field", help="Only those that broke this field."),
    ):
        function = option(function)
    return function


@command("list")
@_filters
@click.option("--unresolved", is_flag=True, help="Only those not replayed since.")
@click.option("-n", default=20, show_default=True, type=click.IntRange(1), help="How many.")
def list_(terminal: Terminal, *, n: int, unresolved: bool, **wanted: object) -> Report:
    """The newest dead letters: where they lie, when, and what is wrong."""
    from consumer import dead_letters as reader
    from gigstream.settings import load

    rows = _filter(wanted, is_open=unresolved).of(reader.read(load().store))
    newest = rows.sort_by(_NEWEST).slice(0, n)
    found = [_fact(row) for row in newest.to_pylist()]
    terminal.say(table(("id", "time", "field", "reason", "replayed"), list(map(_line, found))))
    terminal.say(f"{len(found):,} of {rows.num_rows:,} that match")
    return Report({"matching": rows.num_rows, "dead_letters": found})


@command("show")
@click.argument("identity", metavar="ID")
@click.option("--raw", is_flag=True, help="Nothing but the value, byte for byte.")
def show(terminal: Terminal, identity: str, *, raw: bool) -> Report:
    """One dead letter as it came: value, key, headers, and the reason.

    ID is topic_id/partition/offset as `list` shows it; its end does where only one has it.
    """
    from consumer import dead_letters as reader
    from gigstream.settings import load

    store = load().store
    row = _named(reader.read(store), identity)
    (letter,) = reader.load_in_turn(store, row)
    data = {**_fact(row.to_pylist()[0]), **_content(letter)}
    if raw:
        _write(letter.value or b"")
    else:
        terminal.say(table(("", ""), _lines(data)))
    return Report(data)


@command("replay")
@click.argument("identities", metavar="[ID]...", nargs=-1)
@_filters
@click.option("-n", type=click.IntRange(1), help="At most so many, the oldest first.")
@click.option("--dry-run", is_flag=True, help="Say what would be sent; send nothing.")
@click.option("--value", type=click.File("rb"), help="Send this file's content as the value of ID.")
def replay(
    terminal: Terminal,
    identities: tuple[str, ...],
    *,
    n: int | None,
    dry_run: bool,
    value: BinaryIO | None,
    **wanted: object,
) -> Report:
    """Send dead letters again that are valid by now, to the topic that they came from.

    Without IDs: all that match and were not replayed. What is still invalid stays where it is.
    """
    from consumer.replay import send
    from consumer.unframing import schema_registry
    from gigstream.settings import load

    _refuse_several(value, identities)
    settings = load()
    rows, skipped = _meant(settings, identities, _filter(wanted, is_open=True))
    with schema_registry(settings) as unframe:
        judged = _judged(settings, rows, value.read() if value else None, unframe)
        sendable, still = _parted(judged, n)
    _refuse_invalid(value, still)
    sends = bool(sendable) and not dry_run
    if sends:
        send(settings, sendable)
    data = {
        "sent": len(sendable) if sends else 0,
        "valid": [letter.place for letter in sendable],
        "invalid": still,
        "replayed_before": skipped,
        "dry_run": dry_run,
    }
    _tell(terminal, data, len(sendable))
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


def _filter(wanted: dict[str, Any], *, is_open: bool) -> "Filter":
    from consumer.dead_letters import Filter

    times = {name: wanted[name].replace(tzinfo=UTC) for name in ("since", "until") if wanted[name]}
    return Filter(**{**wanted, **times}, is_open=is_open)


def _meant(
    settings: "Settings", identities: tuple[str, ...], wanted: "Filter"
) -> "tuple[pa.Table, list[str]]":
    """Rows to be replayed, the oldest first, and places named that were replayed already."""
    import pyarrow as pa
    import pyarrow.compute as pc

    from consumer import dead_letters as reader

    rows = reader.read(settings.store)
    if identities:
        rows = pa.concat_tables([_named(rows, identity) for identity in identities])
    done = rows.filter(pc.field("replayed")) if identities else rows.slice(0, 0)
    oldest = [("recorded_at", "ascending"), *reader.ORDER]
    return wanted.of(rows).sort_by(oldest), reader.places(done).to_pylist()


def _judged(
    settings: "Settings", rows: "pa.Table", value: bytes | None, unframe: "Unframe | None"
) -> "Iterator[tuple[DeadLetter, str | None]]":
    """Each dead letter and what is wrong with it today."""
    from consumer import dead_letters as reader
    from consumer.replay import faults

    for start in range(0, rows.num_rows, _AT_ONCE):
        letters = list(reader.load_in_turn(settings.store, rows.slice(start, _AT_ONCE)))
        if value is not None:
            letters = [replace(letter, value=value) for letter in letters]
        yield from zip(letters, faults(letters, unframe), strict=True)


def _parted(
    judged: "Iterator[tuple[DeadLetter, str | None]]", n: int | None
) -> "tuple[list[DeadLetter], list[dict[str, str]]]":
    """Those that can be sent, at most n, and why the others cannot."""
    sendable: list[DeadLetter] = []
    still: list[dict[str, str]] = []
    for letter, reason in judged:
        if reason is not None:
            still.append({"id": letter.place, "reason": reason})
        else:
            sendable.append(letter)
        if len(sendable) == n:
            break
    return sendable, still


def _tell(terminal: Terminal, data: dict[str, Any], number: int) -> None:
    if data["dry_run"]:
        terminal.say(*data["valid"], f"{number:,} would be sent")
    else:
        terminal.say(f"{data['sent']:,} sent; the consumer stores them like any others")
    if data["replayed_before"]:
        terminal.say(f"{len(data['replayed_before']):,} were replayed before")
    if data["invalid"]:
        example = data["invalid"][0]
        terminal.say(f"{len(data['invalid']):,} are still invalid, such as {example['id']}:")
        terminal.say(example["reason"])


def _named(rows: "pa.Table", identity: str) -> "pa.Table":
    """The one row that an id, or the end of one, names.

    Raises:
        WrongUse: It names none, or several.
    """
    import pyarrow.compute as pc

    from consumer.dead_letters import places

    whole = places(rows)
    mask = pc.or_(pc.equal(whole, identity), pc.ends_with(whole, f"/{identity}"))
    found = rows.filter(mask)
    if found.num_rows == 1:
        return found
    if not found.num_rows:
        raise WrongUse(f"there is no dead letter {identity!r}; `dead-letters list` shows their ids")
    some = ", ".join(places(found).to_pylist()[:_SHOWN])
    raise WrongUse(f"several dead letters end in {identity!r}; give a whole id, such as {some}")


def _fact(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": f"{row['topic_id']}/{row['partition']}/{row['offset']}",
        "time": _instant(row["recorded_at"]),
        "field": row["field"],
        "reason": row["reason"],
        "replayed": row["replayed"],
    }


def _line(fact: dict[str, Any]) -> tuple[str, ...]:
    replayed = "yes" if fact["replayed"] else ""
    return fact["id"], fact["time"], fact["field"], fact["reason"], replayed


def _content(letter: "DeadLetter") -> dict[str, Any]:
    return {
        "replay_of": letter.replay_of,
        "headers": [[name, _text(value)] for name, value in letter.headers],
        "key": _text(letter.key),
        "value": _text(letter.value),
        "value_base64": None if letter.value is None else base64.b64encode(letter.value).decode(),
    }


def _text(value: bytes | None) -> str | None:
    """Text as it is, other bytes in hexadecimal."""
    if value is None:
        return None
    try:
        return value.decode()
    except UnicodeDecodeError:
        return f"0x{value.hex()}"


def _write(value: bytes) -> None:
    sys.stdout.buffer.write(value)
    sys.stdout.buffer.flush()


def _lines(data: dict[str, Any]) -> list[tuple[str, ...]]:
    return [(name, _shown(value)) for name, value in data.items() if name != "value_base64"]


def _shown(value: object) -> str:
    if isinstance(value, list):
        return "\n".join(f"{name}: {text}" for name, text in value) or "-"
    return "-" if value is None else str(value)


def _instant(time: datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")
