"""One maintenance process per store, whose owner may die, and which may die itself."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from consumer.ingest import rows
from consumer.maintenance import supervisor
from consumer.maintenance.supervisor import Supervisor, pause_s
from consumer.settings import ConsumerSettings
from consumer.store.writer import Store
from consumer.table import delta_log
from consumer.table.delta_log import Span
from support.data.records import message, until
from support.processes import living
from support.processes.living import command

A = "c/t/0"
TESTS = Path(__file__).parents[2]
HURRY = (sys.executable, "-m", "support.processes.maintain")


@pytest.fixture(autouse=True)
def _tests_path(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", f"{TESTS.parent}:{TESTS}")
    monkeypatch.setattr(supervisor, "LOOK_S", 0.1)


@pytest.fixture
def settings(tmp_path):
    return ConsumerSettings(home=tmp_path)


@pytest.fixture
def store(settings):
    return Store.open(settings.store)


def append(store, number) -> None:
    table = rows.table([message(number)], topic_id="T")
    store.append(table, {A: Span(number, number + 1)})


def children(owner: int) -> list[int]:
    """Maintenance processes that a process started."""
    found = living.children(owner)
    return [pid for pid in found if any(part.endswith(".maintain") for part in command(pid))]


def ours() -> list[int]:
    return children(os.getpid())


def script(tmp_path, text: str) -> tuple[str, ...]:
    """A stand-in for the maintenance program."""
    (tmp_path / "program.py").write_text(text)
    return (sys.executable, str(tmp_path / "program.py"))


@pytest.mark.parametrize(
    ("failures", "pause"), [(1, 1.0), (2, 2.0), (3, 4.0), (6, 32.0), (7, 60.0), (99, 60.0)]
)
def test_the_pause_before_the_next_start_doubles_up_to_a_minute(failures, pause):
    assert pause_s(failures) == pause


def test_the_store_is_kept_up_beside_the_commits(settings, store):
    with Supervisor(settings, HURRY):
        for number in range(12):
            append(store, number)
        until(lambda: delta_log.checkpoints(settings.store))
        until(lambda: len(delta_log.replay(settings.store).files) < 12)
        append(store, 12)

    assert Store.open(settings.store).positions([A]) == {A: 13}
    assert ours() == []


def test_of_many_owners_one_has_the_process(settings, store):
    with Supervisor(settings) as first, Supervisor(settings) as second:
        until(ours)
        until(lambda: first._lock is None or second._lock is None)

        assert len(ours()) == 1
        assert [each._lock is None for each in (first, second)].count(True) == 1


def owner(settings) -> "subprocess.Popen[bytes]":
    """A process that does nothing but keep house."""
    program = (
        "import sys, time\nfrom consumer.maintenance import supervisor\n"
        "from consumer.settings import ConsumerSettings\n"
        "supervisor.LOOK_S = 0.1\n"
        "settings = ConsumerSettings.model_validate_json(sys.argv[1])\n"
        "with supervisor.Supervisor(settings): time.sleep(100)"
    )
    return subprocess.Popen([sys.executable, "-c", program, settings.model_dump_json()])


def test_when_an_owner_is_killed_its_process_goes_and_another_takes_over(settings, store):
    killed = owner(settings)
    try:
        (old,) = until(lambda: children(killed.pid))
        with Supervisor(settings):
            assert ours() == []

            killed.kill()

            until(ours)
        until(lambda: not command(old))
    finally:
        killed.kill()
        killed.wait()


def test_a_process_that_is_killed_is_told_of_and_started_again(settings, store, caplog):
    with Supervisor(settings):
        (first,) = until(ours)
        os.kill(first, signal.SIGKILL)

        until(lambda: ours() not in ([], [first]))

    assert "Maintenance of the store ended (-9), starting it again soon" in caplog.messages


def test_a_crash_is_no_affair_of_the_consumers(settings, store, tmp_path, monkeypatch):
    monkeypatch.setattr(supervisor, "pause_s", lambda _failures: 0.01)
    crash = "import sys; open(sys.argv[0] + '.ran', 'a').write('x'); sys.exit(1)"
    with Supervisor(settings, script(tmp_path, crash)):
        ran = tmp_path / "program.py.ran"
        until(lambda: ran.exists() and len(ran.read_text()) > 2)
        append(store, 0)


def test_a_program_that_cannot_be_started_is_told_of(settings, store, caplog):
    with Supervisor(settings, ["/no/such/program"]):
        until(lambda: any("does not start, trying again" in said for said in caplog.messages))


def test_a_process_that_does_not_end_is_killed(settings, store, tmp_path):
    deaf = "import sys, time; sys.stdin.readline(); time.sleep(100)"
    maintenance = Supervisor(settings, script(tmp_path, deaf))
    program = str(tmp_path / "program.py")
    with maintenance:
        until(lambda: maintenance._lock is not None)
        until(lambda: _children(program))

    assert _children(program) == []


def _children(program: str) -> list[int]:
    """Our children that run this program: the broker may be another child."""
    numbers = living.children(os.getpid())
    return [number for number in numbers if program in " ".join(command(number))]


def test_without_a_store_nothing_is_started(settings):
    with Supervisor(settings) as maintenance:
        maintenance._stop.wait(0.5)
        assert ours() == []
