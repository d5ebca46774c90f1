"""The registry: numbers that only grow, also between processes."""

import fcntl
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from consumer.table import durable
from serving.errors import Fenced
from serving.owner import Owner
from support.faults.strace import calls
from trainer.errors import BadArtifact, RegistryHeld
from trainer.registry import state
from trainer.registry.state import KEPT, Registry


def take(path: Path) -> list[int]:
    return [Registry(path).next_token() for _ in range(20)]


def test_tokens_are_given_once_even_to_processes_that_ask_at_once(tmp_path):
    with ProcessPoolExecutor(3, mp_context=get_context("spawn")) as pool:
        taken = [token for tokens in pool.map(take, [tmp_path] * 3) for token in tokens]

    assert sorted(taken) == list(range(1, 61))


def test_a_registry_keeps_its_random_id_and_another_has_another(tmp_path):
    first = Registry(tmp_path / "a")

    assert first.state().registry == Registry(tmp_path / "a").state().registry
    assert first.state().registry != Registry(tmp_path / "b").state().registry


def test_the_live_artifact_survives_a_restart(tmp_path):
    registry = Registry(tmp_path)
    generation = registry.next_generation()
    path = registry.artifact(generation)
    path.mkdir()
    registry.set_live(generation, path)

    again = Registry(tmp_path)

    assert again.live() == path
    assert again.next_generation() == generation + 1


def test_old_artifacts_go_but_never_the_live_one(tmp_path):
    registry = Registry(tmp_path)
    paths = [registry.artifact(number) for number in range(1, KEPT + 4)]
    for path in paths:
        path.mkdir()

    registry.set_live(99, paths[0])

    assert sorted(tmp_path.glob("gen-*")) == [paths[0], *paths[-KEPT:]]


def test_a_damaged_registry_is_an_error_with_a_remedy_and_is_not_replaced(tmp_path):
    (tmp_path / "registry.json").write_text('{"registry": "x", "tok')

    with pytest.raises(BadArtifact, match="restore it"):
        Registry(tmp_path).next_token()

    assert (tmp_path / "registry.json").read_text() == '{"registry": "x", "tok'


def test_the_owner_is_named_until_the_next_one(tmp_path):
    owner = Owner("there", 7, 1_700_000_000)
    Registry(tmp_path).own(owner)

    assert Registry(tmp_path).state().owner == owner


def test_drafts_of_refits_that_were_killed_go_with_the_next_owner(tmp_path):
    registry = Registry(tmp_path)
    for name in (".gen-00000002", ".gen-00000003.spark", "gen-00000001"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "artists.json").write_text("[]")

    registry.own(Owner.here())

    assert [path.name for path in tmp_path.glob("*gen-*")] == ["gen-00000001"]


def test_numbers_go_on_after_those_that_a_restored_registry_does_not_know(tmp_path):
    registry = Registry(tmp_path)
    (tmp_path / "gen-00000012").mkdir()

    assert registry.catch_up(token=7, generation=9)
    assert not registry.catch_up(token=3, generation=12)
    assert (registry.next_token(), registry.next_generation()) == (8, 13)


def test_an_older_token_does_not_say_what_is_live(tmp_path):
    zombie, successor = Registry(tmp_path), Registry(tmp_path)
    zombie.next_token()
    successor.own(Owner("there", 7, 1_700_000_000))
    successor.next_token()
    for number in (1, 2):
        successor.artifact(number).mkdir()
    successor.set_live(2, successor.artifact(2))

    with pytest.raises(Fenced, match="process 7 on there"):
        zombie.set_live(1, zombie.artifact(1))

    assert successor.state().live_generation == 2


def test_a_change_is_on_disk_with_its_name_before_it_is_relied_upon(tmp_path):
    folder = tmp_path / "models"
    seen = [*calls(["support.processes.registered", str(folder)], tmp_path / "trace")]
    renamed = [n for n, call in enumerate(seen) if call.name == "rename"]
    synced = [n for n, c in enumerate(seen) if c.name == "fsync" and c.file[1] == str(folder)]

    assert renamed
    assert len(synced) == len(renamed)
    assert all(rename < sync for rename, sync in zip(renamed, synced, strict=True))


def test_the_state_is_read_while_a_stopped_trainer_holds_the_lock(tmp_path):
    registry = Registry(tmp_path)
    token = registry.next_token()

    with durable.lock_file(tmp_path / "registry.lock") as descriptor:
        durable.lock(descriptor)
        pool = ThreadPoolExecutor()
        try:
            assert pool.submit(registry.state).result(timeout=5).token == token
        finally:
            fcntl.flock(descriptor, fcntl.LOCK_UN)
            pool.shutdown()


def test_a_lock_that_a_stopped_process_holds_is_an_error_that_names_it(tmp_path, monkeypatch):
    monkeypatch.setattr(state, "LOCK_S", 0.2)
    registry = Registry(tmp_path)
    registry.own(Owner("machine", 4711, 1_700_000_000))
    with durable.lock_file(tmp_path / "registry.lock") as descriptor:
        durable.lock(descriptor)
        with pytest.raises(RegistryHeld) as refused:
            registry.next_token()

    said = str(refused.value)
    assert "the trainer (process 4711 on machine, since 2023-11-14" in said
    assert "end it with `kill -9`, which loses nothing, then start this again" in said
    assert registry.next_token() == 1
