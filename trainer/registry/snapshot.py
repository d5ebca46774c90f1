"""The settled state on disk, so that a restarted trainer reads only newer commits.

    models/settled-<store version>/
        manifest.json    version and digest of the store's log entry, SHA-256 of every other file
        artists.json, venues.json, names.json, descriptions.json
        *.npy            gigs and bills as compiled code holds them (`native/settle/gigs.hpp`)
        place.json       how far the store was followed since, without anything being taken out

It is written to a temporary folder and renamed, so it is complete or absent. It is a cache: a
snapshot of another store, byte order or layout is ignored, and the whole store is settled again.
Without compiled code there are no snapshots.
"""

import json
import logging
import shutil
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from consumer.store.reader import ReaderState
from consumer.table import durable
from trainer.plays.interactions import Interactions
from trainer.recipe import built
from trainer.registry import sealed

logger = logging.getLogger(__name__)

FORMAT = 3
_PREFIX = "settled-"
_PLACE = "place.json"
_NOTED_EVERY = 50
"""Store versions; housekeeping keeps the log of some hundred at least."""


class Saved(NamedTuple):
    """A settled state, and what of the store is in it."""

    interactions: Interactions
    known: ReaderState
    version: int
    """Of the store, as it was settled; `known` may have a later one up to which it only grew."""


class Snapshots:
    """The snapshots of one folder of models; the newest counts."""

    def __init__(self, models: Path) -> None:
        self._models = models
        self._noted = -1

    def paths(self) -> list[Path]:
        """All of them, half-written ones too; oldest first."""
        return sorted([*self._models.glob(f".{_PREFIX}*"), *self._models.glob(f"{_PREFIX}*")])

    def clear(self) -> None:
        """Remove all: they are of another store, or hold what must be forgotten."""
        for path in self.paths():
            shutil.rmtree(path, ignore_errors=True)

    @contextmanager
    def saving(self, interactions: Interactions, known: ReaderState) -> Iterator[None]:
        """Save in a thread beside what is done within, which must not change what is settled."""
        if not built():
            yield
            return
        thread = threading.Thread(target=self._try_to_save, args=(interactions, known))
        thread.start()
        try:
            yield
        finally:
            thread.join()

    def load(self) -> Saved | None:
        """The newest one; None where there is none that can be used."""
        found = [path for path in self.paths() if not path.name.startswith(".")]
        if not found or not built():
            return None
        try:
            return _load(found[-1])
        except (OSError, ValueError, KeyError, TypeError) as error:
            logger.warning("%s cannot be used (%s); settling the store again.", found[-1], error)
            return None

    def note(self, version: int, digest: bytes) -> None:
        """The store was followed up to here, and only grew or was compacted."""
        if version - self._noted < _NOTED_EVERY:
            return
        self._noted = version
        with suppress(OSError):  # it only makes a restart quicker
            for path in self._models.glob(f"{_PREFIX}*"):
                noted = json.dumps({"version": version, "digest": digest.hex()})
                durable.write(path / _PLACE, noted.encode())

    def save(self, interactions: Interactions, known: ReaderState) -> None:
        """Write one, and remove the others.

        Raises:
            OSError: the disk is full, or not ours to write.
        """
        path = self._models / f"{_PREFIX}{known.version:020}"
        shutil.rmtree(path, ignore_errors=True)  # of the same version: a rename needs its name
        arrays, facts = interactions.state()
        manifest = _layout() | {"known": _as_json(known), "facts": facts}
        sealed.save(path, arrays, _tables(interactions), lambda _hashes: manifest)
        # Last: until the new one is whole, an old one is better than none.
        for other in self.paths():
            if other != path:
                shutil.rmtree(other, ignore_errors=True)

    def _try_to_save(self, interactions: Interactions, known: ReaderState) -> None:
        try:
            self.save(interactions, known)
        except OSError as error:
            logger.warning(
                "The snapshot cannot be saved (%s); the next start will be slower.", error
            )


def _tables(interactions: Interactions) -> dict[str, Any]:
    sides = {"artists": interactions.artist_names, "venues": interactions.venue_names}
    described = {
        "artists": interactions.artist_descriptions,
        "venues": interactions.venue_descriptions,
    }
    return {
        "artists": interactions.artists.ids,
        "venues": interactions.venues.ids,
        "names": {side: names.state() for side, names in sides.items()},
        "descriptions": {side: each.state() for side, each in described.items()},
    }


def _load(path: Path) -> Saved:
    manifest = sealed.manifest(path)
    if {name: manifest[name] for name in _layout()} != _layout():
        raise ValueError("it is of another version or machine")
    known = _from_json(manifest["known"] | _place(path))
    interactions = _restored(path, manifest, Interactions(known.quarantines))
    return Saved(interactions, known, int(manifest["known"]["version"]))


def _restored(path: Path, manifest: dict[str, Any], interactions: Interactions) -> Interactions:
    interactions.artists.add_all(sealed.table(path, "artists"))
    interactions.venues.add_all(sealed.table(path, "venues"))
    # Ids before names and gigs, which refer to them by row.
    names = sealed.table(path, "names")
    interactions.artist_names.restore(names["artists"])
    interactions.venue_names.restore(names["venues"])
    described = sealed.table(path, "descriptions")
    interactions.artist_descriptions.restore(described["artists"])
    interactions.venue_descriptions.restore(described["venues"])
    stored = [each.stem for each in path.glob("*.npy")]
    arrays = {name: sealed.array(path, name, mapped=True) for name in stored}
    interactions.restore(arrays, manifest["facts"])
    return interactions


def _place(path: Path) -> dict[str, Any]:
    return sealed.table(path, "place") if (path / _PLACE).exists() else {}


def _layout() -> dict[str, Any]:
    return {"format": FORMAT, "byteorder": sys.byteorder}


def _as_json(known: ReaderState) -> dict[str, Any]:
    return known._asdict() | {"digest": known.digest.hex(), "files": sorted(known.files)}


def _from_json(said: dict[str, Any]) -> ReaderState:
    digest, files = bytes.fromhex(said["digest"]), frozenset(said["files"])
    return ReaderState(**(said | {"digest": digest, "files": files}))
