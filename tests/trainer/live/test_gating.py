"""The gate, by refits of real stores: what was planted is stopped, and honest refits are not."""

import json
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from support.data.worlds import Gig, Log, World, real
from trainer.errors import RefitRefused
from trainer.gate import kept, verdict
from trainer.gate.verdict import Verdict
from trainer.live import refit
from trainer.live.job import Job
from trainer.model.fit import Model, fit
from trainer.registry.artifact import Artifact, load
from trainer.registry.journal import Step
from trainer.registry.state import Registry
from trainer.settings import TrainerSettings

GIGS = 3000
RECIPE = {"factors": 8, "threads": 1, "list_size": 20}


class Home:
    """Refits of one home, one after the other; those that pass become live."""

    def __init__(self, path: Path, url: str, prefix: str) -> None:
        self.path, self._redis = path, {"redis_url": url, "redis_prefix": prefix}
        self.log = Log(path / "store")
        self.registry = Registry(path / "models")

    def refit(self, version: int, *, force: bool = False, **recipe: float) -> Verdict:
        """A cold fit of a version of the store, as the trainer's process makes it."""
        settings = TrainerSettings(home=self.path, **RECIPE | self._redis | recipe)
        number = self.registry.next_generation()
        job = Job(
            settings=settings,
            store_version=version,
            generation=number,
            registry=self.registry.state().registry,
            token=1,
            staged=Step(0, {}, 0, 0),
            artifact=self.registry.artifact(number),
            live=self.registry.live(),
            force=force,
        )
        try:
            refit.work(job)
        except RefitRefused:
            pass
        else:
            self.registry.set_live(number, job.artifact)
        self.manifest = json.loads((job.artifact / "manifest.json").read_bytes())
        return Verdict(**self.manifest["verdict"])

    @property
    def live(self) -> Artifact:
        path = self.registry.live()
        assert path
        return load(path)


@pytest.fixture
def home(tmp_path, redis_server, prefix):
    return Home(tmp_path / "home", redis_server.url, prefix)


@pytest.fixture(scope="module")
def world() -> list[Gig]:
    return World().gigs(GIGS)


@pytest.fixture
def live(home, world):
    """A home whose first generation is live."""
    assert home.refit(home.log.append(world)).note == verdict.FIRST
    return home


def test_the_same_again_is_published_without_a_second_judgement(live):
    version = live.log.append([("x", "artist-1", "venue-1", 1_613_000_000_000)])

    first, second = live.refit(version), live.refit(version)

    assert (first.verdict, first.note) == ("published", "")
    assert live.manifest["quality"]["judged"]["figures"]["judged"] > 0.1
    assert (second.verdict, second.note) == ("published", verdict.SAME)
    assert live.manifest["quality"]["judged"]["plays"] == GIGS + 1


def shuffled(*given, **more) -> Model:
    """A fit whose factors belong to other rows."""
    model, draw = fit(*given, **more), np.random.default_rng(1)
    sides = {
        side: replace(
            getattr(model, side), factors=draw.permutation(getattr(model, side).factors, axis=0)
        )
        for side in ("artists", "venues")
    }
    return replace(model, **sides)


def test_shuffled_factors_are_refused(live, monkeypatch):
    monkeypatch.setattr(refit, "fit", shuffled)
    version = live.log.append([("x", "artist-1", "venue-1", 1_613_000_000_000)])

    found = live.refit(version)

    assert found.verdict == "refused"
    assert any("before a random venue" in each for each in found.reasons)
    assert live.refit(version, force=True).verdict == "published"


def test_a_wrong_lambda_is_refused_where_lists_are_worse(home):
    version = home.log.append(real())
    home.refit(version)

    nearly, wrong = (home.refit(version, regularization=value) for value in (31, 100_000))

    assert nearly.is_published
    assert wrong.verdict == "refused"
    assert any("of the live recipe and weights" in each for each in wrong.reasons), wrong.reasons


@pytest.fixture
def older(live, tmp_path, redis_server, prefix):
    """Another store, under the models of the first."""
    made = Home(tmp_path / "older", redis_server.url, prefix)
    made.registry = live.registry
    return made


@pytest.mark.parametrize(("kept", "reason"), [(0.5, "gigs are stored"), (0.75, "days older")])
def test_a_store_that_was_cut_is_held(older, world, kept, reason):
    found = older.refit(older.log.append(world[: int(kept * len(world))]))

    assert found.verdict == "held"
    assert any(reason in each for each in found.reasons), found.reasons


def test_what_a_source_takes_back_is_an_explanation(live, world):
    version = live.log.append(world[: GIGS // 2], status="cancelled")

    assert live.refit(version).verdict == "published"


def test_a_source_that_books_everybody_everywhere_is_held(live, world):
    now_ms, draw = world[-1][3], random.Random(1)
    artists, venues = (sorted({gig[at] for gig in world}) for at in (1, 2))
    booked = [
        (f"p{artist}-{venue}", artist, venue, now_ms)
        for artist in artists
        for venue in draw.sample(venues, 5)
    ]

    found = live.refit(live.log.append(booked, source="planted"))

    assert found.verdict == "held"
    assert found.summary == "a venue or source takes over"
    assert any("planted" in each for each in found.reasons)


def test_sixty_gigs_of_new_artists_at_a_new_venue_are_shown_to_no_other(live, world):
    now_ms = world[-1][3]
    planted = [(f"p{n}", f"new-{n}", "planted", now_ms) for n in range(60)]

    found = live.refit(live.log.append(planted))

    shown = kept.stored(live.live)
    assert found.verdict == "held" or shown.shown[shown.venues.index("planted")] == 0


def test_a_quarantine_is_published_without_a_judgement(live, world):
    now_ms = world[-1][3]
    spam = [(f"p{n}", f"artist-{n % 300}", "hall", now_ms) for n in range(GIGS)]
    live.refit(live.log.append(spam, source="planted"), force=True)

    found = live.refit(live.log.quarantine("planted"))

    assert (found.verdict, found.note) == ("published", verdict.RECOUNTED)
    assert live.manifest["counts"]["plays"] == GIGS


def test_few_plays_are_never_refused(home):
    world = World()
    home.refit(home.log.append(world.gigs(300)))
    spam = [(f"p{n}", f"new-{n}", "planted", 1_610_000_000_000) for n in range(300)]

    found = home.refit(home.log.append(spam, source="planted"))

    assert (found.verdict, found.note) == ("published", verdict.FEW)


@pytest.mark.timeout(600)
def test_of_20_honest_refits_19_are_published(home):
    world = World(seed=2)
    home.refit(home.log.append(world.gigs(2000)))

    found = [home.refit(home.log.append(world.gigs(220))) for _ in range(20)]

    print(sum(each.is_published for each in found), "of 20 published")
    assert sum(each.note == "" for each in found) >= 8, "recipes are judged as plays grow"
    assert sum(each.is_published for each in found) >= 19, [each.reasons for each in found]
