"""Bodies of the requests of operators."""

from datetime import datetime
from typing import Annotated

import msgspec

from consumer.table.schema import Side
from web.api.lists import MAX_ID

MAX_IDS = 1_000
MAX_WAIT_S = 600
MAX_REASON = 1_000

Id = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_ID)]
Wait = Annotated[float, msgspec.Meta(ge=0, le=MAX_WAIT_S)]
Number = Annotated[int, msgspec.Meta(ge=1, le=(1 << 31) - 1)]
When = Annotated[datetime, msgspec.Meta(tz=True)]
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_REASON)]


class OfTrainer(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What the running trainer is to do."""

    wait_s: Wait = 60.0
    """Seconds that it may take; what it has not done by then it may do yet."""


class OfGeneration(OfTrainer, forbid_unknown_fields=True, kw_only=True):
    """Which generation is to be live."""

    generation: Number | None = None
    """null: the last published model before the live one, or the newest held one."""


class Refit(OfTrainer, forbid_unknown_fields=True, kw_only=True):
    """A fit of all that is stored."""

    force: bool = False
    """Publish even if the lists shrink by half."""


class OfSource(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A source, and from when on."""

    source: Id
    since: When | None = None
    """Only what was recorded then or later; null: all."""
    dry_run: bool = False
    """Only tell what it would touch."""


class Released(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A source that is to count again."""

    source: Id


class OfId(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """An id."""

    side: Side
    id: Id
    dry_run: bool = False
    """Only tell what it would touch."""


class Unmerged(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """An id whose merge ends."""

    side: Side
    id: Id


class Merged(OfId, forbid_unknown_fields=True, kw_only=True):
    """Two ids that are one."""

    into: Id
    """The id that stays."""


class Erased(OfId, forbid_unknown_fields=True, kw_only=True):
    """An id that is removed for good."""

    confirm: Id | None = None
    """The id once more; needed unless `dry_run`."""
    wait_s: Wait = 60.0
    """Seconds for the trainer to publish lists without it."""


class Replay(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Dead letters to send again; all that match where no id is given."""

    ids: Annotated[list[Text], msgspec.Meta(max_length=MAX_IDS)] = []
    """Their ids, as the list has them."""
    field: Text | None = None
    """Only those that broke this field."""
    reason: Text | None = None
    """Only those whose reason contains this text."""
    source: Id | None = None
    """Only those of this source."""
    since: When | None = None
    """Only those recorded then or later."""
    until: When | None = None
    """Only those recorded before."""
    n: Number | None = None
    """At most this number, oldest first."""
    value_base64: str | None = None
    """A corrected value for the one id that is given."""
    dry_run: bool = False
    """Only tell what would be sent."""
