"""A stream with everything hostile in it, between good records, read by three consumers."""

import json
import time

from consumer.settings import ConsumerSettings
from support.data.feed import send
from support.data.raw import RawProducer
from support.data.records import gig, stored, until
from support.faults.bombs import peak_megabytes, send_bomb
from support.processes.consume import Consuming

PARTITIONS = 3
SOON_S = 10
"""For all good records after the last bad one; the dead letters of bombs may take longer."""
CLOUD = [(b"content-type", b"application/cloudevents+json")]
LONG = 200_000


def deep(opening: bytes, depth: int, closing: bytes) -> bytes:
    return gig(0)[:-1] + b', "venue": ' + opening * depth + b"1" + closing * depth + b"}"


def bad_records() -> list[tuple[bytes | None, list[tuple[bytes, bytes | None]]]]:
    """One record of each kind that stopped a consumer, or held it, or filled its memory."""
    kind = {"specversion": "1.0", "id": "1", "source": "s", "type": "a" * LONG + ".", "data": {}}
    return [
        (gig(0), [(b"\xff\xfe", b"x")]),
        (None, [(b"trace", b"1"), (b"\xc3", None)]),
        *((deep(b"[", depth, b"]"), []) for depth in (65, 960, 990, 1_000, 1_495, 9_996)),
        *((deep(b'{"a":', depth, b"}"), []) for depth in (65, 960, 990, 1_000, 1_495, 9_996)),
        (json.dumps(kind).encode(), CLOUD),
        (gig(0), [(b"x", b"y" * 900_000)]),
        (None, [(b"x", b"y")] * 300),
        (b"[" * 900_000, []),
        (b'"' + b'\\"' * 400_000, []),
    ]


def test_all_good_records_are_stored_soon_and_each_bad_one_is_a_dead_letter(kafka, tmp_path):
    settings = ConsumerSettings(
        home=tmp_path / "home",
        kafka_bootstrap=kafka.bootstrap,
        kafka_topic=(topic := kafka.create_topic(PARTITIONS)),
        kafka_group=topic,
        dead_letter_brake_share=1,
    )
    bad, good = bad_records(), 0

    def send_good() -> None:
        nonlocal good
        values = [gig(good + n, more="-" * (LONG if n == 0 else 1)) for n in range(30)]
        send(kafka.bootstrap, topic, *values)
        good += len(values)

    def found() -> dict[str, int]:
        there = list(settings.store.glob("_delta_log/*.json"))
        kinds = [row["kind"] for row in stored(settings.store)] if there else []
        return {kind: kinds.count(kind) for kind in ("event", "dead")}

    with Consuming(settings) as one, Consuming(settings) as two, Consuming(settings) as three:
        consumers = (one, two, three)
        until(lambda: all(len(each.owned) == 1 for each in consumers), 60)
        for value, headers in bad:
            send_good()
            with RawProducer(kafka.bootstrap) as producer:
                producer.send(topic, value, headers, key=b"e1")
        for partition in range(PARTITIONS):
            send_good()
            send_bomb(
                *(kafka.bootstrap, topic, [b" " * 1_600_000] * 60, "zstd"),
                partition=partition,
                together=True,
            )
            send_bomb(kafka.bootstrap, topic, [b" " * 40_000_000], "gzip", partition=partition)
        send_good()
        last_s, expected = time.monotonic(), {"event": good, "dead": len(bad) + 2 * PARTITIONS}
        until(lambda: found()["event"] >= good, SOON_S)
        took_s = time.monotonic() - last_s
        until(lambda: found() == expected)
        peaks = [peak_megabytes(each.process.pid) for each in consumers]
        for each in consumers:
            each.stop()

    print(f"{expected}: stored within {took_s:.1f} s of the last, {peaks} MB at most")
    assert found() == expected
    assert max(peaks) < 1_000
