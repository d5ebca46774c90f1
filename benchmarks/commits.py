"""Whether commits slow down as their number grows: one row each, with maintenance running.

The clock of a busy machine wanders over the minutes that 50,000 commits take. So the last commits
are measured in turn with those of a second store that has seen a hundred.
"""

import tempfile
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from benchmarks.report import Report, interleaved, seconds
from consumer.ingest import rows
from consumer.maintenance.supervisor import Supervisor
from consumer.settings import ConsumerSettings
from consumer.store.writer import Store
from consumer.table import delta_log
from consumer.table.delta_log import Span
from support.data.records import message

FEW = 100
ROUNDS = 400
APP = "bench/topic/0"


class Writer:
    """A store that gets one row per commit, with its maintenance process."""

    def __init__(self, home: Path, open_until: ExitStack) -> None:
        settings = ConsumerSettings(home=home)
        self.path = settings.store
        self._store, self._next = Store.open(self.path), 0
        self._rows = rows.table([message(0)], topic_id="bench")
        open_until.enter_context(Supervisor(settings))

    def commit(self) -> None:
        """Commit one row."""
        self._store.append(self._rows, {APP: Span(self._next, self._next + 1)})
        self._next += 1


def measure(*, quick: bool) -> Report:
    """Make many commits, then measure in turn with a young store."""
    commits = 1_000 if quick else 50_000
    marks = [count for count in (FEW, 1_000, 5_000, 10_000, 20_000, 50_000) if count <= commits]
    with tempfile.TemporaryDirectory() as directory, ExitStack() as open_until:
        old = Writer(Path(directory) / "old", open_until)
        times_ms = [seconds(old.commit) * 1000 for _ in range(commits)]
        young = Writer(Path(directory) / "young", open_until)
        for _ in range(FEW):
            young.commit()
        times = interleaved(ROUNDS // 4 if quick else ROUNDS, old=old.commit, young=young.commit)
        detail = {
            "commits": commits,
            **{f"ms_after_{count}": _around(times_ms, count) for count in marks},
            "old_ms": median(times["old"]) * 1000,
            "young_ms": median(times["young"]) * 1000,
            **_size(old.path),
        }
    return Report(
        "commits",
        {"slowdown_after_50000": median(times["old"]) / median(times["young"])},
        detail,
        "python -m benchmarks commits",
    )


def _around(times_ms: list[float], count: int) -> float:
    """The median of the two hundred commits about a count, two rounds of checkpoints."""
    return median(times_ms[max(0, count - 100) : count + 100])


def _size(path: Path) -> dict[str, int]:
    snapshot = delta_log.replay(path)
    return {
        "log_entries": len(delta_log.versions(path)),
        "log_bytes": sum(file.stat().st_size for file in (path / delta_log.FOLDER).iterdir()),
        "files": len(snapshot.files) if snapshot else 0,
        "files_on_disk": sum(1 for _ in path.glob("kind=*/*")),
    }
