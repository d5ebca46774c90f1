"""A decision about a source that is not known is refused: a typo is no decision."""

import pytest

from consumer.ingest import rows
from consumer.settings import StoreSettings
from consumer.store.writer import Span, Store
from operations import sources
from operations.audit import Actor, lines
from operations.errors import NotThere, Refused
from support.data.records import gig, message

ACTOR = Actor("alice", "command", "host-1")


class Home(StoreSettings):
    """What the functions need beside the store."""

    @property
    def models(self):
        return self.home / "models"


@pytest.fixture
def settings(tmp_path):
    made = Home(home=tmp_path)
    records = [
        message(0, gig(0, source="box-office")),
        message(1, gig(1, source="import:gigs")),
        message(2, gig(2, source="broken", venue_id="")),
    ]
    store = Store.open(made.store)
    store.append(rows.table(records, topic_id="T"), {"c/T/0": Span(None, 3)})
    return made


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("box-ofice", "did you mean 'box-office'"),
        ("Box-Office", "did you mean 'box-office'"),
        ("gigs", "did you mean 'import:gigs'"),
        ("import:gig", "did you mean 'import:gigs'"),
        ("ticketing", "known are"),
    ],
)
@pytest.mark.parametrize("decide", ["preview", "quarantine", "retract", "release"])
def test_a_mistyped_source_is_refused_and_near_ones_are_named(settings, decide, name, said):
    arguments = {
        "preview": (settings, name, None),
        "release": (settings, ACTOR, name),
    }.get(decide, (settings, ACTOR, name, None))
    with pytest.raises(NotThere, match=said):
        getattr(sources, decide)(*arguments)

    assert decide == "preview" or lines(settings.home, 1)[0]["outcome"] == "refused"


def test_a_source_that_is_to_come_is_quarantined_where_that_is_asked_for(settings):
    done = sources.quarantine(settings, ACTOR, "ticketing", None, unseen=True)

    assert (done["state"], done["changed"], done["statements"]) == ("quarantined", True, 0)
    # From now on it is known, by the decision.
    assert not sources.quarantine(settings, ACTOR, "ticketing", None)["changed"]
    assert sources.release(settings, ACTOR, "ticketing")["changed"]
    with pytest.raises(Refused, match="send a string of 1 to 256"):
        sources.quarantine(settings, ACTOR, "x" * 300, None, unseen=True)


def test_a_source_of_which_all_is_dead_is_known(settings):
    assert sources.quarantine(settings, ACTOR, "broken", None)["dead_letters"] == 1
