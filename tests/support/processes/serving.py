"""`gigstream serve` for an installation, and a client of it."""

import json
import re
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

import msgspec

from consumer.events import Event
from support.processes.installation import Installation
from support.processes.running import Gigstream, Process, until

TOKEN = "a-token-of-the-tests"  # noqa: S105 - of the tests alone
STORED = 5
"""Entries of a stored list: pages beyond that are scored."""
FACTS = [
    {"lat": 53.55, "lng": 9.99, "city": "Hamburg", "country": "DE", "capacity": 100},
    {"lat": 52.52, "lng": 13.40, "city": "Berlin", "country": "DE", "capacity": 400},
    {"lat": 48.85, "lng": 2.35, "city": "Paris", "country": "FR", "capacity": 900},
]


@dataclass
class Reply:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def ids(self) -> list[str]:
        return [item["id"] for item in self.json["items"]]


@dataclass
class Api:
    """A client of one server."""

    base: str
    process: Process
    installation: Installation
    token: str = TOKEN
    opener: Any = field(default_factory=urllib.request.build_opener)

    def ask(
        self,
        path: str,
        body: Any = None,
        *,
        token: str | None = None,
        headers: dict[str, str] | None = None,
        raw: bytes | None = None,
        timeout_s: float = 60,
        **query: Any,
    ) -> Reply:
        """GET, or POST where there is a body."""
        data = raw if raw is not None else None if body is None else json.dumps(body).encode()
        said = {"Content-Type": "application/json"} if data is not None else {}
        said |= {"Authorization": f"Bearer {token}"} if token else {}
        url = quote(path) + (f"?{urlencode(query, doseq=True)}" if query else "")
        return self.at(url, data, {**said, **(headers or {})}, timeout_s)

    def at(
        self,
        url: str,
        data: bytes | None = None,
        headers: dict[str, str] | None = None,
        timeout_s: float = 60,
    ) -> Reply:
        """GET an address that is quoted already, or POST there where there are data."""
        request = urllib.request.Request(f"{self.base}{url}", data, headers or {})  # noqa: S310
        try:
            with self.opener.open(request, timeout=timeout_s) as reply:
                return Reply(reply.status, dict(reply.headers), reply.read())
        except urllib.error.HTTPError as error:
            return Reply(error.code, dict(error.headers), error.read())

    def ask_raw(self, path: str, headers: dict[str, str] | None = None) -> Reply:
        """GET a path with its query."""
        path, _, query = path.partition("?")
        pairs = dict(pair.split("=") for pair in query.split("&") if pair)
        return self.ask(path, headers=headers, **pairs)

    def seen(self, path: str, timeout_s: float = 60) -> Reply | None:
        """What a path answers, None where nothing does in time."""
        try:
            return self.ask(path, timeout_s=timeout_s)
        except (urllib.error.URLError, TimeoutError):
            return None

    def ready(self) -> bool:
        reply = self.seen("/readyz")
        return reply is not None and reply.status == 200


def served(
    installation: Installation, *, commands: Gigstream | None = None, **settings: str
) -> Api:
    """Start `gigstream serve` on a free port.

    Args:
        installation: whose lists and topic it serves.
        commands: another home than the installation's.
        settings: of the API.
    """
    commands = commands or installation.commands
    before, own = commands.environ, {"GIGSTREAM_SERVE_PORT": "0", "GIGSTREAM_SERVE_TOKEN": TOKEN}
    commands.environ = {**before, **own, **settings}
    process = commands.start("serve")
    commands.environ = before
    logs = commands.home.glob("serve-*.log")
    newest = max(logs, key=lambda path: path.stat().st_mtime_ns)

    def address() -> str | None:
        assert process.poll() is None, newest.read_text()
        found = re.search(r"Serving at (\S+)", newest.read_text())
        return found[1] if found else None

    return Api(until(address), process, installation)


def described(event: Event) -> Event:
    """The event, with what its venue is; one venue in four is not described."""
    venue = int(event.venue_id.removeprefix("venue-"))
    if venue % 4 == 3:
        return event
    facts = {**FACTS[venue % 3], "capacity": FACTS[venue % 3]["capacity"] + venue}
    return msgspec.structs.replace(event, venue=json.dumps(facts), venue_name=f"Venue {venue}")
