"""Writers share the store; an erasure has it for itself, and gets it."""

import fcntl
import os
import subprocess
import sys
import threading
import time

import pytest

from consumer.errors import StoreBusy
from consumer.ingest import rows
from consumer.store.writer import Store
from consumer.table import delta_log, write_lock
from consumer.table.delta_log import Span
from support.data.records import message, places, until

APP = "c/t/0"


def table(offset: int):
    return rows.table([message(offset)], topic_id="T")


def test_two_writers_write_at_once(tmp_path):
    with write_lock.shared(tmp_path, patience_s=0), write_lock.shared(tmp_path, patience_s=0):
        pass


def test_nobody_writes_beside_an_erasure_and_waiting_has_an_end(tmp_path):
    with write_lock.exclusive(tmp_path, patience_s=30):
        began_s = time.monotonic()
        with (
            pytest.raises(write_lock.WritersPaused, match="erasure"),
            write_lock.shared(tmp_path, patience_s=0.2),
        ):
            pass
        assert time.monotonic() - began_s >= 0.2
    with write_lock.shared(tmp_path, patience_s=0):
        pass


def test_an_erasure_waits_for_who_writes(tmp_path):
    held = threading.Event()

    def erase():
        with write_lock.exclusive(tmp_path, patience_s=30):
            held.set()

    with write_lock.shared(tmp_path, patience_s=0):
        thread = threading.Thread(target=erase)
        thread.start()
        assert not held.wait(0.2)
    thread.join(10)
    assert held.is_set()


def test_a_writer_that_never_ends_is_not_waited_for_without_end(tmp_path):
    with (
        write_lock.shared(tmp_path, patience_s=0),
        pytest.raises(write_lock.WritersPaused, match="a writer does not end"),
        write_lock.exclusive(tmp_path, patience_s=0.1),
    ):
        pass


def test_a_stream_of_overlapping_writers_does_not_starve_an_erasure(tmp_path):
    over = threading.Event()

    def write():
        while not over.is_set():
            with write_lock.shared(tmp_path, patience_s=30):
                time.sleep(0.02)

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        with write_lock.exclusive(tmp_path, patience_s=30):
            pass
    finally:
        over.set()
        for thread in threads:
            thread.join(10)


def test_an_append_waits_for_an_erasure_as_long_as_it_was_told_and_then_stores(tmp_path):
    path = tmp_path / "store"
    store = Store.open(path)
    with write_lock.exclusive(path, patience_s=30), pytest.raises(StoreBusy, match="erasure"):
        store.append(table(0), {APP: Span(None, 1)}, patience_s=0.1)

    store.append(table(0), {APP: Span(None, 1)})

    assert len(places(path)) == 1


def test_a_batch_whose_files_an_erasure_cleared_is_written_again(tmp_path):
    path = tmp_path / "store"
    other = Store.open(path)

    def lose_the_race_and_the_files(step: str) -> None:
        if step == "parquet_written" and not lost:
            lost.append(step)
            other.append(table(7), {"c/t/1": Span(None, 8)})
            other.append(table(8), {APP: Span(None, 9)})
            other.append(rows.table([], topic_id="T"), {APP: Span(9, 0)})
            for file in path.glob("kind=event/*.parquet"):
                if file not in kept(path):
                    file.unlink()

    lost = []
    store = Store.open(path, on_step=lose_the_race_and_the_files)
    store.append(table(0), {APP: Span(None, 1)})

    assert lost
    assert len(places(path)) == 3


def kept(path):
    return {path / file for file in delta_log.replay(path).files}


def test_a_killed_writer_holds_nobody_up(tmp_path):
    program = (
        "import sys, time\nfrom pathlib import Path\nfrom consumer.table import write_lock\n"
        "with write_lock.shared(Path(sys.argv[1]), patience_s=0):\n"
        "    print('held', flush=True); time.sleep(60)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "held\n"
    descriptor = os.open(tmp_path / ".writers.lock", os.O_RDWR)
    with pytest.raises(BlockingIOError):
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    process.kill()
    process.communicate()

    until(lambda: fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB) is None)
    os.close(descriptor)
