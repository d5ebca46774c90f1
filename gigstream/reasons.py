"""The reasons of a published list, for commands."""

from gigstream.live_model import published
from gigstream.settings import Settings
from serving.lookup import Recommendation, Side
from trainer.live.reasons import Explained, explained


def explain(settings: Settings, side: Side, found: Recommendation) -> Explained:
    """The reasons of every entry of a list.

    Args:
        settings: of the installation.
        side: for whom the list is.
        found: the list, as read from Redis.

    Raises:
        WrongUse: no model was published from this home.
    """
    return explained(*published(settings), side, found)
