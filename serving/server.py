"""Whether a Redis can hold our lists, judged from its ``INFO``."""

from collections.abc import Mapping
from typing import Any

OLDEST = (6, 2)


def unfitness(info: Mapping[str, Any], prefix: str) -> str | None:
    """Why this server will not do, with the remedy; None where it will.

    Args:
        info: ``INFO`` as redis-py parses it. Not ``CONFIG``: hosted servers forbid that.
        prefix: the key prefix in use.
    """
    version = str(info.get("redis_version", "0"))
    if _numbers(version) < OLDEST:
        return f"it is version {version}: use Redis 6.2 or newer, or Valkey"
    # One hash is one victim: an eviction would take all artists' lists at once.
    policy = info.get("maxmemory_policy", "noeviction")
    if policy != "noeviction":
        return f"its maxmemory-policy is {policy}: set it to noeviction"
    if info.get("role") == "slave":
        primary = f"{info.get('master_host')}:{info.get('master_port')}"
        return f"it is a replica: set GIGSTREAM_REDIS_URL to the primary, {primary}"
    if int(info.get("cluster_enabled", 0)) and "{" not in prefix:
        return (
            f"it is a cluster, and prefix {prefix!r} would spread over its nodes: set "
            f"GIGSTREAM_REDIS_PREFIX to {{{prefix}}}"
        )
    return None


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2] if part.isdecimal())
