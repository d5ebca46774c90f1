"""Advice beyond an error's own remedy: the embedded servers, where none was ever named."""

from gigstream.settings import Settings

_SERVERS = ("kafka_bootstrap", "redis_url")
UNREACHABLE = 3
"""The exit code."""


def advice(settings: Settings, exit_code: int) -> str | None:
    """What helps a newcomer whose servers cannot be reached; None for everyone else.

    Args:
        settings: of this process.
        exit_code: of the failure.
    """
    # Someone who named a server wants that one.
    if exit_code != UNREACHABLE or settings.model_fields_set & {*_SERVERS}:
        return None
    return (
        f"no server is named, and no local stack runs in {settings.home}: `gigstream up` runs one"
    )
