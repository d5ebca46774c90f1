"""What a maintenance process reports to the consumer that runs it: lines of JSON on a pipe."""

import os
import select
from collections.abc import Callable, Mapping

import msgspec


class Ran(msgspec.Struct, frozen=True, tag=True):
    """A task ended.

    Attributes:
        task: its name.
        ok: whether it did what was due; otherwise it is tried again.
    """

    task: str
    ok: bool


class Alarms(msgspec.Struct, frozen=True, tag=True):
    """The sources that break the event contract at the moment.

    Attributes:
        shares: of dead letters among the latest messages, by source, the worst first.
    """

    shares: Mapping[str, float]


Report = Ran | Alarms
Tell = Callable[[Report], None]

_decoder: msgspec.json.Decoder[Report] = msgspec.json.Decoder(Report)


def encode(report: Report) -> bytes:
    """One line, short enough to be written whole; of many alarms the worst are kept."""
    line = msgspec.json.encode(report) + b"\n"
    if len(line) <= select.PIPE_BUF or not isinstance(report, Alarms):
        return line
    fewer = dict(list(report.shares.items())[: len(report.shares) // 2])
    return encode(Alarms(fewer))


def decode(line: bytes) -> Report:
    """The report of a line.

    Raises:
        msgspec.DecodeError: it is none.
    """
    return _decoder.decode(line)


class Pipe:
    """Writes reports without ever waiting for their reader.

    Args:
        descriptor: of the pipe; it belongs to the caller.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        os.set_blocking(descriptor, False)

    def tell(self, report: Report) -> None:
        """Write one; it is lost where the reader does not read, as a stopped consumer."""
        try:
            os.write(self._descriptor, encode(report))
        except OSError:  # the next one, within `Intervals.alarm_s`, tells the same
            return
