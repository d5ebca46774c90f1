"""The metrics of another process, read as Prometheus reads them."""

import http.client
import math
import urllib.error
import urllib.request
from collections import deque

from prometheus_client.parser import text_string_to_metric_families

from trainer.metrics import EVENT_TO_LIST
from web.errors import Unscraped
from web.watch.quantiles import Buckets, between
from web.watch.sample import Spread

_WAIT_S = 1.0
_MOST = 4 << 20

WINDOW = 60
"""Scrapes that the quantiles look back: five minutes."""


class TrainerProbe:
    """Reads how long events take until they are in the lists.

    Args:
        host: of the trainer's metrics.
        port: of them; 0: none are served.
    """

    def __init__(self, host: str, port: int) -> None:
        self._url = f"http://{host}:{port}/metrics" if port else None
        self._seen: deque[Buckets] = deque(maxlen=WINDOW)

    def look(self) -> Spread | None:
        """The quantiles of the last minutes; None where no event changed a list, or none are read.

        Raises:
            Unscraped: the metrics cannot be read.
        """
        if self._url is None:
            return None
        found = buckets(fetched(self._url), EVENT_TO_LIST.name)
        # The first scrape counts from the start of the trainer.
        before = self._seen[0] if self._seen else {}
        self._seen.append(found)
        return between(before, found)


def fetched(url: str) -> str:
    """The text at a URL of another process.

    Raises:
        Unscraped: there is none.
    """
    try:
        with urllib.request.urlopen(url, timeout=_WAIT_S) as reply:  # noqa: S310 - our own, http
            # Not all of it: what listens at that port may be another program.
            text: bytes = reply.read(_MOST)
    except (OSError, urllib.error.URLError, http.client.HTTPException) as error:
        raise Unscraped(
            f"no metrics at {url} ({error}); see whether that process runs, and its metrics_port"
        ) from None
    return text.decode(errors="replace")


def buckets(text: str, name: str) -> Buckets:
    """The buckets of one histogram in a scrape; none where it is not there.

    Args:
        text: the scrape.
        name: of the histogram.
    """
    return {
        _bound(sample.labels["le"]): sample.value
        for family in text_string_to_metric_families(text)
        if family.name == name
        for sample in family.samples
        if sample.name == f"{name}_bucket"
    }


def _bound(text: str) -> float:
    return math.inf if text == "+Inf" else float(text)
