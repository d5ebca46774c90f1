"""Texts that name routes of the API, in the words of the console: its pages."""

import re

_LOG_IN, _FORBIDDEN, _NOT_FOUND, _NO_METHOD = 401, 403, 404, 405
_DESCRIPTION = "/schema/openapi.json"
_ROUTE = re.compile(r"(?:(?:GET|POST) )?/v1/([a-z-]+)[^\s,;:]*(?<![).])")
_FORCED = re.compile(r'(?:POST )?/v1/generations/refit with "force": true')
_PAGES = {
    "generations": "the page Generations",
    "sources": "the page Sources",
    "dead-letters": "the page Dead letters",
    "ids": "the page Store and ids",
    "store": "the page Store and ids",
    "partitions": "the page Stream",
    "events": "the page Stream",
    "stream": "the page Stream",
    "status": "the page Now",
    "check": "the page Settings and access",
    "settings": "the page Settings and access",
    "audit": "the page Audit",
    "search": "the field Find above",
}
_REMEDIES = {
    _LOG_IN: "log in, then send the form again",
    _FORBIDDEN: "open the page again and send its form",
    _NOT_FOUND: "choose a page of the navigation",
    _NO_METHOD: "choose a page of the navigation",
}


def paged(text: str) -> str:
    """A text with pages in place of the routes that do the same.

    Args:
        text: as the API answers it.
    """
    # No page forces a refit: that takes a person at a terminal.
    text = _FORCED.sub("`gigstream train --once --force`", text)
    return _ROUTE.sub(lambda found: _PAGES.get(found[1], found[0]), text)


def remedy(status: int, text: str) -> str:
    """What one who reads pages can do about a problem.

    Args:
        status: of the answer.
        text: the remedy that the API names.
    """
    if _DESCRIPTION in text or status in {_LOG_IN, _FORBIDDEN}:
        return _REMEDIES.get(status, "go back and correct what was sent")
    return paged(text)
