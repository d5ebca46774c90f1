from collections.abc import Iterator

import pytest

from support.servers.apicurio import Apicurio
from support.servers.guarded import guarded_broker
from support.servers.kafka import KafkaBroker
from support.servers.mock import MockBroker


@pytest.fixture(scope="package")
def guarded() -> Iterator[KafkaBroker]:
    """A broker with logins and rights; see `support.servers.guarded`."""
    with guarded_broker() as broker:
        yield broker


@pytest.fixture
def embedded() -> Iterator[MockBroker]:
    """A mock cluster of the test's own."""
    with MockBroker() as broker:
        yield broker


@pytest.fixture(scope="package")
def apicurio() -> Iterator[Apicurio]:
    """A schema registry, shared: keep to subjects of your own."""
    with Apicurio() as server:
        yield server
