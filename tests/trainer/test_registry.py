"""The registry: numbers that only grow, also between processes."""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from trainer.errors import BadArtifact
from trainer.registry import KEPT, Registry


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


def test_the_live_artifact_and_its_counts_survive_a_restart(tmp_path):
    registry = Registry(tmp_path)
    generation = registry.next_generation()
    path = registry.artifact(generation)
    path.mkdir()
    registry.set_live(generation, path, {"artist": 3})

    again = Registry(tmp_path)

    assert again.live() == path
    assert again.state().counts == {"artist": 3}
    assert again.next_generation() == generation + 1


def test_old_artifacts_go_but_never_the_live_one(tmp_path):
    registry = Registry(tmp_path)
    paths = [registry.artifact(number) for number in range(1, KEPT + 4)]
    for path in paths:
        path.mkdir()

    registry.set_live(99, paths[0], {})

    assert sorted(tmp_path.glob("gen-*")) == [paths[0], *paths[-KEPT:]]


def test_a_damaged_registry_is_an_error_with_a_remedy_and_is_not_replaced(tmp_path):
    (tmp_path / "registry.json").write_text('{"registry": "x", "tok')

    with pytest.raises(BadArtifact, match="restore it"):
        Registry(tmp_path).next_token()

    assert (tmp_path / "registry.json").read_text() == '{"registry": "x", "tok'
