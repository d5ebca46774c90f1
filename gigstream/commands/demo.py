"""`demo`: the whole path on embedded servers and real gigs, then a few live ones."""

import contextlib
import signal
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import gigstream
from gigstream.commands.imports import file_progress
from gigstream.commands.lists import list_table
from gigstream.errors import GigstreamError, WrongUse
from gigstream.terminal import Report, Terminal, command

if TYPE_CHECKING:
    from gigstream.live import Known
    from gigstream.local import LocalStack
    from serving.lookup import Lookup
    from trainer.interactions import Interactions

_SHIPPED = Path(gigstream.__file__).parent.parent / "examples" / "indistreet" / "events.tsv.gz"
_PATIENCE_S = 300.0
_LOOK_S = 0.02
_LISTED = 5


@command("demo")
@click.option("--keep", is_flag=True, help="Leave it all running until Ctrl-C.")
@click.option(
    "--events",
    type=click.Path(path_type=Path),
    help="Gigs to use instead of the Indistreet ones (TSV, CSV or Parquet with dates).",
)
def demo(terminal: Terminal, *, keep: bool, events: Path | None) -> Report:
    """Real gigs through Kafka, store, ALS and Redis on this machine; then live ones, measured."""
    from gigstream.local import LocalStack
    from gigstream.settings import load

    path, settings = _gigs(events), load()
    # SIGTERM ends the demo as Ctrl-C does, so that what was started is ended first.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with contextlib.ExitStack() as stack:
        if not keep:
            home = stack.enter_context(tempfile.TemporaryDirectory(prefix="gigstream-"))
            settings = settings.model_copy(update={"home": Path(home)})
        local = stack.enter_context(LocalStack(settings))
        report = _path(terminal, local, path)
        if keep:
            _keep(terminal, local, report)
    return report


def _gigs(events: Path | None) -> Path:
    path = events or _SHIPPED
    if not path.exists():
        raise WrongUse(f"{path}: no such file; name a file of gigs with --events")
    return path


def _path(terminal: Terminal, local: "LocalStack", path: Path) -> Report:
    """The whole path: import, store, first lists, live gigs."""
    from serving.connection import connect
    from serving.lookup import Lookup

    began_s = time.monotonic()
    settings = local.settings
    sent = _import(terminal, local, path)
    interactions = _stored(terminal, local, sent)
    with connect(settings) as client:
        lookup = Lookup(client, settings.redis_prefix)
        _published(terminal, local, lookup)
        facts = _show(terminal, lookup, interactions)
        latencies_ms = _live(terminal, local, lookup, facts)
    return _summary(terminal, interactions, latencies_ms, time.monotonic() - began_s)


def _import(terminal: Terminal, local: "LocalStack", path: Path) -> int:
    from consumer.imports import run

    local.start("consume")
    with file_progress(terminal, [path]) as progress:
        done = run([path], local.settings, progress=progress)
    if not done.events:
        raise WrongUse(f"{path} holds no gigs; name another file with --events")
    terminal.say(f"{done.events:,} gigs of {path.name} sent to Kafka in {done.seconds:.1f} s")
    return done.events


def _stored(terminal: Terminal, local: "LocalStack", sent: int) -> "Interactions":
    """Waits until the consumer stored what was sent; returns it settled."""
    from consumer.tail import Tail
    from trainer.interactions import Interactions

    tail, interactions, began_s = Tail(local.settings.store), Interactions(), time.monotonic()
    with terminal.progress("Storing") as progress:
        while interactions.events < sent:
            _wait(local, began_s, "the consumer stores nothing")
            chunk = tail.read()
            if chunk is not None:
                interactions = Interactions() if chunk.anew else interactions
                interactions.settle(chunk.events)
                progress(interactions.events / sent)
    return interactions


def _published(terminal: Terminal, local: "LocalStack", lookup: "Lookup") -> None:
    """Starts the trainer and waits for its first lists."""
    from serving.errors import NotPublished

    local.start("train")
    began_s = time.monotonic()
    with terminal.progress("Fitting and publishing") as progress:
        while True:
            try:
                lookup.artist("-", 1)
            except NotPublished:
                _wait(local, began_s, "the trainer publishes nothing")
                progress(None)
            else:
                break
    seconds = time.monotonic() - began_s
    terminal.say(f"Model fitted and lists published {seconds:.1f} s after the trainer's start")


def _wait(local: "LocalStack", began_s: float, complaint: str) -> None:
    """A short pause; raises where a part of the stack is gone or the patience is at its end."""
    local.check()
    if time.monotonic() - began_s > _PATIENCE_S:
        raise GigstreamError(f"{complaint} for {_PATIENCE_S:.0f} s; see {local.log_folder}")
    time.sleep(_LOOK_S)


def _show(terminal: Terminal, lookup: "Lookup", interactions: "Interactions") -> "Known":
    """One list of each direction, by name."""
    from gigstream.live import known

    facts = known(interactions, lookup)
    venues = lookup.artist(facts.artist, _LISTED)
    artists = lookup.venue(facts.venue, _LISTED)
    terminal.say(
        "",
        list_table(
            venues,
            lookup.names([item.id for item in venues.items], of="venue"),
            title=f"Venues for {facts.artist_name}",
        ),
        "",
        list_table(
            artists,
            lookup.names([item.id for item in artists.items], of="artist"),
            title=f"Artists for {facts.venue_name}",
        ),
        "",
    )
    return facts


def _live(
    terminal: Terminal,
    local: "LocalStack",
    lookup: "Lookup",
    facts: "Known",
) -> list[float]:
    """Live gigs; returns the milliseconds until each changed a list."""
    from consumer.sender import Sender
    from gigstream.live import Stage, redis_cli

    settings, latencies_ms = local.settings, []
    url = settings.redis_url.get_secret_value()
    terminal.say("Live gigs, and the time until the artist's list in Redis changed:")
    with Sender(settings) as sender:
        sender.connect()  # as a booking system that runs has done long ago
        stage = Stage(sender=sender, lookup=lookup, facts=facts, check=local.check)
        for change in stage.play():
            latencies_ms.append(round(change.ms, 1))
            terminal.say(
                f"{change.ms:7.0f} ms  {change.text}",
                f"            {redis_cli(url, settings.redis_prefix, change.artist)}",
            )
    return latencies_ms


def _summary(
    terminal: Terminal,
    interactions: "Interactions",
    latencies_ms: list[float],
    seconds: float,
) -> Report:
    totals, median_ms = interactions.totals(), statistics.median(latencies_ms)
    terminal.say(
        "",
        f"{totals.plays:,} plays of {totals.artists:,} artists at {totals.venues:,} venues; "
        f"a new gig changes a list within {median_ms:.0f} ms (median of {len(latencies_ms)}); "
        f"{seconds:.1f} s in all",
    )
    data: dict[str, Any] = {
        "events": totals.events,
        "plays": totals.plays,
        "artists": totals.artists,
        "venues": totals.venues,
        "pairs": totals.pairs,
        "latencies_ms": latencies_ms,
        "median_ms": round(median_ms, 1),
        "seconds": round(seconds, 2),
    }
    return Report(data)


def _keep(terminal: Terminal, local: "LocalStack", report: Report) -> None:
    """Shows where everything is and stays until Ctrl-C."""
    from gigstream.commands.up import addresses, stop_on_signals, watch

    report.data.update(addresses(local))
    terminal.say(
        f"All is kept running: Kafka {report.data['kafka_bootstrap']}, home {report.data['home']}. "
        "`gigstream artist --name ...` finds it from here; Ctrl-C ends it.",
    )
    terminal.finish(report)
    watch(local, stop_on_signals())
