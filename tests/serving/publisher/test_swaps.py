"""Readers under swaps, and writers that die in mid-publish."""

import json
import os
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

import redis

from serving import live
from serving.contract import VIEWS, staging_key
from serving.lookup import Lookup
from serving.publisher.publish import Publisher
from support.data.lists import commit, entry, fold_in, live_only, publish, stage

SWAPS = 200
READERS = 3
ROOT = Path(__file__).parents[3]


class Reader(threading.Thread):
    """Reads lists as fast as it can and notes what it must never see."""

    def __init__(self, url, prefix, stop):
        super().__init__()
        self.url, self.prefix, self.stop = url, prefix, stop
        self.reads, self.seen, self.wrong = 0, set(), []

    def run(self):
        with redis.Redis.from_url(self.url) as client:
            while not self.stop.is_set():
                for view in VIEWS:
                    self.look(client, view, f"{view[0]}{self.reads % 5}")
                self.reads += 1

    def look(self, client, view, identity):
        fields = [identity, "_default", "_gen", "_meta", "_seq"]
        own, default, generation, meta, seq = client.hmget(f"{self.prefix}:{view}", fields)
        if None in (own, default, generation, meta, seq):
            self.wrong.append(("empty", view, identity, own, default, generation, meta, seq))
            return
        read = [json.loads(own)["g"], json.loads(default)["g"], json.loads(meta)["generation"]]
        if {int(generation)} != set(read) or not json.loads(own)["v"]:
            self.wrong.append(("mixed", view, identity, generation, read))
        self.seen.add(int(generation))


@contextmanager
def reading(url, prefix):
    stop = threading.Event()
    readers = [Reader(url, prefix, stop) for _ in range(READERS)]
    for reader in readers:
        reader.start()
    try:
        yield readers
    finally:
        stop.set()
        for reader in readers:
            reader.join()


def test_200_swaps_and_fold_ins_under_hammering_readers_0_empty_0_mixed(
    publisher, redis_server, prefix
):
    publish(publisher, 1)
    with reading(redis_server.url, prefix) as readers:
        for generation in range(2, SWAPS + 2):
            publish(publisher, generation)
            changes = {view: {f"{view[0]}1": entry(generation, kind="foldin")} for view in VIEWS}
            fold_in(publisher, generation, changes, {})

    assert [wrong for reader in readers for wrong in reader.wrong] == []
    assert sum(reader.reads for reader in readers) > SWAPS
    assert len(set.union(*(reader.seen for reader in readers))) > SWAPS / 10


def test_a_live_set_read_during_swaps_is_always_whole(publisher, redis_server, prefix):
    publish(publisher, 1)
    stop, seen = threading.Event(), []

    def watch():
        with redis.Redis.from_url(redis_server.url) as client:
            watcher = Publisher(client, prefix=prefix, registry="ours", token=1)
            while not stop.is_set():
                seen.append(watcher.live().generation)

    thread = threading.Thread(target=watch)
    thread.start()
    for generation in range(2, 60):
        publish(publisher, generation)
    stop.set()
    thread.join()

    assert None not in seen
    assert sorted(seen) == seen


def test_a_swap_between_two_of_the_reads_is_not_taken_for_a_broken_set(
    publisher, prefix, monkeypatch
):
    publish(publisher, 1)
    read, calls = live._read, []

    def read_over_a_swap(client, prefix):
        before = read(client, prefix)
        if not calls:
            publish(publisher, 2)
        calls.append(1)
        return before[:2] + read(client, prefix)[2:]

    monkeypatch.setattr(live, "_read", read_over_a_swap)

    assert publisher.live().generation == 2
    assert len(calls) == 2


STAGER = """
import sys, time
import redis
sys.path.insert(0, {tests!r})
from serving.publisher.publish import Publisher
from support.data.lists import entry, fold_in

client = redis.Redis.from_url({url!r})
publisher = Publisher(client, prefix={prefix!r}, registry="ours", token=1)
publisher.begin(2)

def endless():
    for number in range(10**9):
        if number == 5000:
            print("staging", flush=True)
        yield f"a{{number}}", entry(2, [f"v{{n}}" for n in range(50)])

publisher.stage(2, "artist", endless())
"""


def test_a_publisher_killed_in_mid_staging_leaves_the_live_lists_untouched(
    publisher, client, redis_server, prefix
):
    publish(publisher, 1)
    before = live_only(client, prefix)
    code = STAGER.format(tests=str(ROOT / "tests"), url=redis_server.url, prefix=prefix)
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, cwd=ROOT) as child:
        assert child.stdout.readline() == b"staging\n"
        os.kill(child.pid, signal.SIGKILL)

    left = staging_key(prefix, "artist", 2, 1)
    assert client.hlen(left) > 1000
    assert 0 < client.ttl(left) <= 3600
    assert before == live_only(client, prefix)
    assert Lookup(client, prefix).artist("a0").items[0].id == "v1"

    successor = Publisher(client, prefix=prefix, registry="ours", token=2)
    successor.claim()
    publish(successor, 2)
    assert successor.live().generation == 2


def test_a_commit_whose_answer_was_lost_is_repeated_by_a_successor_process(
    publisher, client, redis_server, prefix
):
    counts = stage(publisher, 1)
    commit(publisher, 1, counts)
    with redis.Redis.from_url(redis_server.url) as again:
        successor = Publisher(again, prefix=prefix, registry="ours", token=1)
        commit(successor, 1, counts)

    assert (publisher.live().generation, publisher.live().seq) == (1, 0)
