"""`live`: frames from a running installation, which the settings name.

Lists are read from Redis, as apps read them. Everything else comes from the store and the models of
the home folder, when it is first asked for.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from gigstream.frames.content import Content, ListReader, Rows
from gigstream.frames.frames import Frames
from gigstream.live_model import published
from gigstream.settings import Settings, load
from serving.connection import connect
from serving.lookup import Lookup
from trainer.evaluation.windows import past
from trainer.ranking.masked import visible


def live(settings: Settings | None = None) -> Frames:
    """Frames of the live generation.

    Plays, similar ones, quality and exports are as of their first use: call `live` again for later
    events. `evaluate` reads the latest million plays.

    Args:
        settings: of the installation; None: those that the commands use (environment,
            `gigstream.toml`, a running `gigstream up`).

    Raises:
        BadSettings: a setting is invalid.
    """
    known = settings or load()
    return Frames(lambda: _content(known), lambda: _connected(known))


@contextmanager
def _connected(settings: Settings) -> Iterator[ListReader]:
    with connect(settings) as client:
        yield Lookup(client, settings.redis_prefix)


def _content(settings: Settings) -> Content:
    """The live model, folded in.

    Raises:
        WrongUse: no model was published from this home.
    """
    generation, following = published(settings)
    model, plays, known = generation.model, following.plays, following.interactions
    artists, venues = plays.active_rows(known.artists), plays.transposed().active_rows(known.venues)
    shown_artists = artists[visible(known.artists, known.hidden.get("artist", ()), artists)]
    shown_venues = venues[visible(known.venues, known.hidden.get("venue", ()), venues)]
    return Content(
        model=model,
        plays=plays,
        artists=Rows(known.artists, known.merged_artists, shown_artists),
        venues=Rows(known.venues, known.merged_venues, shown_venues),
        gigs=lambda: past(plays, known.artists.ids, known.venues.ids, model.as_of_ms),
    )
