"""`demo`: the whole path on embedded servers with real gigs, then a few live ones."""

import contextlib
import os
import shlex
import signal
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import click

import gigstream
from consumer.deadline import Deadline
from consumer.imports.sender import Sender
from consumer.imports.statements import run
from consumer.shutdown import Shutdown
from consumer.store.reader import StoreReader
from gigstream.commands.imports import file_progress
from gigstream.commands.lists import list_table
from gigstream.commands.up import addresses, http_line, watch
from gigstream.demo_script import DemoFacts, DemoScript, demo_facts, redis_cli
from gigstream.errors import GigstreamError, WrongUse
from gigstream.invocation import program
from gigstream.local_stack import LocalStack
from gigstream.settings import load
from gigstream.terminal import Report, Terminal, command
from serving.connection import connect
from serving.errors import NotPublished
from serving.lookup import Lookup, Side
from trainer.plays.interactions import Interactions

_PACKAGE = Path(gigstream.__file__).parent
_SHIPPED = (
    _PACKAGE / "indistreet" / "events.tsv.gz",  # in an installed package
    _PACKAGE.parent / "examples" / "indistreet" / "events.tsv.gz",  # in a checkout
)
_TIMEOUT_S = 300.0
_POLL_S = 0.02
_LISTED = 5

README_MS = 26
README_MOST_MS = 80
"""The figures of the README that the demo's are put beside, in ms."""


@command("demo")
@click.option("--keep", is_flag=True, help="Keep everything running until Ctrl-C.")
@click.option(
    "--events",
    type=click.Path(path_type=Path),
    help="Gigs to use instead of the Indistreet ones (TSV, CSV or Parquet with dates).",
)
def demo(terminal: Terminal, *, keep: bool, events: Path | None) -> Report:
    """Run real gigs through Kafka, store, ALS and Redis here, then time live ones."""
    path, settings = _gigs(events), load()
    # SIGTERM raises KeyboardInterrupt, as Ctrl-C does, so that the processes are ended first.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # The folder is left after the processes in it have ended: the stack unwinds in reverse.
    with contextlib.ExitStack() as stack:
        if not keep:
            home = stack.enter_context(tempfile.TemporaryDirectory(prefix="gigstream-"))
            settings = settings.model_copy(update={"home": Path(home)})
        local = stack.enter_context(LocalStack(settings))
        report = _path(terminal, local, path, keep=keep)
        if keep:
            _keep(terminal, local, report)
    if not keep:
        _say_next(terminal, path, report)
    return report


def _gigs(events: Path | None) -> Path:
    path = events or next(filter(Path.exists, _SHIPPED), _SHIPPED[0])
    if not path.exists():
        raise WrongUse(f"{path}: no such file; name a file of gigs with --events")
    return path


def _path(terminal: Terminal, local: LocalStack, path: Path, *, keep: bool) -> Report:
    """Run the whole path: import, store, first lists, live gigs."""
    began_s = time.monotonic()
    settings = local.settings
    sent = _import(terminal, local, path)
    interactions = _stored(terminal, local, sent)
    with connect(settings) as client:
        lookup = Lookup(client, settings.redis_prefix)
        _published(terminal, local, lookup)
        facts = _show(terminal, lookup, interactions)
        latencies_ms = _live(terminal, local, lookup, facts, show_commands=keep)
    return _summary(terminal, interactions, facts, latencies_ms, time.monotonic() - began_s)


def _import(terminal: Terminal, local: LocalStack, path: Path) -> int:
    # Before the import: the embedded broker keeps only a few megabytes.
    local.start("consume")
    with file_progress(terminal, [path]) as progress:
        done = run([path], local.settings, progress=progress)
    if not done.events:
        raise WrongUse(f"{path} holds no gigs; name another file with --events")
    terminal.say(f"{done.events:,} gigs of {path.name} sent to Kafka in {done.seconds:.1f} s")
    return done.events


def _stored(terminal: Terminal, local: LocalStack, sent: int) -> Interactions:
    """Wait until the consumer has stored everything sent. Returns the settled interactions."""
    reader, interactions = StoreReader(local.settings.store), Interactions()
    deadline = Deadline(_TIMEOUT_S)
    with terminal.progress("Storing") as progress:
        # Every sent event becomes one row, so the count tells when all are stored.
        while interactions.events < sent:
            _wait(local, deadline, "the consumer stores nothing")
            chunk = reader.read()
            if chunk is not None:
                interactions = Interactions() if chunk.reset else interactions
                interactions.settle(chunk.events)
                progress(interactions.events / sent)
    return interactions


def _published(terminal: Terminal, local: LocalStack, lookup: Lookup) -> None:
    """Start the trainer and wait for its first lists."""
    local.start("train")
    began_s, deadline = time.monotonic(), Deadline(_TIMEOUT_S)
    with terminal.progress("Fitting and publishing") as progress:
        while True:
            try:
                # Any id will do: an unknown artist gets the popular list.
                lookup.artist("-", 1)
            except NotPublished:
                _wait(local, deadline, "the trainer publishes nothing")
                progress(None)
            else:
                break
    seconds = time.monotonic() - began_s
    terminal.say(f"Model fitted and lists published {seconds:.1f} s after the trainer's start")


def _wait(local: LocalStack, deadline: Deadline, problem: str) -> None:
    """Sleep briefly. Raises if a process of the stack has ended or the timeout has passed."""
    local.check()
    if deadline.is_over:
        raise GigstreamError(f"{problem} for {_TIMEOUT_S:.0f} s; see {local.log_folder}")
    time.sleep(_POLL_S)


def _show(terminal: Terminal, lookup: Lookup, interactions: Interactions) -> DemoFacts:
    """Print one list of each side, with names."""
    facts = demo_facts(interactions, lookup)
    for side, name, found in (
        ("artist", facts.artist_name, lookup.artist(facts.artist, _LISTED)),
        ("venue", facts.venue_name, lookup.venue(facts.venue, _LISTED)),
    ):
        other: Side = "venue" if side == "artist" else "artist"
        names = lookup.names([item.id for item in found.items], of=other)
        title = f"{other.capitalize()}s for {name}"
        terminal.say("", list_table(found, names, title=title))
    terminal.say("")
    return facts


def _live(
    terminal: Terminal,
    local: LocalStack,
    lookup: Lookup,
    facts: DemoFacts,
    *,
    show_commands: bool,
) -> list[float]:
    """Send live gigs. Returns the milliseconds until each changed a list."""
    settings, latencies_ms = local.settings, []
    url = settings.redis_url.get_secret_value()
    terminal.say("Live gigs, and the time until the artist's list in Redis changed:")
    with Sender(settings) as sender:
        sender.connect()  # as a running booking system is: connecting is not measured
        script = DemoScript(sender=sender, lookup=lookup, facts=facts, check=local.check)
        for change in script.play():
            latencies_ms.append(round(change.ms, 1))
            terminal.say(f"{change.ms:7.0f} ms  {change.text}")
            # Only where Redis is still there when somebody runs it.
            if show_commands:
                terminal.say(f"            {redis_cli(url, settings.redis_prefix, change.artist)}")
    return latencies_ms


def _summary(
    terminal: Terminal,
    interactions: Interactions,
    facts: DemoFacts,
    latencies_ms: list[float],
    seconds: float,
) -> Report:
    totals, median_ms = interactions.totals(), statistics.median(latencies_ms)
    terminal.say(
        "",
        f"{totals.plays:,} plays of {totals.artists:,} artists at {totals.venues:,} venues; "
        f"a new gig changes a list within {median_ms:.0f} ms (median of {len(latencies_ms)}); "
        f"{seconds:.1f} s in all",
        _beside_readme(median_ms, os.getloadavg()[0], os.cpu_count() or 1),
    )
    data: dict[str, Any] = {
        **{
            name: getattr(totals, name)
            for name in ("events", "plays", "artists", "venues", "pairs")
        },
        "artist": facts.artist,
        "artist_name": facts.artist_name,
        "latencies_ms": latencies_ms,
        "median_ms": round(median_ms, 1),
        "seconds": round(seconds, 2),
    }
    return Report(data)


def _beside_readme(median_ms: float, load: float, cores: int) -> str:
    """How the demo's figure fits the one of the README."""
    figure = f"{README_MS} ms, the README's median on a machine that does nothing else"
    if median_ms <= README_MOST_MS:
        return f"(Beside {figure}, 99 % within {README_MOST_MS} ms.)"
    return (
        f"(Slower than {figure}: this one has a load of {load:.1f} on {cores} cores, the demo's "
        "own start among it.)"
    )


def _say_next(terminal: Terminal, path: Path, report: Report) -> None:
    """The three commands that lead to lists from a file of gigs."""
    name = report.data["artist_name"]
    terminal.say(
        "",
        "Your own gigs, in three commands. In one terminal, which it keeps:",
        f"  {program()} up",
        "In another one, in the same folder; put the path of your file in place of this one:",
        f"  {program()} import {shlex.quote(_from_here(path))}",
        f"  {program()} artist --name {shlex.quote(name)}",
        "A file has a heading and, in each row, an artist, a venue and a date; `gigstream import "
        "-h` shows the options, --dry-run what would count.",
    )


def _from_here(path: Path) -> str:
    relative = os.path.relpath(path)
    return str(path.absolute()) if relative.startswith("..") else relative


def _keep(terminal: Terminal, local: LocalStack, report: Report) -> None:
    """Show where everything is and keep it running until Ctrl-C."""
    report.data.update(addresses(local))
    name = shlex.quote(report.data["artist_name"])
    terminal.say(
        "",
        f"Everything keeps running: Kafka {report.data['kafka_bootstrap']}, "
        f"home {report.data['home']}. Ctrl-C ends it.",
        http_line(report.data),
        "In another terminal, in this folder:",
        f"  {program()} artist --name {name}",
        f"  {program()} artist --name {name} --why",
        f"  {program()} status",
        "",
    )
    # Before the wait, so that `--json` prints while everything still runs.
    terminal.finish(report)
    with Shutdown() as stop:
        watch(local, stop)
