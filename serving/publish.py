"""The one writer of a prefix: stages complete generations, swaps them in, folds changes in.

Calls raise `RedisUnreachable` when the server is away, after one quick retry; all of them may be
made again then. A commit that was made but whose answer was lost succeeds when repeated.
"""

import logging
import time
from collections.abc import Iterable, Mapping
from typing import Any

import redis

from serving.connection import connect
from serving.contract import (
    HASHES,
    NAMES,
    SCHEMA,
    VIEWS,
    Entry,
    NamesView,
    View,
    encode_meta,
    events_key,
    live_key,
    retired_key,
    staging_key,
    writer_key,
)
from serving.errors import RedisUnfit, ShrinkRefused
from serving.faults import address, translated
from serving.fields import Changes, Names, fold_in_arguments, of_lists, of_names
from serving.live import Live, read_live
from serving.scripts import source
from serving.server import unfitness
from serving.staging import Staging
from serving.verdicts import refusal

__all__ = ["Publisher", "connect"]

logger = logging.getLogger(__name__)

FOLD_IN_CHARS = 4 << 20
"""What one fold-in script carries, about: the server answers nobody while it runs (some 10 ms)."""


class Publisher:
    """Writes under `prefix` as the writer `token` of `registry`.

    Besides what each method says, all raise `RedisUnreachable`, `RedisFull`, `LoginRefused` and
    `RedisUnfit` (a right is missing, or a key is in the way).
    """

    def __init__(self, client: redis.Redis, *, prefix: str, registry: str, token: int) -> None:
        self._client = client
        self._prefix = prefix
        self._registry = registry
        self._token = token

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
        """Become the writer of the prefix.

        Args:
            takeover: also when it belongs to another registry.

        Raises:
            Fenced: a newer writer of this registry was here, or another registry owns it.
        """
        keys = [writer_key(self._prefix)]
        self._run("claim", keys, [self._registry, self._token, int(takeover)], generation=0)

    def live(self) -> Live:
        """What apps see now; `generation` None where the set of hashes is not whole."""
        return read_live(self._client, self._prefix)

    def begin(self, generation: int) -> None:
        """Start staging a generation; what an earlier attempt left is dropped."""
        self._staging(generation).begin()

    def stage(self, generation: int, view: View, entries: Iterable[tuple[str, Entry]]) -> int:
        """Write lists, by distinct id, into staging. Returns how many."""
        return self._staging(generation).write(view, of_lists(generation, entries))

    def stage_names(
        self, generation: int, view: NamesView, names: Iterable[tuple[str, str]]
    ) -> int:
        """Write display names into staging; empty ones are left out. Returns how many."""
        kept = ((identity, name) for identity, name in names if name)
        return self._staging(generation).write(view, of_names(kept))

    def restage(self, generation: int, view: View, changes: Changes) -> None:
        """Bring single lists in staging up to date."""
        self._staging(generation).write(view, of_lists(generation, changes.items()))

    def restage_names(self, generation: int, view: NamesView, names: Names) -> None:
        """Bring single names in staging up to date; an empty one is removed."""
        self._staging(generation).write(view, of_names(names.items()))

    def commit(
        self,
        generation: int,
        *,
        model_hash: str,
        seq: int | None,
        meta: Mapping[str, Any],
        defaults: Mapping[View, Entry],
        counts: Mapping[View, int],
        previous_counts: Mapping[str, int] | Mapping[View, int] | None = None,
        force: bool = False,
    ) -> None:
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
            previous_counts: of the last publish, None where there is nothing to compare with.
            force: publish even if the lists are fewer than half of the previous.

        Raises:
            ShrinkRefused: so they are.
            Fenced: another writer owns the prefix.
            Superseded: a newer generation is live, or another model under this number.
            Incomplete: a staging expired, was begun anew, or holds another number of lists.
            SeqMoved: there were more fold-ins; `seq` says how many by now.
            ValueError: `meta` or `defaults` lack something.
        """
        if not force:
            _check_shrinkage(previous_counts or {}, counts)
        identity = {"generation": generation, "model_hash": model_hash, "registry": self._registry}
        arguments = [generation, model_hash, "" if seq is None else seq, _meta_text(meta, identity)]
        arguments += [text for v in VIEWS for text in (counts[v], _default_text(defaults, v))]
        arguments += ["", ""] * len(NAMES)
        began = time.monotonic()
        self._run_fenced("commit", self._commit_keys(generation), arguments, generation)
        logger.info(
            "Generation %d is live, %d artists and %d venues; swapped in %.1f ms.",
            generation,
            counts["artist"],
            counts["venue"],
            (time.monotonic() - began) * 1000,
        )

    def fold_in(
        self,
        generation: int,
        changes: Mapping[View, Changes],
        names: Mapping[NamesView, Names],
    ) -> int:
        """Replace single lists and names of the live generation; None or "" removes one.

        One script, so all at one instant; very many changes (`FOLD_IN_CHARS`) take several.

        Returns:
            Fold-ins since the swap, these included.

        Raises:
            Fenced: another writer owns the prefix.
            Superseded: another generation is live, or a hash of it is missing.
        """
        keys = [live_key(self._prefix, view) for view in HASHES]
        seq = "0"
        for part in fold_in_arguments(generation, changes, names, FOLD_IN_CHARS):
            (seq,) = self._run_fenced("fold_in", keys, [generation, *part], generation)
        return int(seq)

    def withdraw(self) -> None:
        """Take all lists and names away, where the last play is gone; readers are told so.

        Raises:
            Fenced: another writer owns the prefix.
        """
        keys = [live_key(self._prefix, view) for view in HASHES]
        self._run_fenced("withdraw", keys, [], generation=0)

    def _staging(self, generation: int) -> Staging:
        return Staging(self._client, prefix=self._prefix, generation=generation, token=self._token)

    def _commit_keys(self, generation: int) -> list[str]:
        place = (generation, self._token)
        return [
            key
            for view in HASHES
            for key in (
                live_key(self._prefix, view),
                staging_key(self._prefix, view, *place),
                retired_key(self._prefix, view, *place),
            )
        ]

    def _run_fenced(
        self, script: str, keys: list[str], arguments: list[Any], generation: int
    ) -> list[str]:
        keys = [writer_key(self._prefix), events_key(self._prefix), *keys]
        arguments = [self._registry, self._token, *arguments]
        return self._run(script, keys, arguments, generation=generation)

    def _run(
        self, script: str, keys: list[str], arguments: list[Any], *, generation: int
    ) -> list[str]:
        """The facts that came with ``ok``; any other verdict raises."""
        with translated(self._client, self._prefix):
            reply = self._client.eval(source(script), len(keys), *keys, *arguments)
        verdict, *facts = map(_text, reply)
        if verdict != "ok":
            raise refusal(
                verdict, facts, prefix=self._prefix, token=self._token, generation=generation
            )
        return facts


def _check_shrinkage(before: Mapping[Any, int], now: Mapping[View, int]) -> None:
    views: tuple[View, ...] = ("artist", "venue")
    for view in views:
        if now[view] * 2 < before.get(view, 0):
            raise ShrinkRefused(view, before[view], now[view])


def _meta_text(meta: Mapping[str, Any], identity: Mapping[str, Any]) -> str:
    if "built_at" not in meta:
        raise ValueError("meta lacks built_at, the epoch seconds that readers tell the age by")
    return encode_meta({**meta, "schema": SCHEMA, **identity})


def _default_text(defaults: Mapping[View, Entry], view: View) -> str:
    if not defaults[view].ids:
        raise ValueError(f"the popular list of view {view} is empty; readers must get something")
    return defaults[view].encode()


def _text(value: bytes | str | int) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
