"""A supervisor that keeps the consumers of one group running and injects faults."""

import random
import signal
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Self

from chaos.schedule import Fault
from consumer.settings import ConsumerSettings
from support.processes.consume import KILLED, Consuming

STARTED = "Reading "
_START_S = 30.0
_SIGNALS = {"kill": signal.SIGKILL, "stop": signal.SIGSTOP, "leave": signal.SIGTERM}
_PROGRAM = ("support.processes.consume",)


class Member:
    """One member of the group and its current process."""

    def __init__(self, process: Consuming, fault: Fault | None) -> None:
        self.process = process
        self.fault = fault
        self.began_s = time.monotonic()
        self.reading_s: float | None = None
        self.stopped_s: float | None = None
        self.hit = False

    @property
    def stopped(self) -> bool:
        """Whether it is stopped by SIGSTOP."""
        stat = Path(f"/proc/{self.process.process.pid}/stat").read_text()
        return stat.rpartition(")")[2].split()[0] == "T"

    def is_due(self, now_s: float) -> bool:
        """Whether the fault is due, or its step was not reached in time."""
        if self.reading_s is None and STARTED in self.process.said:
            self.reading_s = now_s
        if self.fault is None or self.hit:
            return False
        since_s = self.began_s + _START_S if self.reading_s is None else self.reading_s
        return now_s > since_s + self.fault.within_s


class Group:
    """A context manager; `tick` it often.

    Args:
        settings: of each consumer.
        faults: what happens to the next one that starts.
        size: members.
        zombie_s: how long a stopped one is held.
        draw: for the pauses before a start.
        program: as `Consuming` takes it.

    Attributes:
        counts: kills by step, zombies, clean leaves.
        crashes: last words of consumers that ended as they should not.
    """

    def __init__(
        self,
        settings: ConsumerSettings,
        faults: Iterator[Fault],
        *,
        size: int,
        zombie_s: float,
        draw: random.Random,
        program: Sequence[str] = _PROGRAM,
    ) -> None:
        self._settings = settings
        self._faults = faults
        self._zombie_s = zombie_s
        self._draw = draw
        self._program = program
        self._members: list[Member | None] = [None] * size
        self._start_at = [0.0] * size
        self.counts: Counter[str] = Counter()
        self.crashes: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for member in self._members:
            if member is not None:
                member.process.__exit__()

    @property
    def kills(self) -> int:
        """How many consumers were killed."""
        return sum(n for name, n in self.counts.items() if name.startswith("kill"))

    @property
    def logs(self) -> Path:
        """Files with their output."""
        return self._settings.home / "logs"

    def tick(self, *, calm: bool = False) -> None:
        """Check each member once.

        Args:
            calm: nothing more is to happen to them.
        """
        for place, member in enumerate(self._members):
            if member is None:
                self._start(place, calm=calm)
            elif member.process.process.poll() is not None:
                self._bury(place, member)
            elif not self._wakes(member) and not calm and member.is_due(time.monotonic()):
                self._strike(member)

    def kill_all(self) -> None:
        """Kill all at once, as when the machine fails."""
        for member in self._members:
            if member is not None and member.process.process.poll() is None:
                member.process.signal(signal.SIGKILL)
                member.process.code()
        for place, member in enumerate(self._members):
            if member is not None:
                self._bury(place, member)

    def stop(self) -> None:
        """Send SIGTERM to each; they must leave cleanly."""
        left = [member for member in self._members if member is not None]
        for member in left:
            if member.process.process.poll() is None:
                member.process.signal(signal.SIGCONT)
                member.process.signal(signal.SIGTERM)
        for member in left:
            # One that is still being imported hears no signal, and dies of it.
            early = {-signal.SIGTERM} if not member.process.said else set()
            if member.process.code() not in {0, KILLED, *early}:
                self._note_crash(member)
        self._members = [None] * len(self._members)

    def _start(self, place: int, *, calm: bool) -> None:
        if time.monotonic() < self._start_at[place]:
            return
        fault = None if calm else next(self._faults)
        at_step = None
        if fault is not None and fault.step is not None:
            at_step = (fault.step, fault.number, fault.kind)
        process = Consuming(
            self._settings,
            fault=at_step,
            upkeep=fault.upkeep if fault else (),
            program=self._program,
            logs=self.logs,
        )
        self._members[place] = Member(process, fault)

    def _bury(self, place: int, member: Member) -> None:
        code, fault = member.process.code(), member.fault
        if code == KILLED:
            step = fault.step if fault and fault.kind == "kill" and not member.hit else None
            self.counts[f"kill {step or 'at any time'}"] += 1
        elif not (code == 0 and fault and fault.kind == "leave"):
            self._note_crash(member)
        self._members[place] = None
        self._start_at[place] = time.monotonic() + self._draw.choice(
            [0, 0, self._draw.uniform(0, 3)]
        )

    def _note_crash(self, member: Member) -> None:
        said = member.process.said.splitlines()
        self.crashes.append(f"{member.process.process.returncode}: {' | '.join(said[-3:])}")

    def _wakes(self, member: Member) -> bool:
        """Whether it is stopped by SIGSTOP; resumes it after long enough."""
        if not member.stopped:
            return False
        now_s = time.monotonic()
        member.stopped_s = member.stopped_s or now_s
        if now_s > member.stopped_s + self._zombie_s:
            self.counts["zombie"] += 1
            # It lives on for a while, to do what harm it can, and is killed then.
            member.fault = Fault("kill", None, 0, now_s - (member.reading_s or now_s) + 4)
            member.stopped_s, member.hit = None, False
            member.process.signal(signal.SIGCONT)
        return True

    def _strike(self, member: Member) -> None:
        fault = member.fault
        if fault is None:
            return
        member.hit = True
        kind = fault.kind if fault.step is None else "kill"
        member.process.signal(_SIGNALS[kind])
