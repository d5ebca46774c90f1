"""Who acts through the API, for the audit."""

from typing import Any

from litestar import Request
from litestar.datastructures.state import State

from operations.audit import Actor

TOKEN = "serve_token"  # noqa: S105 - its name
"""The name of the one token that writers have."""


def actor_of(request: Request[Any, Any, State]) -> Actor:
    """Who sent a request that a guard has let in."""
    client = request.client
    return Actor(TOKEN, "api", client.host if client else "unknown")
