"""How the live lists came to be: what was settled at the swap and at each fold-in since.

One file beside the model, ``journal-<generation>.jsonl``, begun with the generation and read by
`verify` alone. Lists follow from the model, the plays and the order of fold-ins, and the plays
from what the store held below some offsets: with these noted, each list can be made again long
after, also when the store was compacted meanwhile. A trainer that cannot write it runs without.
"""

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from consumer.ids.quarantines import Quarantines
from consumer.table.schema import Side

logger = logging.getLogger(__name__)

_NAMES = "journal-*.jsonl"
_IDS = ("artists", "venues", "mates")
_FACTS = ("generation", "artifact", "list_size")


@dataclass(frozen=True)
class Step:
    """One moment at which lists were made.

    Attributes:
        seq: fold-ins since the swap, this one included; 0 at the swap.
        positions: by app id, the offset below which all was settled.
        events: how many statements that were.
        merges: how many merges were known.
        quarantined: which sources were quarantined.
        visibility: how many decisions about hidden ids were known.
        artists: ids whose vectors were solved and lists made from that.
        venues: the same of venues.
        mates: ids of artists whose lists alone were made.
        resumed: a trainer began again with the model as it was fitted and solved these ids; no
            list was made.
    """

    seq: int
    positions: Mapping[str, int]
    events: int
    merges: int
    quarantined: Quarantines = field(default_factory=dict)
    visibility: int = 0
    artists: Sequence[str] = ()
    venues: Sequence[str] = ()
    mates: Sequence[str] = ()
    resumed: bool = False


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
        self._before: tuple[Path | None, dict[str, int]] = (None, {})

    def prepare(self, history: History) -> None:
        """A generation is about to be live; `withdraw` it where it will not be."""
        self._before = (self._path, self._positions)
        # Written before the swap: lists that are live always have their journal.
        path = _path(self._models / history.artifact, history.generation)
        self._positions = {}
        facts = {name: getattr(history, name) for name in _FACTS}
        lines = [json.dumps(facts) + "\n", *map(self._line, history.steps)]
        try:
            path.write_text("".join(lines), encoding="utf-8")
        except OSError as error:
            self._give_up(error)
        else:
            self._path = path

    def withdraw(self) -> None:
        """It did not become live: continue the journal of the one before."""
        self._path, self._positions = self._before

    def begin(self) -> None:
        """It is live; what was noted of others is of no use any more."""
        for other in self._models.glob(f"*/{_NAMES}"):
            if other != self._path:
                other.unlink(missing_ok=True)

    def resume(self, generation: int, step: Step) -> None:
        """Continue with a generation that is live at this step; later steps are not live."""
        found = read(self._models, generation)
        if found is None:
            return
        kept = [each for each in found.steps if each.seq <= step.seq]  # later ones are not live
        self.prepare(replace(found, steps=(*kept, step)))
        self.begin()

    def add(self, step: Step) -> None:
        """A fold-in is published."""
        if self._path is None:
            return
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(self._line(step))
        except OSError as error:
            self._give_up(error)

    def _line(self, step: Step) -> str:
        # Only positions that moved: a topic may have many partitions, and a fold-in reads few.
        moved = dict(step.positions.items() - self._positions.items())
        self._positions |= moved
        return json.dumps(asdict(step) | {"positions": moved}, ensure_ascii=False) + "\n"

    def _give_up(self, error: OSError) -> None:
        self._path = None
        logger.warning("The journal cannot be written, `verify` will not see the lists: %s", error)


def read(models: Path, generation: int) -> History | None:
    """What is noted of a generation; None: nothing, or nothing whole."""
    found = list(models.glob(f"*/{_path(Path(), generation)}"))
    if not found:
        return None
    first, *lines = found[0].read_text(encoding="utf-8").split("\n")
    steps: list[Step] = []
    positions: dict[str, int] = {}
    for line in lines[:-1]:  # the last one has no end yet, or is empty
        noted: dict[str, Any] = json.loads(line)
        positions = positions | noted["positions"]
        ids = {name: tuple(noted.get(name, ())) for name in _IDS}
        steps.append(Step(**(noted | ids | {"positions": positions})))
    return History(**json.loads(first), steps=tuple(steps)) if len(steps) > 1 else None


def named(artifact: Path) -> Iterator[tuple[Side, str]]:
    """Every id that the journals of an artifact name.

    Raises:
        OSError, ValueError: one cannot be read.
    """
    for path in artifact.glob(_NAMES):
        for line in path.read_text(encoding="utf-8").splitlines()[1:]:
            said = json.loads(line)
            yield from (("artist", name) for name in (*said["artists"], *said.get("mates", ())))
            yield from (("venue", name) for name in said["venues"])


def _path(artifact: Path, generation: int) -> Path:
    return artifact / f"journal-{generation:08d}.jsonl"
