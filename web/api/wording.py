"""Texts that name commands, in the words of the API: each interface names what it offers."""

import re
from collections.abc import Mapping

_TICK = "\x60"
_COMMAND = re.compile(f"{_TICK}gigstream ([^{_TICK}]+){_TICK}")
_SEARCH = re.compile(r"(artist|venue) --name (\S+)")
_ROUTES: Mapping[str, str] = {
    "accept": "POST /v1/generations/accept",
    "audit": "GET /v1/audit",
    "check": "GET /v1/check",
    "check redis": "GET /v1/check?part=redis",
    "dead-letters list": "GET /v1/dead-letters",
    "dead-letters replay": "POST /v1/dead-letters/replay",
    "dead-letters show": "GET /v1/dead-letters/one",
    "erase": "POST /v1/ids/erase",
    "generations": "GET /v1/generations",
    "hide": "POST /v1/ids/hide",
    "merge": "POST /v1/ids/merge",
    "pin": "POST /v1/generations/pin",
    "retract": "POST /v1/sources/retract",
    "rollback": "POST /v1/generations/rollback",
    "show": "POST /v1/ids/show",
    "source list": "GET /v1/sources",
    "source quarantine": "POST /v1/sources/quarantine",
    "source release": "POST /v1/sources/release",
    "status": "GET /v1/status",
    "train --once --force": 'POST /v1/generations/refit with "force": true',
    "unmerge": "POST /v1/ids/unmerge",
    "unpin": "POST /v1/generations/unpin",
}
"""By command; those without a route, such as `gigstream train`, are started on the server."""


def worded(text: str) -> str:
    """A text with routes in place of the commands that do the same.

    Args:
        text: as `operations` and the packages below write it.
    """
    return _COMMAND.sub(lambda found: _route(found[1]) or found[0], text)


def _route(command: str) -> str | None:
    if found := _SEARCH.fullmatch(command):
        return f"GET /v1/search?side={found[1]}&q={found[2]}"
    # An option makes another command of it; what stands for an id does not.
    words = [word for word in command.split() if word != "..."]
    if command in _ROUTES or any(word.startswith("--") for word in words):
        return _ROUTES.get(command)
    return _ROUTES.get(" ".join(words[:2])) or _ROUTES.get(words[0])
