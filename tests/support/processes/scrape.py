"""A process's metrics and health, read over HTTP as Prometheus and a supervisor do."""

import urllib.error
import urllib.request

from prometheus_client.parser import text_string_to_metric_families

from support.servers.kafka import _free_ports


def free_port() -> int:
    """A port that nothing listens at."""
    return _free_ports(1)[0]


def get(port: int, path: str, *, host: str = "127.0.0.1", timeout_s: float = 20) -> tuple[int, str]:
    """Status and text of a page; 0 where nothing listens."""
    try:
        with urllib.request.urlopen(f"http://{host}:{port}{path}", timeout=timeout_s) as answer:
            return answer.status, answer.read().decode().strip()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode().strip()
    except urllib.error.URLError:
        return 0, ""


class Samples:
    """One scrape."""

    def __init__(self, port: int) -> None:
        status, text = get(port, "/metrics")
        assert status == 200, text
        self._values = {
            (each.name, frozenset(each.labels.items())): each.value
            for family in text_string_to_metric_families(text)
            for each in family.samples
        }

    def value(self, name: str, **labels: str) -> float | None:
        """The value of a sample; None where there is none."""
        return self._values.get((name, frozenset(labels.items())))

    def total(self, name: str) -> float:
        """The sum over all labels."""
        return sum(value for (each, _), value in self._values.items() if each == name)

    def names(self) -> set[str]:
        """Names of all samples."""
        return {name for name, _ in self._values}
