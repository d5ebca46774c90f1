"""The settled state on disk, beside the models: a restarted trainer reads only what came since.

    models/settled-<store version>/
        manifest.json    version and digest of the store's log entry, SHA-256 of every other file
        artists.json, venues.json, names.json
        *.npy            gigs and bills as compiled code holds them (`native/gigs.hpp`)
        place.json       how far the store was followed since, without anything being taken out

It appears whole, by a rename, or not at all. It is a cache: whatever does not fit, of this store,
this machine's byte order or this layout, is passed over, and the store is settled anew. Where
settling is not compiled there is none.
"""

import hashlib
import json
import logging
import os
import shutil
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from consumer.log import sync
from consumer.tail import Known
from trainer.interactions import Interactions
from trainer.settling import built

logger = logging.getLogger(__name__)

FORMAT = 1
_PREFIX = "settled-"
_PLACE = "place.json"
_NOTED_EVERY = 50
"""Store versions; housekeeping keeps the log of some hundred at least."""


class Saved(NamedTuple):
    """A settled state, and what of the store is in it."""

    interactions: Interactions
    known: Known


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
    def saving(self, interactions: Interactions, known: Known) -> Iterator[None]:
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
            logger.warning("%s cannot be used (%s); the store is settled anew.", found[-1], error)
            return None

    def note(self, version: int, digest: bytes) -> None:
        """The store was followed up to here, and only grew or was compacted."""
        if version - self._noted < _NOTED_EVERY:
            return
        self._noted = version
        with suppress(OSError):  # it only makes a restart quicker
            for path in self._models.glob(f"{_PREFIX}*"):
                draft = path / f".{_PLACE}"
                draft.write_text(json.dumps({"version": version, "digest": digest.hex()}))
                draft.rename(path / _PLACE)

    def save(self, interactions: Interactions, known: Known) -> None:
        """Write one, and remove the others.

        Raises:
            OSError: the disk is full, or not ours to write.
        """
        path = self._models / f"{_PREFIX}{known.version:020}"
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            _write(draft, interactions, known)
            shutil.rmtree(path, ignore_errors=True)
            draft.rename(path)
            sync([self._models])
        except OSError:
            shutil.rmtree(draft, ignore_errors=True)
            raise
        for other in self.paths():
            if other != path:
                shutil.rmtree(other, ignore_errors=True)

    def _try_to_save(self, interactions: Interactions, known: Known) -> None:
        try:
            self.save(interactions, known)
        except OSError as error:
            logger.warning("The settled state is not saved (%s); the next start is slower.", error)


def _write(draft: Path, interactions: Interactions, known: Known) -> None:
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    arrays, facts = interactions.state()
    for name, content in _tables(interactions).items():
        (draft / name).write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    for name, array in arrays.items():
        np.save(draft / f"{name}.npy", array, allow_pickle=False)
    files = {path.name: _digest(path) for path in sorted(draft.iterdir())}
    manifest = _layout() | {"known": _as_json(known), "facts": facts, "files": files}
    (draft / "manifest.json").write_text(json.dumps(manifest, ensure_ascii=False))
    sync([*draft.iterdir(), draft])


def _tables(interactions: Interactions) -> dict[str, Any]:
    sides = {"artists": interactions.artist_names, "venues": interactions.venue_names}
    names = {side: said.state() for side, said in sides.items()}
    return {
        "artists.json": interactions.artists.ids,
        "venues.json": interactions.venues.ids,
        "names.json": names,
    }


def _load(path: Path) -> Saved:
    manifest = json.loads((path / "manifest.json").read_bytes())
    if {name: manifest[name] for name in _layout()} != _layout():
        raise ValueError("it is of another version or machine")
    for name, digest in manifest["files"].items():
        if _digest(path / name) != digest:
            raise ValueError(f"{name} is damaged")
    known = _from_json(manifest["known"] | _place(path))
    return Saved(_restored(path, manifest), known)


def _restored(path: Path, manifest: dict[str, Any]) -> Interactions:
    interactions = Interactions()
    interactions.artists.add_all(json.loads((path / "artists.json").read_bytes()))
    interactions.venues.add_all(json.loads((path / "venues.json").read_bytes()))
    names = json.loads((path / "names.json").read_bytes())
    interactions.artist_names.restore(names["artists"])
    interactions.venue_names.restore(names["venues"])
    arrays = {each.stem: _array(each) for each in path.glob("*.npy")}
    interactions.restore(arrays, manifest["facts"])
    return interactions


def _array(path: Path) -> NDArray[Any]:
    array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    return array


def _place(path: Path) -> dict[str, Any]:
    try:
        place: dict[str, Any] = json.loads((path / _PLACE).read_bytes())
    except FileNotFoundError:
        return {}
    return place


def _layout() -> dict[str, Any]:
    return {"format": FORMAT, "byteorder": sys.byteorder}


def _as_json(known: Known) -> dict[str, Any]:
    return known._asdict() | {"digest": known.digest.hex(), "files": sorted(known.files)}


def _from_json(said: dict[str, Any]) -> Known:
    digest, files = bytes.fromhex(said["digest"]), frozenset(said["files"])
    return Known(**(said | {"digest": digest, "files": files}))


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
