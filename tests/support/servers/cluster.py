"""Three brokers with three replicas of each partition, of which two must acknowledge."""

from collections.abc import Mapping
from typing import Self

from support.servers.kafka import KafkaBroker, _free_ports, new_cluster_id

SIZE = 3
_REPLICATED = {
    "default.replication.factor": "3",
    "min.insync.replicas": "2",
    "offsets.topic.replication.factor": "3",
    "transaction.state.log.replication.factor": "3",
    "transaction.state.log.min.isr": "2",
    "share.coordinator.state.topic.replication.factor": "3",
    "share.coordinator.state.topic.min.isr": "2",
}


class KafkaCluster:
    """A context manager.

    Attributes:
        brokers: each may be killed and started again by itself.
    """

    def __init__(self) -> None:
        ports = _free_ports(2 * SIZE)
        pairs = list(zip(ports[:SIZE], ports[SIZE:], strict=True))
        voters = ",".join(f"{n}@127.0.0.1:{pair[1]}" for n, pair in enumerate(pairs, 1))
        cluster_id = new_cluster_id()
        self.brokers = [
            KafkaBroker(
                own=True,
                ports=pair,
                cluster_id=cluster_id,
                properties={**_REPLICATED, "node.id": str(n), "controller.quorum.voters": voters},
            )
            for n, pair in enumerate(pairs, 1)
        ]

    @property
    def bootstrap(self) -> str:
        """Addresses of all brokers, so that any one may be down."""
        return ",".join(broker.bootstrap for broker in self.brokers)

    def __enter__(self) -> Self:
        for broker in self.brokers:
            broker.launch()
        for broker in self.brokers:
            broker.wait_until_ready()
        return self

    def __exit__(self, *_: object) -> None:
        for broker in self.brokers:
            broker.__exit__()

    def create_topic(self, partitions: int = 1, config: Mapping[str, str] | None = None) -> str:
        """A new topic on all three of them."""
        return self.brokers[0].create_topic(partitions, config=config, replicas=SIZE)
