"""`up`: run the whole path on this machine until Ctrl-C."""

import time
from collections.abc import Mapping

from consumer.logs import log_to_stderr
from consumer.shutdown import Shutdown
from gigstream.local_stack import LocalStack
from gigstream.settings import load
from gigstream.terminal import Report, Terminal, command

_POLL_S = 0.2


@command("up")
def up(terminal: Terminal) -> Report:
    """Run an embedded broker, Redis, consumer, trainer and HTTP API until Ctrl-C."""
    settings = load()
    log_to_stderr(settings)
    # Signals first, so that one that comes while the stack starts still ends it cleanly.
    with Shutdown() as stop, LocalStack(settings) as stack:
        stack.start("consume")
        stack.start("train")
        where = addresses(stack)
        terminal.say(
            f"Kafka {where['kafka_bootstrap']}   Redis {where['redis_url']}   home {where['home']}",
            http_line(where),
            "Commands started in this folder find them. In another terminal: `gigstream import "
            "FILE`, which says how to see a list. Ctrl-C ends everything.",
        )
        terminal.finish(Report(where))
        watch(stack, stop)
        _drain(terminal, stack)
    return Report(where)


def _drain(terminal: Terminal, stack: LocalStack) -> None:
    """Let the consumer store what was sent: the embedded broker forgets it."""
    left = stack.drain()
    if left:
        terminal.remark(
            f"{left:,} records were not stored in time and ended with the embedded Kafka: "
            "send them again"
        )


def addresses(stack: LocalStack) -> dict[str, str | None]:
    """Addresses of a stack's servers, the HTTP API that is started here, and its home."""
    return {
        "http": stack.serve(),
        "kafka_bootstrap": stack.settings.kafka_bootstrap,
        "redis_url": stack.settings.redis_url.get_secret_value(),
        "home": str(stack.settings.home),
    }


def http_line(where: Mapping[str, str | None]) -> str:
    """A line for people about console and HTTP API."""
    if where["http"] is None:
        return "No console, no HTTP API: install their packages (`pip install 'gigstream[serve]'`)."
    base = where["http"]
    return f"Console {base}/ and HTTP {base}/v1 (description: {base}/schema/openapi.json)"


def watch(stack: LocalStack, stop: Shutdown) -> None:
    """Wait for a signal. Raises PartDied if a process of the stack ends before."""
    while not stop.is_set():
        stack.check()
        time.sleep(_POLL_S)
