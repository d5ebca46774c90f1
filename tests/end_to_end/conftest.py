"""A whole installation per test: own home, own topic, own keys."""

import pytest

from support.processes.installation import Installation


@pytest.fixture
def installation(tmp_path, kafka, redis_server, prefix):
    """Nothing running yet, everything set."""
    with Installation(tmp_path, kafka, redis_server, prefix) as made:
        yield made
