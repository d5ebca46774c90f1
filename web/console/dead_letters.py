"""Dead letters: by source, field and reason, byte for byte, and sent again after a fix."""

import hashlib
from collections.abc import Mapping
from typing import NamedTuple

from litestar import Response, get, post
from litestar.response import Redirect

from consumer.dead_letters.letters import Filter
from operations import dead_letters as known
from operations.audit import os_user
from web.console.acts import actor_of, done
from web.console.console import Asking, Showing
from web.console.login import Form

SHOWN, KINDS = 50, 100
WORD = "replay"
"""What an operator types before records are sent."""
_FURTHEST = 4_096
"""Bytes of a value that are shown."""
_LONGEST = 65_536
"""Bytes of a value that a form offers for correction."""
_SEE_OTHER = 303
_ASKED = ("id", "field", "reason", "source")


class Marked(NamedTuple):
    """A text, and the part of it that broke the contract."""

    before: str
    broken: str
    after: str


@get("/dead-letters", include_in_schema=False)
async def page(
    console: Showing,
    request: Asking,
    field: str | None = None,
    reason: str | None = None,
    unresolved: bool = False,
) -> Response[str]:
    """The kinds of dead letters, and the newest of them."""
    where = Filter(field=field, reason=reason, is_open=unresolved)
    operations = console.services.operations
    found = await operations.look(
        known.listing, operations.settings.store, where, SHOWN, by_reason=True
    )
    return console.page(
        request,
        "dead_letters.html",
        kinds=found.kinds[:KINDS],
        kinds_count=len(found.kinds),
        letters=found.newest,
        matching=found.matching,
        asked={"field": field, "reason": reason, "unresolved": unresolved},
        word=WORD,
    )


@get("/dead-letters/one", include_in_schema=False)
async def one(console: Showing, request: Asking, id: str) -> Response[str]:  # noqa: A002
    """One dead letter as it was received, with the field marked."""
    operations = console.services.operations
    facts, letter = await operations.look(known.one, operations.settings.store, id)
    text = shown(letter.value)
    return console.page(
        request,
        "dead_letter.html",
        facts=facts,
        letter=letter,
        size=len(letter.value or b""),
        editable=(value := editable(letter.value)),
        seen=_digest(value),
        marked=mark(text, letter.field),
        key=shown(letter.key),
        headers=[(name, shown(value)) for name, value in letter.headers],
        word=WORD,
    )


@get("/dead-letters/try", include_in_schema=False)
async def tried(console: Showing, request: Asking) -> Response[str]:
    """A dry run: which of the records would be sent."""
    asked = {name: request.query_params[name] for name in _ASKED if name in request.query_params}
    operations = console.services.operations
    # A dry run is on no audit.
    found = await operations.look(
        known.replay, operations.settings, os_user(), _wanted(asked), dry_run=True
    )
    return console.page(
        request, "dead_letters_tried.html", asked=asked, found=found, shown=SHOWN, word=WORD
    )


@post("/dead-letters/replay", include_in_schema=False, status_code=_SEE_OTHER)
async def replay(console: Showing, request: Asking, data: Form) -> Redirect:
    """Send records that are valid now, and show the audit's line of it."""
    session = console.door.acting(request, data, word=WORD)
    wanted, operations = _wanted(data), console.services.operations
    actor = actor_of(request, session)
    await operations.act(known.replay, operations.settings, actor, wanted, dry_run=False)
    return done("/audit")


def mark(text: str, field: str) -> Marked:
    """Where a field stands in a record's text, as far as it can be found.

    Args:
        text: the value.
        field: that broke the contract.
    """
    begin = text.find(f'"{field}"')
    if begin < 0:
        return Marked(text, "", "")
    # To the end of its value: the next member or the end of the object.
    ends = [end for sign in (",", "}", "\n") if (end := text.find(sign, begin)) >= 0]
    end = min(ends, default=len(text))
    return Marked(text[:begin], text[begin:end], text[end:])


def editable(value: bytes | None) -> str:
    """The value as a text to correct; "" where it is none, or too long for a form."""
    if value is None or len(value) > _LONGEST:
        return ""
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return ""
    # A browser would change these: the record that is sent would not be the one that is seen.
    return "" if {"\r", "\0"} & set(text) else text


def shown(value: bytes | None) -> str:
    """Bytes as text where they are UTF-8, else in hexadecimal; the first of them."""
    if value is None:
        return ""
    head = value[:_FURTHEST]
    try:
        return head.decode()
    except UnicodeDecodeError as error:
        # A character that the bound cuts is no broken text.
        cut = error.start >= len(head) - 3 and len(value) > len(head)
        return head[: error.start].decode() if cut else f"0x{head.hex()}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _wanted(given: Mapping[str, str]) -> known.Wanted:
    # As a browser sends a text: its line ends are no part of the record.
    corrected = given.get("value", "").replace("\r\n", "\n")
    # What was left as it came is sent as it came.
    if given.get("seen") == _digest(corrected):
        corrected = ""
    return known.Wanted(
        ids=(given["id"],) if given.get("id") else (),
        where=Filter(
            field=given.get("field") or None, reason=given.get("reason") or None, is_open=True
        ),
        source=given.get("source") or None,
        any_source=not given.get("source"),
        value=corrected.encode() if corrected else None,
    )
