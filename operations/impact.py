"""What a command would touch, counted before it asks."""

from dataclasses import asdict, dataclass
from typing import Any

from consumer.ids import decisions
from consumer.ids.quarantines import Quarantines
from consumer.store.survey import count_of_source, stated, survey
from consumer.table.schema import Side
from operations.settings import OperationSettings
from operations.variants import trainers
from serving.connection import connect
from serving.contract import VIEWS, live_key
from serving.erasure import Gone, holdings
from serving.errors import ServingError
from trainer.plays.fingerprints import Fingerprints, differing, fingerprints
from trainer.plays.interactions import Interactions
from trainer.plays.read import settled, settled_under
from trainer.registry.snapshot import Snapshots


@dataclass(frozen=True)
class Impact:
    """What would be touched.

    Attributes:
        statements: stored ones.
        gigs: that these are of.
        plays: gigs that count. A retraction may add some: cancellations stop counting too.
        lists: live lists, of the ids or with one as an entry; None: Redis cannot be asked.
    """

    statements: int
    gigs: int
    plays: int
    lists: int | None

    @property
    def text(self) -> str:
        """For people."""
        lists = "unknown (Redis cannot be asked)" if self.lists is None else f"{self.lists:,}"
        return (
            f"{self.statements:,} statements of {self.gigs:,} gigs, {self.plays:,} plays that "
            f"count; lists: {lists}"
        )

    @property
    def data(self) -> dict[str, Any]:
        """For answers in JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Erasable:
    """What an erasure would touch.

    Attributes:
        impact: of the id and of those that were merged into it.
        ids: these.
        dead: dead letters that mention one.
        mentions: rows of other ids that mention one.
        is_known: whether the store or Redis holds anything of it.
        is_begun: whether it was erased before, perhaps not to the end.
    """

    impact: Impact
    ids: list[str]
    dead: int
    mentions: int
    is_known: bool
    is_begun: bool

    @property
    def text(self) -> str:
        """For people."""
        others = ", ".join(self.ids[1:])
        touched = f"{self.impact.text}; {self.dead:,} dead letters, {self.mentions:,} mentions"
        return touched + (f"; merged into it: {others}" if others else "")

    @property
    def data(self) -> dict[str, Any]:
        """For answers in JSON."""
        counts = {"dead_letters": self.dead, "mentions": self.mentions, "merged": self.ids[1:]}
        return self.impact.data | counts


def of_ids(settings: OperationSettings, side: Side, ids: list[str]) -> Impact:
    """What would be touched of some ids that count as one.

    Args:
        settings: locations of store, models and Redis.
        side: of the ids.
        ids: one or more.

    Raises:
        ConsumerError: the store cannot be read.
    """
    found, plays = stated(settings.store, side, ids), _plays(settings, side, ids[0])
    return Impact(*found, plays=plays, lists=_lists(settings, side, ids))


def of_erasure(settings: OperationSettings, side: Side, identity: str) -> Erasable:
    """What the erasure of an id would touch.

    Args:
        settings: locations of store, models and Redis.
        side: of the id.
        identity: the id.

    Raises:
        ConsumerError: the store cannot be read.
    """
    found = survey(settings.store, side, identity)
    plays, lists = _plays(settings, side, identity), _lists(settings, side, found.ids)
    return Erasable(
        impact=Impact(*found.stated, plays=plays, lists=lists),
        ids=found.ids,
        dead=found.dead,
        mentions=found.mentions,
        is_known=not found.is_empty or bool(lists),
        is_begun=decisions.read(settings.store).erasures.gone(side, identity),
    )


def of_retraction(settings: OperationSettings, name: str, wanted: Quarantines) -> Impact:
    """What would be touched if other sources were quarantined: both are settled and compared.

    Args:
        settings: locations of store and models.
        name: the source that would be quarantined, or from another moment on.
        wanted: all that would be quarantined.

    Raises:
        ConsumerError: the store cannot be read.
    """
    before, after = _settled(settings), settled_under(settings.store, wanted)
    return Impact(
        statements=count_of_source(settings.store, name, wanted[name]),
        gigs=before.stated - after.stated,
        plays=len(before.plays()) - len(after.plays()),
        lists=_count_differing(before, after),
    )


def _settled(settings: OperationSettings) -> Interactions:
    saved = Snapshots(settings.models).load()
    found = settled(settings.store, (saved.interactions, saved.known) if saved else None)
    return found[0] if found else Interactions()


def _plays(settings: OperationSettings, side: Side, identity: str) -> int:
    """The plays that count as this id's, those of ids merged into it included."""
    known = _settled(settings)
    row = (known.artists if side == "artist" else known.venues).row(identity)
    plays = known.plays()
    counted = plays.per_artist if side == "artist" else plays.per_venue
    return 0 if row is None else int(counted[row])


def _lists(settings: OperationSettings, side: Side, ids: list[str]) -> int | None:
    def gone(of: Side, name: str) -> bool:
        return of == side and name in ids

    # Without Redis the decision can be made all the same: it is a row of the store.
    try:
        return sum(_listed(each, gone) for each in trainers(settings))
    except ServingError:
        return None


def _listed(settings: OperationSettings, gone: Gone) -> int:
    """Live lists of one trainer that hold one of these ids."""
    live = {live_key(settings.redis_prefix, view) for view in VIEWS}
    with connect(settings) as client:
        found = holdings(client, settings.redis_prefix, gone)
    return sum(count for key, count in found.items() if key in live)


def _count_differing(before: Interactions, after: Interactions) -> int:
    """Artists and venues whose plays differ."""
    # By the ids of before: after a retraction there are fewer.
    ours, theirs = _prints(before), _prints(after)
    artists = differing(before.artists, ours.artists, after.artists.ids, theirs.artists)
    venues = differing(before.venues, ours.venues, after.venues.ids, theirs.venues)
    return len(artists) + len(venues)


def _prints(known: Interactions) -> Fingerprints:
    return fingerprints(known.plays(), known.artists, known.venues)
