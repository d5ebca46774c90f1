"""Batches that are small on the wire and large unpacked."""

from collections.abc import Sequence
from pathlib import Path

from confluent_kafka import Producer

_SEPARATE = {"linger.ms": 0, "batch.num.messages": 1}
_TOGETHER = {"linger.ms": 60_000, "batch.size": 2**31 - 1, "batch.num.messages": 100_000}


def send_bomb(
    bootstrap: str,
    topic: str,
    values: Sequence[bytes],
    codec: str,
    *,
    partition: int = 0,
    together: bool = False,
) -> None:
    """Send values packed, in a batch each or together in one."""
    producer = Producer(
        {
            "bootstrap.servers": bootstrap,
            "compression.type": codec,
            "message.max.bytes": 1_000_000_000,
            "queue.buffering.max.kbytes": 2_000_000,
            **(_TOGETHER if together else _SEPARATE),
        }
    )
    failed: list[str] = []
    for value in values:
        producer.produce(
            topic,
            value,
            partition=partition,
            on_delivery=lambda error, _: failed.append(str(error)) if error else None,
        )
        if not together:
            assert producer.flush(60) == 0
    assert producer.flush(60) == 0
    assert not failed, failed[:3]


def peak_megabytes(pid: int) -> int:
    """The most memory that a process had resident, so far."""
    lines = Path(f"/proc/{pid}/status").read_text("utf-8").splitlines()
    (found,) = [line.split()[1] for line in lines if line.startswith("VmHWM")]
    return int(found) // 1024
