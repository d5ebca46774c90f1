"""Who may publish, under which number, and which model is live.

Everything is in `models/registry.json`, changed under a file lock and replaced by a rename. The
registry's random id tells one installation from another at the same Redis; tokens and generation
numbers only grow, so a writer that lost its place can be told by its number alone.
"""

import contextlib
import fcntl
import json
import os
import shutil
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from trainer.artifact import Artifact, load
from trainer.errors import BadArtifact

KEPT = 5
"""Artifacts kept on disk; older ones go when a new one becomes live."""


@dataclass(frozen=True)
class State:
    """What the registry remembers."""

    registry: str
    token: int = 0
    generation: int = 0
    live_generation: int | None = None
    live_artifact: str | None = None
    counts: Mapping[str, int] = field(default_factory=dict)


class Registry:
    """The folder `models/`: artifacts, and the numbers that were given out."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def state(self) -> State:
        """As last written; a fresh registry gets its id here."""
        with self._locked() as state:
            return state

    def next_token(self) -> int:
        """A writer token greater than any given out before."""
        return self._change(lambda state: replace(state, token=state.token + 1)).token

    def next_generation(self) -> int:
        """A generation number greater than any given out before."""
        return self._change(
            lambda state: replace(state, generation=state.generation + 1)
        ).generation

    def artifact(self, generation: int) -> Path:
        """Where the model fitted for this generation is or will be."""
        return self._path / f"gen-{generation:08d}"

    def set_live(self, generation: int, artifact: Path, counts: Mapping[Any, int]) -> None:
        """Remember what apps now see, and drop artifacts that are no longer kept."""
        self._change(
            lambda state: replace(
                state,
                live_generation=generation,
                live_artifact=artifact.name,
                counts=dict(counts),
            )
        )
        self._prune(artifact)

    def live(self) -> Path | None:
        """The live artifact's folder, None before the first publish."""
        name = self.state().live_artifact
        return self._path / name if name else None

    def load_live(self) -> Artifact | None:
        """The live artifact, None before the first publish.

        Raises:
            BadArtifact: it is damaged.
        """
        path = self.live()
        return load(path) if path else None

    def artifacts(self) -> list[Path]:
        """All artifacts, those under way too."""
        return sorted([*self._path.glob("gen-*"), *self._path.glob(".gen-*")])

    def remove(self, artifacts: Iterable[Path]) -> None:
        """Remove artifacts for good; if the live one is among them, none is live any more."""
        names = [path.name for path in artifacts]
        if not names:
            return
        self._change(
            lambda state: (
                replace(state, live_artifact=None) if state.live_artifact in names else state
            )
        )
        for name in names:
            shutil.rmtree(self._path / name, ignore_errors=True)

    @contextlib.contextmanager
    def training(self) -> Iterator[None]:
        """Hold this while a trainer works here; any number at once, the newest token wins."""
        with self._trainers(fcntl.LOCK_SH):
            yield

    def is_trained(self) -> bool:
        """Whether a trainer works here now."""
        try:
            with self._trainers(fcntl.LOCK_EX | fcntl.LOCK_NB):
                return False
        except BlockingIOError:
            return True

    @contextlib.contextmanager
    def _trainers(self, kind: int) -> Iterator[None]:
        self._path.mkdir(parents=True, exist_ok=True)
        with (self._path / "trainers.lock").open("w") as lock:
            fcntl.flock(lock, kind)
            yield

    def _prune(self, keep: Path) -> None:
        kept = sorted(self._path.glob("gen-*"))[-KEPT:]
        for path in self._path.glob("gen-*"):
            if path not in kept and path != keep:
                shutil.rmtree(path)

    def _change(self, change: Callable[[State], State]) -> State:
        with self._locked() as state:
            changed = change(state)
            self._write(changed)
            return changed

    @contextlib.contextmanager
    def _locked(self) -> Iterator[State]:
        self._path.mkdir(parents=True, exist_ok=True)
        with (self._path / "registry.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield self._read()

    def _read(self) -> State:
        path = self._path / "registry.json"
        try:
            return State(**json.loads(path.read_bytes()))
        except FileNotFoundError:
            state = State(registry=uuid.uuid4().hex)
            self._write(state)
            return state
        except (ValueError, TypeError) as error:
            raise BadArtifact(f"{path} cannot be read ({error}); restore it or move it") from error

    def _write(self, state: State) -> None:
        path = self._path / "registry.json"
        draft = path.with_suffix(".draft")
        with draft.open("w") as file:
            json.dump(asdict(state), file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        draft.rename(path)
