import time

import pytest
import redis

from serving.errors import RedisUnfit, RedisUnreachable
from serving.lookup import Lookup
from serving.publisher.publish import Publisher
from serving.server import unfitness
from support.data.lists import fold_in, publish
from support.servers.redis import RedisServer

GOOD = {"redis_version": "7.0.15", "maxmemory_policy": "noeviction", "role": "master"}


def publisher(client, prefix="gig"):
    return Publisher(client, prefix=prefix, registry="r", token=1)


def test_a_plain_server_will_do(publisher):
    publisher.check_server()


@pytest.mark.parametrize("version", ["6.2.0", "6.2", "7.0.15", "8.6.1", "10.0"])
def test_versions_from_6_2_will_do(version):
    assert unfitness({**GOOD, "redis_version": version}, "gig") is None


@pytest.mark.parametrize("version", ["6.0.16", "5.0", "2.8.4"])
def test_older_versions_will_not(version):
    assert f"it is version {version}" in unfitness({**GOOD, "redis_version": version}, "gig")


def test_a_hosted_server_that_hides_its_policy_will_do():
    assert unfitness({"redis_version": "7.2.4"}, "gig") is None


@pytest.mark.parametrize("policy", ["allkeys-lru", "volatile-ttl"])
def test_a_server_that_may_evict_lists_will_not(policy):
    with RedisServer("--maxmemory-policy", policy) as server, pytest.raises(RedisUnfit) as unfit:
        publisher(server.client()).check_server()

    said = str(unfit.value)
    assert unfit.value.exit_code == 2
    assert f"its maxmemory-policy is {policy}: set it to noeviction" in said
    assert "\n" not in said


def test_a_replica_will_not_and_its_primary_is_named(redis_server):
    primary = ("127.0.0.1", str(redis_server.port))
    with (
        RedisServer("--replicaof", *primary) as server,
        pytest.raises(
            RedisUnfit, match="set GIGSTREAM_REDIS_URL to the primary, " + ":".join(primary)
        ),
    ):
        publisher(server.client()).check_server()


@pytest.fixture(scope="module")
def node():
    """A cluster of one node, which watches over slots like any other."""
    with RedisServer("--cluster-enabled", "yes") as server:
        client = server.client()
        client.execute_command("CLUSTER", "ADDSLOTS", *range(16384))
        wait_until_serving(client)
        yield client


@pytest.fixture
def cluster(node):
    node.flushall()
    return node


def wait_until_serving(node):
    while b"cluster_state:ok" not in node.execute_command("CLUSTER", "INFO"):
        time.sleep(0.02)


def test_a_cluster_wants_a_hash_tag_in_the_prefix(cluster):
    with pytest.raises(RedisUnfit, match=r"set GIGSTREAM_REDIS_PREFIX to \{gig\}"):
        publisher(cluster).check_server()


def test_everything_works_in_a_cluster_with_a_hash_tag(cluster):
    ours = publisher(cluster, "{gig}")
    ours.check_server()
    ours.claim()
    publish(ours, 1)
    fold_in(ours, 1, {"artist": {"a0": None}}, {})
    publish(ours, 2)

    assert ours.live().generation == 2
    assert Lookup(cluster, "{gig}").artist("a0").source == "model"


def test_the_cluster_client_of_redis_py_reads_the_same(cluster):
    ours = publisher(cluster, "{gig}")
    publish(ours, 1)
    port = cluster.connection_pool.connection_kwargs["port"]
    with redis.RedisCluster(host="127.0.0.1", port=port) as client:
        lookup = Lookup(client, "{gig}")

        assert lookup.artist("a0").items[0].id == "v1"
        assert lookup.search("artist 0", of="artist")[0].id == "a0"


def test_a_node_that_does_not_hold_the_keys_names_the_one_that_does(cluster):
    there = "127.0.0.1:{port}".format(**cluster.connection_pool.connection_kwargs)
    with RedisServer("--cluster-enabled", "yes") as server:
        other = server.client()
        other.execute_command("CLUSTER", "MEET", *there.split(":"))
        wait_until_serving(other)
        for call in (publisher(other, "{gig}").live, publisher(other, "{gig}").claim):
            with pytest.raises(RedisUnfit) as unfit:
                call()

            assert "does not hold the keys of prefix '{gig}' " in str(unfit.value)
            assert there in str(unfit.value)


def test_a_cluster_that_is_down_is_waited_for():
    with (
        RedisServer("--cluster-enabled", "yes") as server,
        pytest.raises(RedisUnreachable, match="cannot serve now"),
    ):
        publisher(server.client(), "{gig}").live()
