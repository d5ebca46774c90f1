"""The one writer of a prefix: stages complete generations, swaps them in, folds changes in.

Calls raise `RedisUnreachable` when the server is away, after one quick retry; all of them may be
made again then. A commit that was made but whose answer was lost succeeds when repeated.
"""

import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import redis

from serving.connection import connect
from serving.contract import (
    DEFAULT,
    HASHES,
    SCHEMA,
    TEXTS,
    VIEWS,
    Entry,
    TextView,
    View,
    as_text,
    encode_meta,
    events_key,
    field_of,
    live_key,
    staging_key,
    writer_key,
)
from serving.errors import RedisUnfit, Unreadable
from serving.live import Live, Progress, read_live
from serving.owner import Owner
from serving.publisher.fields import (
    Changes,
    Field,
    Texts,
    fold_in_arguments,
    list_fields,
    text_fields,
)
from serving.publisher.scripts import refusal, source
from serving.publisher.staging import Staging, drop_outrun
from serving.redis_errors import address, translated
from serving.server import unfitness

__all__ = ["Publisher", "Seen", "connect"]

logger = logging.getLogger(__name__)

FOLD_IN_CHARS = 4 << 20
"""What one fold-in script carries, about: the server answers no one while it runs (some 10 ms)."""


class Seen(NamedTuple):
    """What apps get from one view.

    Attributes:
        lists: by id; those without a readable one are left out.
        popular: what the others get; None: the view is not published.
    """

    lists: Mapping[str, Entry]
    popular: Entry | None


class Publisher:
    """Writes under `prefix` as the writer `token` of `registry`, which `owner` is.

    Besides what each method says, all raise `RedisUnreachable`, `RedisFull`, `LoginRefused` and
    `RedisUnfit` (a right is missing, or a key is in the way).
    """

    def __init__(
        self,
        client: redis.Redis,
        *,
        prefix: str,
        registry: str,
        token: int,
        owner: Owner | None = None,
    ) -> None:
        self._client = client
        self._prefix = prefix
        self._registry = registry
        self.token = token
        self._owner = owner or Owner.here()
        self.sent_chars = 0
        """Characters of all lists and texts that fold-ins sent so far."""
        self.staged_chars = 0
        """Characters of all lists and texts that were staged so far."""
        self._last_seq = 0  # grows within a generation, also where Redis is set back

    def check_server(self) -> None:
        """Refuse a server that cannot hold the lists safely.

        Raises:
            RedisUnfit: older than 6.2, may evict, is a replica, or a cluster without hash tag.
        """
        with translated(self._client, self._prefix):
            info = self._client.info()
        problem = unfitness(info, self._prefix)
        if problem:
            raise RedisUnfit(f"Redis at {address(self._client)} will not do: {problem}")

    def claim(self, *, takeover: bool = False) -> None:
        """Become the writer of the prefix, and drop what earlier writers were staging.

        Args:
            takeover: also when it belongs to another registry.

        Raises:
            Fenced: a newer writer of this registry was here, or another registry owns it.
        """
        self._run("claim", [], [int(takeover)])
        # After the claim: until then an earlier writer may still be staging, rightly.
        dropped = drop_outrun(self._client, self._prefix, self.token, foreign=takeover)
        if dropped:
            logger.info("Dropped %d stagings of earlier trainers.", len(dropped))

    def last_token(self) -> int:
        """The highest token of our registry that wrote here, 0 where none did."""
        with translated(self._client, self._prefix):
            found = self._client.hmget(writer_key(self._prefix), ["registry", "token"])
        registry, token = (as_text(each or b"") for each in found)
        return int(token) if registry == self._registry and token.isdecimal() else 0

    def live(self) -> Live:
        """What apps see now; `generation` None where the set of hashes is not whole."""
        return read_live(self._client, self._prefix)

    def listed(self, view: View, identities: Sequence[str]) -> dict[str, Entry]:
        """The live lists of these ids; those without a readable one are left out.

        Args:
            view: which lists.
            identities: at least one id.
        """
        if not identities:
            return {}
        fields = [field_of(each) for each in identities]
        with translated(self._client, self._prefix):
            found = self._client.hmget(live_key(self._prefix, view), fields)
        return _readable(zip(identities, found, strict=True))

    def seen(self, wanted: Mapping[View, Sequence[str]]) -> Mapping[View, Seen]:
        """What apps get for these ids, in one round trip.

        Args:
            wanted: ids by view; a view without ids is left out of the answer.
        """
        views = [view for view, ids in wanted.items() if ids]
        with translated(self._client, self._prefix), self._client.pipeline(False) as pipe:
            for view in views:
                pipe.hmget(live_key(self._prefix, view), [DEFAULT, *map(field_of, wanted[view])])
            replies = pipe.execute()
        found = (
            Seen(_readable(zip(wanted[view], lists, strict=True)), _list(popular))
            for view, (popular, *lists) in zip(views, replies, strict=True)
        )
        return dict(zip(views, found, strict=True))

    def begin(self, generation: int) -> None:
        """Start staging a generation; what an earlier attempt left is dropped."""
        self._staging(generation).begin()

    def stage(self, generation: int, view: View, entries: Iterable[tuple[str, Entry]]) -> int:
        """Write lists into staging. Returns how many.

        Args:
            generation: that was begun.
            view: which lists.
            entries: id and list, each id once.
        """
        return self._stage(generation, view, list_fields(generation, entries))

    def stage_encoded(self, generation: int, view: View, lists: Iterable[tuple[str, str]]) -> int:
        """Write lists that are encoded already into staging. Returns how many.

        Args:
            generation: that was begun, and that these lists are of.
            view: which lists.
            lists: id and `Entry.encode` of its list, each id once.
        """
        return self._stage(generation, view, ((field_of(each), text) for each, text in lists))

    def stage_texts(self, generation: int, view: TextView, texts: Iterable[tuple[str, str]]) -> int:
        """Write names or infos into staging. Returns how many.

        Args:
            generation: that was begun.
            view: which of them.
            texts: id and text; empty texts are left out.
        """
        kept = ((identity, text) for identity, text in texts if text)
        return self._stage(generation, view, text_fields(kept))

    def restage(self, generation: int, view: View, changes: Changes) -> None:
        """Bring single lists in staging up to date.

        Args:
            generation: that was staged.
            view: which lists.
            changes: lists by id; None removes one.
        """
        self._stage(generation, view, list_fields(generation, changes.items()))

    def restage_texts(self, generation: int, view: TextView, texts: Texts) -> None:
        """Bring single names or infos in staging up to date.

        Args:
            generation: that was staged.
            view: which of them.
            texts: by id; an empty one is removed.
        """
        self._stage(generation, view, text_fields(texts.items()))

    def _stage(self, generation: int, view: View | TextView, fields: Iterable[Field]) -> int:
        staged = self._staging(generation).write(view, fields)
        self.staged_chars += staged.chars
        return staged.fields

    def commit(
        self,
        generation: int,
        *,
        model_hash: str,
        seq: int | None,
        meta: Mapping[str, Any],
        defaults: Mapping[View, Entry],
        counts: Mapping[View, int],
        version: int,
        force: bool = False,
    ) -> Progress:
        """Swap the staged generation in: all hashes, at one instant, or nothing.

        A repeat of a commit that is live already succeeds and changes nothing.

        Args:
            generation: greater than the live one, or the live one if a hash of it was lost.
            model_hash: the artifact's.
            seq: how many fold-ins into the live generation the staged lists cover; None to
                cover none and publish whatever is live.
            meta: `built_at` (epoch s) and whatever else readers shall know, JSON-ready.
            defaults: the popular list of each view, never empty.
            counts: staged lists by view.
            version: of the store, up to which the staged lists are right.
            force: publish even if the lists are fewer than half of the live ones.

        Returns:
            What is live now: for a repeat, what the first one wrote and was folded in since.

        Raises:
            ShrinkRefused: they are fewer than half of the live ones, which are of another model.
            Fenced: another writer owns the prefix.
            Superseded: a newer generation is live, or another model under this number.
            Incomplete: a staging expired, was begun again, or holds another number of lists.
            SeqMoved: there were more fold-ins; `seq` says how many by now.
            ValueError: `meta` or `defaults` lack something.
        """
        identity = {"generation": generation, "model_hash": model_hash, "registry": self._registry}
        arguments = [generation, model_hash, "" if seq is None else seq, _meta_text(meta, identity)]
        arguments += [version, int(force)]
        arguments += [text for v in VIEWS for text in (counts[v], _default_text(defaults, v))]
        arguments += ["", ""] * len(TEXTS)
        began = time.monotonic()
        reply = self._run("commit", self._commit_keys(generation), arguments, generation=generation)
        logger.info(
            "Generation %d is live, %d artists and %d venues; swapped in %.1f ms.",
            generation,
            counts["artist"],
            counts["venue"],
            (time.monotonic() - began) * 1000,
        )
        live = Progress(*map(int, reply))  # of a repeat: what was folded in since, too
        self._last_seq = live.seq
        return live

    def fold_in(
        self,
        generation: int,
        changes: Mapping[View, Changes],
        texts: Mapping[TextView, Texts],
        *,
        held: Progress,
        version: int,
    ) -> Progress:
        """Replace single lists, names and infos of the live generation; None or "" removes one.

        One script, so all at one instant; very many changes (`FOLD_IN_CHARS`) take several, of
        which the last one writes the version.

        Args:
            generation: the live one.
            changes: lists by view and id.
            texts: names and infos by view and id.
            held: what the caller believes to be live.
            version: of the store, up to which all lists are right afterwards.

        Returns:
            What is live now.

        Raises:
            Fenced: another writer owns the prefix.
            Superseded: another generation is live, or a hash of it is missing.
            SeqMoved: not `held` is live, but older lists, or ones whose answer was lost.
        """
        keys = [live_key(self._prefix, view) for view in HASHES]
        parts = list(fold_in_arguments(generation, changes, texts, FOLD_IN_CHARS))
        for left, part in zip(reversed(range(len(parts))), parts, strict=True):
            # Never a number twice: Redis may have been set back to an older one.
            self._last_seq = max(self._last_seq, held.seq) + 1
            reached = Progress(self._last_seq, held.version if left else version)
            arguments = [generation, *held, *reached, *part]
            self._run("fold_in", keys, arguments, generation=generation)
            self.sent_chars += sum(map(len, part))
            held = reached
        return held

    def annotate(self, generation: int, meta: Mapping[str, Any]) -> None:
        """Replace the `_meta` of the live generation; no list changes.

        Args:
            generation: the live one.
            meta: all of it, as `Live.meta` has it.

        Raises:
            Fenced: another writer owns the prefix.
            Superseded: another generation is live, or a hash of it is missing.
        """
        keys = [live_key(self._prefix, view) for view in HASHES]
        self._run("annotate", keys, [generation, encode_meta(dict(meta))], generation=generation)

    def withdraw(self) -> None:
        """Take all lists, names and infos away, where the last play is gone; readers see it.

        Raises:
            Fenced: another writer owns the prefix.
        """
        keys = [live_key(self._prefix, view) for view in HASHES]
        self._run("withdraw_all", keys, [])

    def _staging(self, generation: int) -> Staging:
        return Staging(self._client, prefix=self._prefix, generation=generation, token=self.token)

    def _commit_keys(self, generation: int) -> list[str]:
        keys: list[str] = []
        for view in HASHES:
            place = (self._prefix, view, generation, self.token)
            retired = staging_key(*place, retired=True)
            keys += [live_key(self._prefix, view), staging_key(*place), retired]
        return keys

    def _run(
        self, script: str, keys: list[str], arguments: list[Any], *, generation: int = 0
    ) -> list[str]:
        """The facts that came with ``ok``; any other verdict raises."""
        # The first and last ones are read by lua/checks.lua.
        keys = [writer_key(self._prefix), events_key(self._prefix), *keys]
        writer = self._owner.host, self._owner.pid, self._owner.since
        arguments = [self._registry, self.token, *arguments, *writer]
        with translated(self._client, self._prefix):
            reply = self._client.eval(source(script), len(keys), *keys, *arguments)
        verdict, *facts = map(as_text, reply)
        if verdict != "ok":
            raise refusal(
                verdict, facts, prefix=self._prefix, token=self.token, generation=generation
            )
        return facts


def _readable(values: Iterable[tuple[str, bytes | str | None]]) -> dict[str, Entry]:
    lists = ((identity, _list(value)) for identity, value in values)
    return {identity: entry for identity, entry in lists if entry is not None}


def _list(value: bytes | str | None) -> Entry | None:
    """A list; None where there is none, or none that can be read."""
    if value is None:
        return None
    with suppress(Unreadable):
        return Entry.decode(value)
    return None


def _meta_text(meta: Mapping[str, Any], identity: Mapping[str, Any]) -> str:
    if "built_at" not in meta:
        raise ValueError("meta lacks built_at, the epoch seconds that readers tell the age by")
    return encode_meta({**meta, "schema": SCHEMA, **identity})


def _default_text(defaults: Mapping[View, Entry], view: View) -> str:
    if not defaults[view].ids:
        raise ValueError(f"the popular list of view {view} is empty; readers must get something")
    return defaults[view].encode()
