"""`up`: the whole path on this machine until Ctrl-C."""

import logging
import signal
import threading
from types import FrameType
from typing import TYPE_CHECKING

from gigstream.terminal import Report, Terminal, command, log_to_stderr

if TYPE_CHECKING:
    from gigstream.local import LocalStack

_LOOK_S = 0.2


@command("up")
def up(terminal: Terminal) -> Report:
    """Run an embedded broker, Redis, the consumer and the trainer until Ctrl-C."""
    from gigstream.local import LocalStack
    from gigstream.settings import load

    log_to_stderr(logging.INFO)
    settings = load()
    stop = stop_on_signals()
    with LocalStack(settings) as stack:
        stack.start("consume")
        stack.start("train")
        where = addresses(stack)
        terminal.say(
            f"Kafka {where['kafka_bootstrap']}   Redis {where['redis_url']}   home {where['home']}",
            "Other commands started here find them; try `gigstream import FILE` and "
            "`gigstream status`. Ctrl-C ends it all.",
        )
        terminal.finish(Report(where))
        watch(stack, stop)
    return Report(where)


def addresses(stack: "LocalStack") -> dict[str, str]:
    """Where the parts of a stack are."""
    return {
        "kafka_bootstrap": stack.settings.kafka_bootstrap,
        "redis_url": stack.settings.redis_url.get_secret_value(),
        "home": str(stack.settings.home),
    }


def watch(stack: "LocalStack", stop: threading.Event) -> None:
    """Returns when told to stop; raises PartDied when a part ends before."""
    while not stop.wait(_LOOK_S):
        stack.check()


def stop_on_signals() -> threading.Event:
    """An event that the first SIGTERM or SIGINT sets; the second has its usual effect."""
    stop = threading.Event()

    def note(number: int, _frame: FrameType | None) -> None:
        stop.set()
        signal.signal(number, signal.SIG_DFL)

    signal.signal(signal.SIGTERM, note)
    signal.signal(signal.SIGINT, note)
    return stop
