"""What the handlers answer from."""

from dataclasses import dataclass

from litestar.di import NamedDependency
from litestar.params import SkipValidation

from web.live.earlier import Earlier
from web.live.follower import Follower
from web.live.lists import ListReader
from web.live.model import LiveModel
from web.live.operations import Operations
from web.live.sink import EventSink
from web.live.stored import StoredLists


@dataclass(frozen=True)
class Services:
    """The parts behind the API, started."""

    stored: StoredLists
    live: LiveModel
    lists: ListReader
    earlier: Earlier
    follower: Follower
    sink: EventSink
    operations: Operations


Answering = NamedDependency[SkipValidation[Services]]
"""The parameter of a handler that answers from them."""
