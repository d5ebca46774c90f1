"""``make chaos``: kill 200 consumers, check that each event is stored once, run controls."""

import argparse
import json
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from chaos.controls import control
from chaos.full_disk import FREE_KB, on_a_full_disk, survived
from chaos.stage import QUICK, Outcome, Stage
from chaos.unguarded import GUARDS
from support.servers.cluster import KafkaCluster
from support.servers.kafka import KafkaBroker
from support.servers.redis import RedisServer

MODERN = {"group.protocol": "consumer"}
_TITLES = ("kills", "lost", "doubled", "fences", "conflicts", "controls_failed")


def main() -> int:
    """Run the command line. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m chaos", description=__doc__)
    parser.add_argument("--kills", type=int, default=210, help="consumers to kill")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    args = parser.parse_args()
    print(f"seed {args.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="gigstream-chaos-") as folder:
        home = Path(folder)
        outcomes = list(_stages(home, kills=args.kills, seed=args.seed))
        with KafkaBroker(own=True) as kafka:
            wrong = [*_full_disks(kafka, home), *_passed_with_all_guards(kafka, home)]
            failed = [guard for guard in GUARDS if _fails(kafka, home, guard)]
    print(f"{len(failed)} of {len(GUARDS)} controls failed as they must", flush=True)
    told = _told(outcomes, len(failed))
    wrong += [f"{outcome.name}: {said}" for outcome in outcomes for said in outcome.wrong]
    wrong += list(_off(told, kills=args.kills))
    print(*(f"wrong: {said}" for said in wrong), sep="\n", file=sys.stderr)
    print(json.dumps(told))
    return 1 if wrong else 0


def _stages(home: Path, *, kills: int, seed: int) -> Iterator[Outcome]:
    """Run both group protocols on one broker, then on three brokers."""
    third = -(-kills // 3)
    with KafkaBroker(own=True) as kafka, RedisServer() as redis:
        stages = [
            Stage("classic", [kafka], kafka.create_topic(6), QUICK),
            Stage("modern", [kafka], kafka.create_topic(6), MODERN, zombie_s=5),
        ]
        for number, stage in enumerate(stages):
            yield _ran(stage, home, redis, third, seed + number)
    with KafkaCluster() as cluster, RedisServer() as redis:
        stage = Stage("three brokers", cluster.brokers, cluster.create_topic(6), QUICK, size=2)
        yield _ran(stage, home, redis, third, seed + len(stages))


def _ran(stage: Stage, home: Path, redis: RedisServer, kills: int, seed: int) -> Outcome:
    outcome = stage.run(home / stage.name.replace(" ", "-"), redis, kills=kills, seed=seed)
    found = outcome.recount
    print(
        f"{stage.name}: {found.records} records, {outcome.kills} kills, lost {len(found.lost)}, "
        f"doubled {len(found.doubled)}, {outcome.seconds:.0f} s, "
        f"{'something is wrong' if outcome.wrong else 'verify: equal'}; "
        + ", ".join(f"{name} {count}" for name, count in sorted(outcome.counts.items())),
        flush=True,
    )
    return outcome


def _full_disks(kafka: KafkaBroker, home: Path) -> Iterator[str]:
    for free_kb in FREE_KB:
        told = on_a_full_disk(kafka, home / f"full-{free_kb}", free_kb=free_kb)
        print(f"{free_kb} KB left on the disk: {told['said']}", flush=True)
        if not survived(told):
            yield f"full disk: {told}"


def _passed_with_all_guards(kafka: KafkaBroker, home: Path) -> Iterator[str]:
    for guard in GUARDS:
        found = control(kafka, home / f"with {guard}", guard, removed=False)
        if found.lost or found.doubled:
            yield f"the scenario of {guard!r} fails with all guards in place"


def _fails(kafka: KafkaBroker, home: Path, guard: str) -> bool:
    found = control(kafka, home / f"without {guard}", guard, removed=True)
    lost, doubled = len(found.lost), len(found.doubled)
    print(f"without {guard}: lost {lost}, doubled {doubled}", flush=True)
    return lost + doubled > 0


def _told(outcomes: list[Outcome], failed: int) -> dict[str, int]:
    counts: Counter[str] = sum((outcome.counts for outcome in outcomes), Counter())
    lost = sum(len(outcome.recount.lost) for outcome in outcomes)
    doubled = sum(len(outcome.recount.doubled) for outcome in outcomes)
    kills = sum(outcome.kills for outcome in outcomes)
    values = (kills, lost, doubled, counts["fences"], counts["conflicts"], failed)
    return dict(zip(_TITLES, values, strict=True))


def _off(told: dict[str, int], *, kills: int) -> Iterator[str]:
    if told["kills"] < kills:
        yield "fewer kills than asked for"
    yield from (f"{told[name]} {name}" for name in ("lost", "doubled") if told[name])
    yield from (f"no {name}" for name in ("fences", "conflicts") if not told[name])
    if told["controls_failed"] < len(GUARDS):
        yield "a control passed: the recount is blind"


if __name__ == "__main__":
    sys.exit(main())
