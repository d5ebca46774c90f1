"""The store keeps what a refit process is to read, however far the trainer reads on meanwhile."""

import gc
import json
import threading
from ctypes import c_longlong
from types import SimpleNamespace

import pytest

from consumer.ingest import rows
from consumer.store.writer import Store
from consumer.table import reader_marks
from consumer.table.delta_log import Span
from support.data.records import message
from trainer.errors import RefitCutOff
from trainer.live import refit_process
from trainer.live.following import Following
from trainer.live.loop import Trainer
from trainer.live.refit import UNREACHABLE, Running
from trainer.registry.journal import Journal
from trainer.registry.requests import Request
from trainer.registry.state import Registry
from trainer.run import _publish_once
from trainer.settings import TrainerSettings


def made(settings: TrainerSettings, monkeypatch, alive: list[bool]) -> Trainer:
    """A trainer whose refit process cannot reach a server."""
    process = SimpleNamespace(is_alive=lambda: alive[0], exitcode=UNREACHABLE)
    running = Running(process, c_longlong())
    monkeypatch.setattr(refit_process.refit, "start", lambda _job, _configure: running)
    return Trainer(
        settings=settings,
        following=Following(settings.store),
        registry=Registry(settings.models),
        publisher=None,
        journal=Journal(settings.models),
        token=1,
        configure=lambda: None,
    )


def test_one_fit_that_cannot_reach_a_server_is_not_tried_for_ever(tmp_path, monkeypatch):
    settings = TrainerSettings(home=tmp_path)
    Store.open(settings.store).append(
        rows.table([message(0)], topic_id="T"), {"c/t/0": Span(None, 1)}
    )
    trainer = made(settings, monkeypatch, alive=[False])

    with pytest.raises(RefitCutOff, match="could not reach a server") as cut_off:
        _publish_once(trainer, settings, SimpleNamespace(check=lambda: None), threading.Event())
    assert cut_off.value.exit_code == 3


def test_the_version_that_a_refit_reads_is_held_until_it_is_done(tmp_path, monkeypatch):
    settings = TrainerSettings(home=tmp_path)
    store = Store.open(settings.store)
    store.append(rows.table([message(0)], topic_id="T"), {"c/t/0": Span(None, 1)})
    alive = [True]
    trainer = made(settings, monkeypatch, alive)
    trainer.listen(0.0)
    trainer.begin()
    store.append(rows.table([message(1)], topic_id="T"), {"c/t/0": Span(1, 2)})
    trainer.listen(0.0)

    assert reader_marks.living(settings.store) == [1, 2]

    alive[0] = False
    trainer.collect(0.0)
    gc.collect()
    assert reader_marks.living(settings.store) == [2]


@pytest.mark.parametrize("verdict", ["held", "published"])
def test_a_fit_that_the_gate_withheld_is_not_published_though_its_process_died(
    tmp_path, monkeypatch, verdict
):
    settings = TrainerSettings(home=tmp_path)
    store = Store.open(settings.store)
    store.append(rows.table([message(0)], topic_id="T"), {"c/t/0": Span(None, 1)})
    trainer = made(settings, monkeypatch, [False])
    trainer.listen(0.0)
    artifact = trainer._registry.artifact(trainer.begin())
    artifact.mkdir(parents=True)
    noted = {"verdict": verdict, "summary": "", "reasons": []}
    (artifact / "manifest.json").write_text(json.dumps({"verdict": noted}))

    trainer.collect(0.0)

    assert trainer._artifact == (artifact if verdict == "published" else None)


def test_a_pinned_model_is_not_replaced_by_a_fit_whose_process_died(tmp_path, monkeypatch):
    settings = TrainerSettings(home=tmp_path)
    trainer = made(settings, monkeypatch, [False])
    live, left = (settings.models / f"gen-0000000{number}" for number in (1, 2))
    for each in (live, left):
        each.mkdir(parents=True)
    trainer._registry.set_live(1, live)
    trainer._artifact, trainer._republish = left, True

    trainer.obey(Request(action="pin"), 0.0)

    assert trainer._artifact == live
