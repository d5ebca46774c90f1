"""Lists by an earlier model: of what may be shown now, and in memory only while they are asked."""

import threading
import time

import pytest

from operations.errors import NotThere
from support.processes.running import until
from support.processes.training import Training
from web.errors import TooMany
from web.live.earlier import AT_ONCE, IDLE_S, Earlier
from web.live.model import LiveModel
from web.live.ranking import Asked
from web.settings import ApiSettings

WHOLE = Asked(n=1_000, returns=True)


@pytest.fixture
def training(tmp_path, redis_server, prefix):
    with Training(tmp_path, redis_server, prefix) as made:
        yield made


@pytest.fixture
def earlier(training):
    """After two generations, of which the second knows one gig more."""
    training.published()
    training.book(("n1", "artist-1", "venue-9"))
    with training.refit() as asked:
        until(asked.answer)
    settings = ApiSettings(home=training.commands.home)
    live = LiveModel(settings)
    made = Earlier(settings, live)
    until(lambda: follows(live, made))
    return made


def follows(live, earlier) -> bool:
    live.follow(time.monotonic())
    return live.is_ready and len(earlier.kept()) == 2


def first(earlier) -> int:
    return earlier.kept()[-1].number


def shown(earlier, identity="artist-1") -> set[str]:
    # As the follower of a server does.
    earlier._live.follow(time.monotonic())
    return {item.id for item in earlier.ranked("artist", identity, first(earlier), WHOLE)}


def test_what_is_hidden_or_erased_since_is_not_shown(training, earlier):
    assert {"venue-9", "venue-4"} <= shown(earlier)
    training.commands.run("hide", "venue", "venue-9")
    until(lambda: "venue-9" not in shown(earlier))
    training.commands.run("show", "venue", "venue-9")
    until(lambda: "venue-9" in shown(earlier))
    number = first(earlier)
    assert training.commands.run("erase", "venue", "venue-4", "--yes").returncode == 0

    # An erasure removes the models that know the id: nothing is answered from memory.
    with pytest.raises(NotThere):
        earlier.ranked("artist", "artist-1", number, WHOLE)
    assert earlier._held is None


def test_a_merged_id_stands_for_both(training, earlier):
    merge = ("merge", "venue", "venue-9", "into", "venue-8", "--yes")
    assert training.commands.run(*merge).returncode == 0
    until(lambda: "venue-9" not in shown(earlier))

    assert "venue-8" in shown(earlier)


def test_a_model_that_is_not_asked_for_is_freed(earlier):
    shown(earlier)
    now_s = time.monotonic()
    earlier.rest(now_s + IDLE_S / 2)
    held = earlier._held
    shown(earlier)
    assert held is not None
    assert earlier._held is held, "the next request finds it ready"
    earlier.rest(time.monotonic() + IDLE_S + 1)

    assert earlier._held is None
    assert shown(earlier)


def test_beyond_a_few_requests_the_next_is_refused(earlier):
    number = first(earlier)
    with earlier._lock:  # a model that takes long
        threads = [threading.Thread(target=shown, args=(earlier,)) for _ in range(AT_ONCE)]
        for each in threads:
            each.start()
        until(lambda: earlier._places._value == 0)
        with pytest.raises(TooMany) as refused:
            earlier.ranked("artist", "artist-1", number, WHOLE)
    for each in threads:
        each.join(60)
    assert "ask again" in str(refused.value)
    assert shown(earlier)
