"""A reader's mark holds for as long as the reader lives, and no longer."""

import gc
import subprocess
import sys
import textwrap

import pytest

from consumer.store.reader import StoreReader
from consumer.store.writer import Store
from consumer.table import durable
from consumer.table.reader_marks import Mark, living


@pytest.fixture
def path(tmp_path):
    Store.open(tmp_path)
    return tmp_path


def test_marks_tell_versions_and_move(path):
    first, second = Mark(path, 7), Mark(path, 12)
    assert living(path) == [7, 12]

    first.move(30)

    assert living(path) == [12, 30]
    second.close()
    second.close()
    assert living(path) == [30]


def test_a_mark_ends_with_its_reader(path):
    mark = Mark(path, 7)
    del mark
    gc.collect()

    assert living(path) == []
    assert list((path / "_readers").iterdir()) == []


def test_the_mark_of_a_process_that_was_killed_is_void_and_goes(path):
    program = """
        import os, signal, sys
        from pathlib import Path
        from consumer.table.reader_marks import Mark
        mark = Mark(Path(sys.argv[1]), 7)
        print("marked", flush=True)
        signal.pause()
    """
    command = [sys.executable, "-c", textwrap.dedent(program), str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"marked\n"
        assert living(path) == [7]
        process.kill()
        process.wait()

    assert len(list((path / "_readers").iterdir())) == 1
    assert living(path) == []
    assert list((path / "_readers").iterdir()) == []


def test_a_mark_that_was_taken_for_void_at_its_birth_is_made_again(path, monkeypatch):
    real, looked = durable.fcntl.flock, []

    def flock(descriptor, how):
        if how == durable.fcntl.LOCK_EX and not looked:
            looked.append(living(path))
        real(descriptor, how)

    monkeypatch.setattr(durable.fcntl, "flock", flock)
    mark = Mark(path, 7)

    assert looked == [[]]
    assert living(path) == [7]
    mark.close()


def test_where_there_is_no_store_there_is_no_mark(tmp_path):
    Mark(tmp_path / "store", 7).move(8)

    assert not (tmp_path / "store").exists()
    assert living(tmp_path / "store") == []


def test_a_reader_that_may_not_write_reads_without_a_mark(path, monkeypatch):
    def refuse(*_arguments, **_options):
        raise PermissionError("read-only")

    monkeypatch.setattr(durable.os, "open", refuse)

    assert StoreReader(path).read().version == 0


def test_a_followers_mark_is_where_it_has_read_to(path):
    tail = StoreReader(path)
    assert living(path) == []
    tail.read()
    assert living(path) == [0]

    del tail
    gc.collect()
    assert living(path) == []
