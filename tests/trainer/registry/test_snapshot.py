"""A restarted trainer continues from what an earlier one settled, if that still holds."""

import json
import logging
import shutil

import pytest
from deltalake import DeltaTable

from consumer.errors import StoreDamaged
from consumer.ids.merges import Merge
from consumer.store.erase import Erasing
from consumer.store.reader import reader_state
from consumer.store.writer import Store
from consumer.table import delta_log
from support.data.growing import MERGES, Growing, facts, history
from support.data.statements import table
from trainer.live.following import Following
from trainer.plays.interactions import Interactions
from trainer.plays.read import settled_at
from trainer.registry.snapshot import Snapshots


@pytest.fixture
def growing(tmp_path) -> Growing:
    found = Growing(tmp_path / "store")
    found.grow()
    found.merge(MERGES)
    found.grow()
    return found


@pytest.fixture
def snapshots(tmp_path) -> Snapshots:
    return Snapshots(tmp_path / "models")


def followed(growing: Growing, snapshots: Snapshots | None, caplog) -> tuple[Following, bool]:
    """Caught up with the store; whether that began with a snapshot."""
    caplog.clear()
    caplog.set_level(logging.INFO)
    following = Following(growing.path, snapshots)
    while following.listen(0.0):
        pass
    return following, "settled before" in caplog.text


def check(growing: Growing, snapshots: Snapshots, caplog, *, resumes: bool) -> Following:
    """That a restart, resumed or not, gives what settling the whole store gives."""
    found, resumed = followed(growing, snapshots, caplog)
    fresh, _ = followed(growing, None, caplog)
    assert facts(found.interactions) == facts(fresh.interactions)
    assert (found.version, found.offsets) == (fresh.version, fresh.offsets)
    assert resumed == resumes
    return found


def test_a_restart_is_what_settling_anew_is_and_goes_on_alike(growing, snapshots, caplog):
    growing.save(snapshots)
    before = settled_at(growing.path, 3)[0]

    same = check(growing, snapshots, caplog, resumes=True)
    assert same.interactions.artists.ids == before.artists.ids
    growing.grow()
    assert same.listen(0.0)
    found = check(growing, snapshots, caplog, resumes=True)
    assert found.interactions.artists.ids[: len(before.artists)] == before.artists.ids
    assert facts(same.interactions) == facts(found.interactions)


def test_of_what_was_settled_no_rows_are_kept(growing):
    interactions, chunk = settled_at(growing.path, 3)

    assert interactions.totals().events > 0
    assert (chunk.version, chunk.events.num_rows) == (3, 0)


def test_no_file_that_a_snapshot_holds_is_read_again(growing, snapshots, caplog):
    growing.save(snapshots)
    for file in growing.path.glob("kind=event/*.parquet"):
        file.unlink()
    growing.grow()

    found, resumed = followed(growing, snapshots, caplog)

    assert resumed
    assert found.interactions.events == growing.next
    with pytest.raises(StoreDamaged):
        followed(growing, None, caplog)


def test_merges_that_came_since_are_heard(growing, snapshots, caplog):
    growing.save(snapshots)
    growing.merge([Merge(2, "a3", "a4", "artist"), Merge(3, "v3", "v2", "venue")])

    check(growing, snapshots, caplog, resumes=True)


def test_compaction_since_changes_nothing_and_counts_no_event_twice(growing, snapshots, caplog):
    growing.save(snapshots)
    growing.grow()
    DeltaTable(growing.path).optimize.compact()
    growing.store.refresh()
    growing.grow()

    check(growing, snapshots, caplog, resumes=True)


def test_rows_that_were_taken_out_since_mean_settling_anew(growing, snapshots, caplog):
    growing.save(snapshots)
    DeltaTable(growing.path).delete("offset = 3")

    check(growing, snapshots, caplog, resumes=False)
    assert not snapshots.paths()


def test_a_store_that_is_older_or_another_one_is_settled_anew(growing, snapshots, caplog, tmp_path):
    shutil.copytree(growing.path, tmp_path / "copy")
    growing.grow()
    growing.save(snapshots)
    shutil.copytree(tmp_path / "models", tmp_path / "kept")
    shutil.rmtree(growing.path)
    shutil.copytree(tmp_path / "copy", growing.path)
    check(growing, snapshots, caplog, resumes=False)

    shutil.rmtree(growing.path)
    (tmp_path / "kept").rename(tmp_path / "models")
    other = Growing(growing.path)
    for _ in range(5):
        other.grow(7)
    check(other, snapshots, caplog, resumes=False)


def test_a_snapshot_that_is_cut_or_altered_is_passed_over(growing, snapshots, caplog):
    growing.save(snapshots)
    (path,) = snapshots.paths()
    for file in sorted(path.iterdir()):
        whole = file.read_bytes()
        for damaged in (whole[: len(whole) // 2], whole[:-1] + b"?", None):
            file.unlink()
            if damaged is not None:
                file.write_bytes(damaged)
            assert snapshots.load() is None, file.name
            file.write_bytes(whole)
    assert snapshots.load() is not None

    (path / "gigs.npy").write_bytes(b"")
    check(growing, snapshots, caplog, resumes=False)


def test_one_that_was_half_written_when_the_power_went_is_no_snapshot(growing, snapshots, caplog):
    growing.save(snapshots)
    (path,) = snapshots.paths()
    path.rename(path.with_name(f".{path.name}.17"))

    check(growing, snapshots, caplog, resumes=False)


def test_arrays_that_do_not_fit_together_are_refused():
    interactions = Interactions()
    interactions.settle(table(history(0, 40)))
    arrays, said = interactions.state()
    for name in ("gigs", "bill_source", "bill_deleted", "ends", "chars"):
        empty = Interactions()
        with pytest.raises(ValueError, match="does not fit"):
            empty.restore(arrays | {name: arrays[name][:-1]}, said)
    with pytest.raises(ValueError, match="does not fit"):
        Interactions().restore(arrays, said)  # no ids are there


def test_a_snapshot_from_before_an_erasure_is_not_used_and_goes(growing, snapshots, caplog):
    growing.save(snapshots)
    Erasing(path=growing.path, side="artist", identity="a5").run({})

    found = check(growing, snapshots, caplog, resumes=False)

    assert "a5" not in found.interactions.artists.ids
    assert not snapshots.paths()


def test_an_erasure_that_is_heard_removes_the_snapshot(growing, snapshots, caplog):
    growing.save(snapshots)
    following, _ = followed(growing, snapshots, caplog)
    Erasing(path=growing.path, side="artist", identity="a5").run({})

    assert following.listen(0.0)

    assert not snapshots.paths()


def test_after_an_erasure_a_new_snapshot_serves_again(growing, snapshots, caplog):
    Erasing(path=growing.path, side="artist", identity="a5").run({})
    growing.store = Store.open(growing.path)
    growing.save(snapshots)
    growing.grow()

    check(growing, snapshots, caplog, resumes=True)


@pytest.mark.parametrize("noted", [True, False])
def test_a_log_that_was_cleaned_up_does_not_matter_where_the_trainer_followed_on(
    growing, snapshots, caplog, noted
):
    growing.save(snapshots)
    following = Following(growing.path, snapshots if noted else None)
    for _ in range(52):
        growing.grow(2)
        following.listen(0.0)
    DeltaTable(growing.path).create_checkpoint()
    growing.grow(2)
    for version in range(40):
        delta_log.entry_path(growing.path, version).unlink()

    check(growing, snapshots, caplog, resumes=noted)


def test_only_the_newest_stays(growing, snapshots):
    growing.save(snapshots)
    growing.grow()
    growing.save(snapshots)

    (path,) = snapshots.paths()
    manifest = json.loads((path / "manifest.json").read_bytes())
    assert manifest["known"]["version"] == delta_log.versions(growing.path)[-1]


def test_one_is_written_beside_other_work(growing, snapshots):
    interactions, chunk = settled_at(growing.path, 3)

    with snapshots.saving(interactions, reader_state(growing.path, chunk.version)):
        interactions.counts()

    assert facts(snapshots.load().interactions)["plays"]
