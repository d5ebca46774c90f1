"""Who may publish, under which number, and which model is live.

Everything is in `models/registry.json`, changed under a file lock and replaced by a rename. The
registry's random id tells one installation from another at the same Redis; tokens and generation
numbers only grow, so a writer that lost its place can be told by its number alone. Who may write
is decided by the lease (`trainer.registry.lease`); the owner is noted here for people.
"""

import contextlib
import json
import shutil
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from consumer.ids.erasures import Erasures
from consumer.table import durable
from consumer.table.schema import Side
from serving.errors import Fenced
from serving.owner import Owner
from trainer.errors import BadArtifact, RegistryHeld
from trainer.plays.interactions import Clock
from trainer.registry import journal
from trainer.registry.artifact import Artifact, load
from trainer.registry.lease import is_held

FILE = "registry.json"
KEPT = 5
"""Artifacts kept on disk if nothing else is asked for; older ones go when a new one is live."""
LOCK_S = 10.0
"""How long the registry's lock is waited for."""
TABLES: dict[str, Side] = {"artists.json": "artist", "venues.json": "venue"}
"""An artifact's id tables, and what the ids in them are of."""


@dataclass(frozen=True)
class State:
    """What the registry remembers."""

    registry: str
    token: int = 0
    generation: int = 0
    live_generation: int | None = None
    live_artifact: str | None = None
    pinned: str | None = None
    """The artifact that stays live whatever is stored; None: refits replace models."""
    owner: Owner | None = None
    """The trainer that works here, or worked here last."""
    prefix: str | None = None
    """Under which it publishes; None: an earlier version noted none."""


class Registry:
    """The folder `models/`: artifacts, and the numbers that were given out.

    Args:
        path: the folder.
        kept: artifacts kept besides the live and the pinned one.
    """

    def __init__(self, path: Path, kept: int = KEPT) -> None:
        self._path = path
        self._kept = kept
        self._token: int | None = None  # ours, once it was taken

    def state(self) -> State:
        """As last written; a fresh registry gets its id here."""
        # Without the lock, which a stopped trainer may hold: a rename replaces the file as a whole.
        if (self._path / FILE).exists():
            return self._read()
        with self._locked() as state:
            return state

    def own(self, owner: Owner, prefix: str | None = None) -> None:
        """Note who works here, and remove the drafts of those before, whose refits ended with them.

        The caller has the lease.

        Args:
            owner: who works here.
            prefix: under which it publishes; None: as noted.
        """
        self._change(lambda state: replace(state, owner=owner, prefix=prefix or state.prefix))
        for draft in self._path.glob(".gen-*"):
            shutil.rmtree(draft, ignore_errors=True)

    def next_token(self) -> int:
        """A writer token greater than any given out before; `set_live` is refused to older ones."""
        self._token = self._change(lambda state: replace(state, token=state.token + 1)).token
        return self._token

    def catch_up(self, token: int, generation: int) -> bool:
        """Give out numbers above these from now on; returns whether that is news.

        A registry that was restored from a copy does not know what it gave out since. Folders of
        artifacts are looked at as well: their numbers must not be given out again.
        """
        numbers = (path.name.removeprefix("gen-") for path in self._path.glob("gen-*"))
        newest = max([generation, *(int(number) for number in numbers if number.isdigit())])
        before = self.state()
        after = replace(
            before, token=max(before.token, token), generation=max(before.generation, newest)
        )
        if after != before:
            self._change(lambda _state: after)
        return after != before

    def next_generation(self) -> int:
        """A generation number greater than any given out before."""
        after = self._change(lambda state: replace(state, generation=state.generation + 1))
        return after.generation

    def artifact(self, generation: int) -> Path:
        """Where the model fitted for this generation is or will be."""
        return self._path / f"gen-{generation:08d}"

    def set_live(self, generation: int, artifact: Path) -> None:
        """Remember what apps now see, and drop artifacts that are no longer kept.

        Raises:
            Fenced: a newer token was given out: what apps see is another trainer's.
        """

        def live(state: State) -> State:
            if self._token is not None and state.token > self._token:
                raise Fenced.outrun(self._token, state.token, state.owner)
            return replace(state, live_generation=generation, live_artifact=artifact.name)

        self._change(live)
        self._prune(artifact)  # after the change: the one that was live is kept until then

    def live(self) -> Path | None:
        """The live artifact's folder, None before the first publish."""
        name = self.state().live_artifact
        return self._path / name if name else None

    def pinned(self) -> Path | None:
        """The pinned artifact's folder, None where refits replace models."""
        name = self.state().pinned
        return self._path / name if name else None

    def pin(self, artifact: Path | None) -> None:
        """Let an artifact be the live one until another is pinned; None: let refits replace it."""
        name = artifact.name if artifact else None
        self._change(lambda state: replace(state, pinned=name))

    def holding(self, model_hash: str | None) -> Artifact | None:
        """The artifact with this hash; None: it is not here.

        Raises:
            BadArtifact: it is damaged.
        """
        # A cheap look for the text: loading checks the hashes of every file.
        for path in self._path.glob("gen-*/manifest.json"):
            if f'"{model_hash}"'.encode() in path.read_bytes():
                return load(path.parent)
        return None

    def load_live(self) -> Artifact | None:
        """The live artifact, None before the first publish.

        Raises:
            BadArtifact: it is damaged.
        """
        path = self.live()
        return load(path) if path else None

    def clock(self) -> Clock | None:
        """The data's clock that the live model was fitted at; None: no model that can be read."""
        manifest = self._live_manifest()
        return Clock(manifest["as_of_ms"], manifest.get("ahead", 0)) if manifest else None

    def is_recount(self, fresh: Artifact) -> bool:
        """Whether the live model was fitted with other sources quarantined than this one."""
        manifest = self._live_manifest()
        return bool(manifest) and manifest.get("quarantined", {}) != fresh.quarantined

    def _live_manifest(self) -> Mapping[str, Any]:
        live = self.live()
        try:
            found: Mapping[str, Any] = (
                json.loads((live / "manifest.json").read_bytes()) if live else {}
            )
        except (OSError, ValueError):
            return {}
        return found

    def artifacts(self) -> list[Path]:
        """All artifacts, those under way too."""
        return sorted([*self._path.glob("gen-*"), *self._path.glob(".gen-*")])

    def remove(self, artifacts: Iterable[Path]) -> None:
        """Remove artifacts for good; a live or pinned one among them is that no longer."""
        names = [path.name for path in artifacts]
        if not names:
            return

        def forget(state: State) -> State:
            live, pinned = (
                None if name in names else name for name in (state.live_artifact, state.pinned)
            )
            return replace(state, live_artifact=live, pinned=pinned)

        self._change(forget)  # before the folders go: a live artifact is always there
        for name in names:
            shutil.rmtree(self._path / name, ignore_errors=True)

    def is_trained(self) -> bool:
        """Whether a trainer works here now."""
        return is_held(self._path)

    def _prune(self, live: Path) -> None:
        # Names sort by generation: the last ones are the newest.
        kept = {*sorted(self._path.glob("gen-*"))[-self._kept :], live, self.pinned()}
        for path in self._path.glob("gen-*"):
            if path not in kept:
                shutil.rmtree(path)

    def _change(self, change: Callable[[State], State]) -> State:
        with self._locked() as state:
            changed = change(state)
            self._write(changed)
            return changed

    @contextlib.contextmanager
    def _locked(self) -> Iterator[State]:
        self._path.mkdir(parents=True, exist_ok=True)
        with durable.lock_file(self._path / "registry.lock") as descriptor:
            # It is held for milliseconds, except by a process that was stopped meanwhile.
            if not durable.lock_within(descriptor, LOCK_S):
                known = (self._path / "registry.json").exists()
                raise RegistryHeld(self._path, self._read().owner if known else None)
            yield self._read()

    def _read(self) -> State:
        path = self._path / FILE
        try:
            read = json.loads(path.read_bytes())
            read.pop("counts", None)  # older versions noted it
            owner = Owner(**read["owner"]) if read.get("owner") else None
            return State(**(read | {"owner": owner}))
        except FileNotFoundError:
            state = State(registry=uuid.uuid4().hex)
            self._write(state)
            return state
        except (ValueError, TypeError, AttributeError) as error:
            raise BadArtifact(f"{path} cannot be read ({error}); restore it or move it") from error

    def _write(self, state: State) -> None:
        durable.write(self._path / FILE, json.dumps(asdict(state), indent=1).encode())


def holding(artifacts: Iterable[Path], erasures: Erasures) -> list[Path]:
    """Those with an erased id; one that cannot be read, such as a cut-off draft, may hold any."""
    return [path for path in artifacts if any_id(path, erasures.gone)]


def any_id(artifact: Path, gone: Callable[[Side, str], bool]) -> bool:
    """Whether this holds for any id of an artifact."""
    try:
        if any(gone(side, name) for side, name in journal.named(artifact)):
            return True
        tables = {side: json.loads((artifact / name).read_bytes()) for name, side in TABLES.items()}
    except (OSError, ValueError):
        return True
    return any(gone(side, name) for side, names in tables.items() for name in names)
