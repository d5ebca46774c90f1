"""Which artifacts of unpublished generations stay on disk."""

from trainer.live.pin import Pin
from trainer.registry.generations import Generations, Record
from trainer.registry.state import Registry


def test_of_unpublished_models_the_newest_stays_and_those_that_were_accepted(tmp_path):
    registry, records = Registry(tmp_path), Generations(tmp_path)
    published = {1: "published", 2: "refused", 3: "held", 5: "held", 6: "refused"}
    for number, verdict in published.items():
        registry.artifact(number).mkdir()
        name = registry.artifact(number).name
        records.add(Record(number, 0.0, name, "h", 0, 1, 1, 10, verdict=verdict))
    accepted = registry.artifact(3)
    records.add(Record(4, 0.0, accepted.name, "h", 0, 1, 1, 10))

    Pin(registry, tmp_path).drop_unpublished(registry.artifact(6))

    assert registry.artifacts() == [registry.artifact(number) for number in (1, 3, 6)]
