"""`dead-letters`: records that broke the event contract: list, show, replay after a fix."""

import base64
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC
from typing import Any, BinaryIO, TypeVar

import click

from consumer.dead_letters.kinds import Kind
from consumer.dead_letters.letters import DeadLetter, Filter
from gigstream.errors import WrongUse
from gigstream.settings import load
from gigstream.tables import Rows, bounded
from gigstream.terminal import Report, Terminal, command
from operations import dead_letters as dead
from operations.audit import os_user

Function = TypeVar("Function", bound=Callable[..., Report])

_KINDS = 20
_OF_KINDS = ("count", "source", "field", "the newest reason")
_OF_LETTERS = ("id", "time", "field", "reason", "replayed")
_PROSE = {"the newest reason", "reason"}
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
    found = dead.listing(load().store, _filter(wanted, is_open=unresolved), n)
    rows = list(map(_line, found.newest))
    if rows:
        terminal.say(Rows(_OF_KINDS, _counted(found.kinds), prose=_PROSE))
        # Their number has no option: all are in the JSON.
        hidden = len(found.kinds) - _KINDS
        terminal.remark(*[f"{hidden:,} more kinds; --json has all"] if hidden > 0 else [])
        terminal.say("")
    terminal.say(Rows(_OF_LETTERS, rows, prose=_PROSE, empty="no dead letter matches"))
    terminal.say(*[f"{len(rows):,} of {found.matching:,} that match"] if rows else [])
    terminal.remark(*bounded(len(rows), found.matching))
    by_kind = [asdict(kind) for kind in found.kinds]
    return Report(
        {"matching": found.matching, "kinds": by_kind, "dead_letters": list(found.newest)}
    )


@command("show")
@click.argument("identity", metavar="ID")
@click.option("--raw", is_flag=True, help="Write only the value, byte for byte.")
def show(terminal: Terminal, identity: str, *, raw: bool) -> Report:
    """Show one dead letter as it was received: value, key, headers, and the reason.

    ID is topic_id/partition/offset as `list` shows it; its end is enough if it is unique.
    """
    facts, letter = dead.one(load().store, identity)
    data = {**facts, **_content(letter)}
    if raw:
        _write(letter.value or b"")
    else:
        terminal.say(
            Rows(
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
    if value is not None and len(identities) != 1:
        raise WrongUse("--value is the value of one dead letter; give its ID")
    asked = dead.Wanted(
        ids=identities,
        where=_filter(wanted, is_open=True),
        n=n,
        value=value.read() if value else None,
    )
    data = dead.replay(load(), os_user(), asked, dry_run=dry_run)
    _print_outcome(terminal, data)
    return Report(data)


dead_letters.add_command(list_)
dead_letters.add_command(show)
dead_letters.add_command(replay)


def _filter(wanted: dict[str, Any], *, is_open: bool) -> Filter:
    times = {name: wanted[name].replace(tzinfo=UTC) for name in ("since", "until") if wanted[name]}
    return Filter(**{**wanted, **times}, is_open=is_open)


def _counted(found: Sequence[Kind]) -> list[tuple[str, ...]]:
    return [
        (f"{kind.count:,}", "?" if kind.source is None else kind.source, kind.field, kind.reason)
        for kind in found[:_KINDS]
    ]


def _print_outcome(terminal: Terminal, data: dict[str, Any]) -> None:
    if data["dry_run"]:
        terminal.say(*data["valid"], f"{len(data['valid']):,} would be sent")
    else:
        terminal.say(f"{data['sent']:,} sent; the consumer stores them like any others")
    if data["replayed_before"]:
        terminal.say(f"{len(data['replayed_before']):,} were replayed before")
    if data["invalid"]:
        example = data["invalid"][0]
        terminal.say(f"{len(data['invalid']):,} are still invalid, for example {example['id']}:")
        terminal.say(example["reason"])


def _line(fact: Mapping[str, Any]) -> tuple[str, ...]:
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
