"""How the live lists came to be: what was settled at the swap and at each fold-in since.

One file beside the model, ``journal-<generation>.jsonl``, begun with the generation and read by
`verify` alone. Lists follow from the model, the plays and the order of fold-ins, and the plays
from what the store held below some offsets: with these noted, each list can be made again long
after, also when the store was compacted meanwhile. A trainer that cannot write it goes on without.
"""

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from consumer.merges import Side

logger = logging.getLogger(__name__)

_NAMES = "journal-*.jsonl"
_FACTS = ("generation", "artifact", "list_size")


@dataclass(frozen=True)
class Step:
    """One moment at which lists were made.

    Attributes:
        seq: fold-ins since the swap, this one included; 0 at the swap.
        positions: by app id, the offset below which all was settled.
        events: how many statements that were.
        merges: how many merges were known.
        artists: ids whose lists were made from that.
        venues: likewise.
    """

    seq: int
    positions: Mapping[str, int]
    events: int
    merges: int
    artists: Sequence[str] = ()
    venues: Sequence[str] = ()


@dataclass(frozen=True)
class History:
    """All that is noted of a generation.

    Attributes:
        generation: its number.
        artifact: name of the folder of its model.
        list_size: entries per list.
        steps: the first when all lists were staged, the second at the swap, then the fold-ins.
    """

    generation: int
    artifact: str
    list_size: int
    steps: Sequence[Step]


class Journal:
    """Writes the file of the live generation.

    Args:
        models: the folder of artifacts.
    """

    def __init__(self, models: Path) -> None:
        self._models = models
        self._path: Path | None = None
        self._positions: dict[str, int] = {}

    def begin(self, history: History) -> None:
        """A generation is live; what was noted of others is of no use any more."""
        path = _path(self._models / history.artifact, history.generation)
        facts = {name: getattr(history, name) for name in _FACTS}
        self._positions = {}
        lines = [json.dumps(facts), *map(self._line, history.steps)]
        try:
            for other in self._models.glob(f"*/{_NAMES}"):
                other.unlink()
            path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        except OSError as error:
            self._give_up(error)
        else:
            self._path = path

    def add(self, step: Step) -> None:
        """A fold-in is published."""
        if self._path is None:
            return
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(f"{self._line(step)}\n")
        except OSError as error:
            self._give_up(error)

    def _line(self, step: Step) -> str:
        moved = {k: v for k, v in step.positions.items() if self._positions.get(k) != v}
        self._positions.update(moved)
        said = {"seq": step.seq, "positions": moved, "events": step.events, "merges": step.merges}
        ids = {"artists": list(step.artists), "venues": list(step.venues)}
        return json.dumps(said | ids, ensure_ascii=False)

    def _give_up(self, error: OSError) -> None:
        self._path = None
        logger.warning("The journal cannot be written, `verify` will not see the lists: %s", error)


def read(models: Path, generation: int) -> History | None:
    """What is noted of a generation; None: nothing, or nothing whole."""
    found = list(models.glob(f"*/{_path(Path(), generation)}"))
    if not found:
        return None
    lines = found[0].read_text(encoding="utf-8").split("\n")
    steps: list[Step] = []
    positions: dict[str, int] = {}
    for line in lines[1:-1]:  # the last one has no end yet, or is empty
        said: dict[str, Any] = json.loads(line)
        positions |= said.pop("positions")
        said |= {name: tuple(said[name]) for name in ("artists", "venues")}
        steps.append(Step(positions=dict(positions), **said))
    return History(**json.loads(lines[0]), steps=tuple(steps)) if len(steps) > 1 else None


def named(artifact: Path) -> Iterator[tuple[Side, str]]:
    """Every id that the journals of an artifact name.

    Raises:
        OSError, ValueError: one cannot be read.
    """
    for path in artifact.glob(_NAMES):
        for line in path.read_text(encoding="utf-8").splitlines()[1:]:
            said = json.loads(line)
            yield from (("artist", name) for name in said["artists"])
            yield from (("venue", name) for name in said["venues"])


def _path(artifact: Path, generation: int) -> Path:
    return artifact / f"journal-{generation:08d}.jsonl"
