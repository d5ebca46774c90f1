"""`artist --why` and `venue --why` on an installation: shares, causes, words."""

import pytest

from gigstream.commands.why import main_reasons
from support.processes.commands import gigstream, started
from support.processes.living import until
from support.processes.published import HEAD, ROWS, asked, finish, published
from trainer.live.reasons import Reason
from trainer.ranking.score import TERMS
from trainer.ranking.words import NO_REASON, WORDS

PLAYED = {tuple(row.split(",")[:2]) for row in ROWS}
NAMES = {"artist": {"a1": "Band 1"}, "venue": {"v2": "Hall 2"}}


@pytest.fixture(scope="module")
def variables(kafka, redis_server, tmp_path_factory):
    return published(tmp_path_factory.mktemp("installation"), kafka, redis_server)


@pytest.fixture(autouse=True)
def installation(bare, variables, monkeypatch):
    """Makes those settings this process's own."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return variables


@pytest.mark.parametrize(
    "arguments", [("artist", "a7"), ("artist", "a7", "--returns"), ("venue", "v3")]
)
def test_the_shares_of_each_entry_add_up_to_its_published_score(arguments):
    shown = gigstream(*arguments, "--json").data
    found = gigstream(*arguments, "--why", "--json").data

    assert [item["id"] for item in found["items"]] == [item["id"] for item in shown["items"]]
    assert found["why_is_current"]
    for item in found["items"]:
        shares = [reason["share"] for reason in item["why"]]
        assert sum(shares) == pytest.approx(item["score"], rel=1e-4, abs=1e-4)
        assert shares == sorted(shares, reverse=True)


def test_causes_are_what_was_played_and_have_names():
    venues = gigstream("artist", "a7", "--why", "--json").data["items"]
    artists = gigstream("venue", "v3", "--why", "--json").data["items"]

    known = [each["cause"] for item in venues for each in item["why"] if each["term"] == "als"]
    assert {cause["side"] for cause in known if cause} == {"venue"}
    assert all(("a7", cause["id"]) in PLAYED for cause in known if cause)
    assert all(cause["name"] == f"Hall {cause['id'][1:]}" for cause in known if cause)
    known = [each["cause"] for item in artists for each in item["why"] if each["term"] == "als"]
    assert {cause["side"] for cause in known if cause} == {"artist"}
    assert all((cause["id"], "v3") in PLAYED for cause in known if cause)


def test_people_get_the_list_with_reasons_in_words():
    done = gigstream("venue", "v3", "-n", 3, "--why")
    lines = done.out.splitlines()

    assert done.err == ""
    assert sum(line.startswith((" 1  ", " 2  ", " 3  ")) for line in lines) == 3
    assert any("is like artists who play here, above all Band " in line for line in lines)
    assert lines[-1].startswith("venue v3 (Hall 3): model list of generation 1, as of 2015-01-28")


def test_an_id_without_a_list_gets_the_reasons_of_the_popular_one():
    done = gigstream("artist", "unknown", "--why", "--json")

    assert done.line == "artist 'unknown' has no list of its own yet; this is the popular one"
    assert done.data["why_is_current"]
    for item in done.data["items"]:
        assert {each["term"] for each in item["why"]} <= {"popularity", "liveness"}


def test_without_a_model_here_the_error_names_the_remedy(monkeypatch, tmp_path):
    monkeypatch.setenv("GIGSTREAM_HOME", str(tmp_path / "other"))
    done = gigstream("artist", "a7", "--why")

    assert done.code == 2
    assert done.line.endswith("has no model yet; run `gigstream train --once` first")


@pytest.mark.parametrize("side", ["artist", "venue"])
def test_every_term_has_words(side):
    assert WORDS[side].keys() == TERMS[f"{side}s"].keys()


def test_the_greatest_reasons_are_shown_as_parts_of_what_raises_the_entry():
    reasons = [
        Reason("als", 6.0, "v2", "venue"),
        Reason("mates", 3.0, "a1", "artist"),
        Reason("liveness", 0.9, None, "venue"),
        Reason("rp3", 0.1, "v2", "venue"),
        Reason("popularity", -2.0, None, "venue"),
    ]

    assert main_reasons("artist", reasons, NAMES) == [
        " 60%  artists like you play here, as your gigs at Hall 2 show",
        " 30%  artists you shared a bill with play here now, above all Band 1",
        "  9%  there were gigs here lately",
    ]
    assert main_reasons("artist", reasons[-1:], NAMES) == [NO_REASON]


# These change what is stored, so they come last.


def test_plays_that_came_since_are_remarked(tmp_path, variables):
    (tmp_path / "more.csv").write_text(
        "\n".join([HEAD, *(f"a7,v{n},2015-01-28,," for n in range(12))])
    )
    consumer = started("consume", env=variables)
    finish(started("import", str(tmp_path / "more.csv"), env=variables))
    until(lambda: asked("status", env=variables)["events"] == len(ROWS) + 12)
    consumer.terminate()
    finish(consumer)

    done = gigstream("artist", "a7", "--why", "--json")

    assert done.line == "plays changed since this list was made; its reasons are as of now"
    assert not done.data["why_is_current"]


def test_a_merged_id_has_the_reasons_of_the_one_that_it_counts_as(variables):
    finish(started("merge", "artist", "a5", "into", "a7", "--yes", env=variables))
    finish(started("train", "--once", env=variables))

    merged, target = (gigstream("artist", each, "--why", "--json").data for each in ("a5", "a7"))

    assert merged["why_is_current"]
    assert merged["items"] == target["items"]
    assert merged["items"][0]["why"]
