"""`import`: send files of past gigs to Kafka."""

import contextlib
import datetime as dt
import shlex
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from consumer.deadline import Deadline
from consumer.errors import ConsumerError
from consumer.imports import known_ids
from consumer.imports.file_set import FileSet
from consumer.imports.findings import SHOWN, Findings
from consumer.imports.problems import BadFile, Ignored
from consumer.imports.stated import Before
from consumer.imports.statements import Imported, Progress, Sent, send
from consumer.imports.survey import Seen, Survey
from consumer.kafka.inspect import lag
from consumer.table import delta_log
from gigstream.commands.file_columns import column_options, columns_and_reading, day
from gigstream.commands.standard_input import with_standard_input
from gigstream.settings import Settings, load
from gigstream.stack_file import running_stack
from gigstream.terminal import Report, Terminal, command
from serving.connection import connect
from serving.errors import NotPublished, ServingError
from serving.lookup import Lookup

Sources = dict[str, Seen]
_STALL_S = 1.0
_LISTS_S = 100.0
_LOOK_S = 0.1
_NAMED = 20


@command("import")
@click.argument(
    "files", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@column_options
@click.option(
    "--id", metavar="COL", help="Column of gig ids; without it, ids are hashes of the rows."
)
@click.option(
    "--assume-date", metavar="YYYY-MM-DD", callback=day, help="Date of gigs that have none."
)
@click.option("--name", help="Name of the source; default: the file's name.")
@click.option("--dry-run", is_flag=True, help="Send nothing: show what would count.")
@click.option(
    "--skip-bad",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Leave out bad rows; list them, and doubtful ones, in this CSV file.",
)
def import_(
    terminal: Terminal,
    files: tuple[Path, ...],
    assume_date: dt.date | None,
    name: str | None,
    skip_bad: Path | None,
    *,
    dry_run: bool,
    **given: Any,  # noqa: ANN401 - the column options
) -> Report:
    """Send files of gigs to Kafka; again, it changes nothing.

    CSV, TSV and their like in any encoding, packed or not, Excel, JSON Lines, Parquet; `-` is
    standard input. All files are checked before the first row is sent.
    """
    settings = load()
    columns, reading = columns_and_reading(given)
    with with_standard_input(files) as paths:
        chosen = FileSet(
            paths,
            columns=columns,
            reading=reading,
            assume_date=assume_date,
            name=name,
            statuses=settings.statuses,
        )
        _keep_sources(terminal, chosen, settings, may_wait=not dry_run)
        listed = skip_bad or (Path(_list_name(chosen)) if dry_run else None)
        with Findings(listed, spared=0 if skip_bad else SHOWN) as findings:
            survey = _look(terminal, chosen, findings)
            sources = survey.finish()
            refused = findings.counts["bad"] > 0 and skip_bad is None
            if dry_run:
                return _dry_run(
                    terminal, chosen, findings, sources, settings.store, refused=refused
                )
            if refused:
                raise _refusal(findings)
            _show(terminal, chosen, findings, sources)
            _show_replaced(terminal, survey, settings.store)
            sent = Sent()
            done, held = _send(terminal, chosen, settings, sources, sent)
    report = _report(terminal, chosen, findings, sources, done, held=held)
    if report.data["plays"]:
        _wait_for_first_lists(terminal, settings, sent.artist)
    return report


def _send(
    terminal: Terminal, chosen: FileSet, settings: Settings, sources: Sources, sent: Sent
) -> tuple[Imported, bool | None]:
    """Send all; returns what was sent, and whether the store held it; None: that is unknown."""
    with (
        _compared(settings.store, sent) as compare,
        _says_where_it_stopped(terminal, sent, sources),
        file_progress(terminal, chosen.paths) as progress,
    ):
        done = send(chosen, settings, problems=Ignored(), progress=progress, sent=sent)
        return done, compare()


@contextlib.contextmanager
def _compared(store: Path, sent: Sent) -> Iterator[Callable[[], bool | None]]:
    """Yield a function that says whether the store held all that was sent; None: unknown."""
    # A store that cannot be read is no reason not to send: the consumer may be elsewhere.
    try:
        before = Before(store)
    except ConsumerError:
        yield lambda: None
    else:
        # Opened before anything is sent: a consumer stores it at once.
        with before:
            yield lambda: _is_in(sent, before)


def _is_in(sent: Sent, before: Before) -> bool | None:
    try:
        return sent.stated.is_in(before)
    # All is sent: what cannot be read, or was erased meanwhile, leaves one remark unknown.
    except (ConsumerError, OSError):
        return None


def _keep_sources(
    terminal: Terminal, chosen: FileSet, settings: Settings, *, may_wait: bool
) -> None:
    """Give files the sources under which the store has them already."""
    # A store that cannot be read is no reason not to send: the consumer may be elsewhere.
    with contextlib.suppress(ConsumerError):
        if may_wait and settings.store.exists():
            _wait_for_store(settings)
        terminal.remark(*chosen.keep_sources(settings.store))


def _wait_for_store(settings: Settings) -> None:
    """Let the consumer store what was sent before, as long as it does so."""
    left, deadline = -1, Deadline(0)
    while behind := _behind(settings):
        if behind == left and deadline.is_over:
            return
        if behind != left:
            left, deadline = behind, Deadline(_STALL_S)
        time.sleep(_LOOK_S)


def _behind(settings: Settings) -> int:
    stored = delta_log.replay(settings.store)
    return lag(settings, stored.positions if stored else {})[0]


def _list_name(chosen: FileSet) -> str:
    """The file of a dry run's findings, in the working folder."""
    return f"{chosen.sources[0].removeprefix('import:').replace('/', '-')}.problems.csv"


def _look(terminal: Terminal, chosen: FileSet, findings: Findings) -> Survey:
    survey = Survey(findings)
    with file_progress(terminal, chosen.paths, "Checking") as progress:
        chosen.look(survey, findings, progress)
    return survey


def _refusal(findings: Findings) -> BadFile:
    """All files are refused for their bad rows."""
    bad = findings.counts["bad"]
    lines = [str(problem) for kind, problem in findings.shown() if kind == "bad"]
    if bad == 1 and lines:
        return BadFile(lines[0])
    more = "; --dry-run lists all" if bad > len(lines) else ""
    if more:
        # Beyond the rows shown there may be other words, which would refuse the next import.
        lines.append(f"bad values: {', '.join(findings.common_values())}")
    return BadFile(
        f"{bad:,} bad rows, so nothing was sent; correct them, or leave them out with "
        f"--skip-bad FILE{more}",
        lines=lines,
    )


def _show(terminal: Terminal, chosen: FileSet, findings: Findings, sources: Sources) -> None:
    """The source of each file, and what is doubtful."""
    for path, source in zip(chosen.paths, chosen.sources, strict=True):
        terminal.say(f"{path} ({chosen.about.get(path)}): source {source}")
        unread = chosen.unread.get(path, [])
        more = f" and {len(unread) - _NAMED:,} more" if len(unread) > _NAMED else ""
        names = ", ".join(map(repr, unread[:_NAMED]))
        terminal.say(*[f"{path}: columns that are not read: {names}{more}"] if unread else [])
    for kind, problem in findings.shown():
        terminal.say(f"{kind}: {problem}")
    if findings.counts:
        terminal.say(", ".join(f"{kind}: {count:,}" for kind, count in findings.counts.items()))
    rest = sum(findings.counts.values()) - len(findings.first)
    if findings.written:
        terminal.say(f"all of these rows are listed in {findings.path}")
    elif rest:
        terminal.say(f"and {rest:,} more; --dry-run lists all of them in a file")
    if rest and findings.common_values():
        terminal.say(f"bad values: {', '.join(findings.common_values())}")
    for name, seen in sources.items():
        off = f", {seen.cancelled:,} cancelled" if seen.cancelled else ""
        terminal.say(f"{name}: {seen.rows:,} rows{off}, {seen.plays:,} plays")


def _show_replaced(terminal: Terminal, survey: Survey, store: Path) -> None:
    """How many ids are stated again: the file may be meant to be another source's."""
    ids = survey.own_ids()
    # A store that cannot be read is no reason not to send: the consumer may be elsewhere.
    with contextlib.suppress(ConsumerError):
        for source, (_, known) in known_ids.count(store, ids).items() if ids else ():
            if known:
                terminal.say(
                    f"{source}: {known:,} of its ids are known, and this file replaces what they "
                    "stated; give another --name if they are other gigs"
                )


def _dry_run(
    terminal: Terminal,
    chosen: FileSet,
    findings: Findings,
    sources: Sources,
    store: Path,
    *,
    refused: bool,
) -> Report:
    """What an import would do."""
    counts = known_ids.count(store, known_ids.of_events(chosen.statements(Ignored())))
    new, known = (sum(each[at] for each in counts.values()) for at in (0, 1))
    _show(terminal, chosen, findings, sources)
    terminal.say(f"{new:,} new ids, {known:,} that the store knows; nothing was sent")
    data = _data(chosen, findings, sources) | {"dry_run": True, "new_ids": new, "known_ids": known}
    return Report(data, exit_code=2 if refused else 0)


def _report(
    terminal: Terminal,
    chosen: FileSet,
    findings: Findings,
    sources: Sources,
    done: Imported,
    *,
    held: bool | None,
) -> Report:
    # A small file is sent within the resolution of the clock.
    rate = done.events / max(done.seconds, 1e-9)
    terminal.say(f"{done.events:,} events sent in {done.seconds:.1f} s ({rate:,.0f} per s)")
    if held:
        terminal.say("nothing changed: the store has all of these gigs already, as stated here")
    sent = {
        "files": done.files,
        "events": done.events,
        "seconds": round(done.seconds, 3),
        "changed": None if held is None else not held,
    }
    return Report(sent | _data(chosen, findings, sources))


def _wait_for_first_lists(terminal: Terminal, settings: Settings, artist: str) -> None:
    """In a local stack: wait until this import has led to the first lists, and say how to see one.

    Args:
        terminal: Where it is said.
        settings: Of the stack.
        artist: One that was sent.
    """
    if not running_stack(settings.home):
        return
    deadline = Deadline(_LISTS_S)
    with connect(settings) as client, terminal.progress("Fitting and publishing") as progress:
        lookup = Lookup(client, settings.redis_prefix)
        while not _is_published(lookup) and not deadline.is_over:
            progress(None)
            time.sleep(_LOOK_S)
    terminal.say(f"see its lists with `gigstream artist {shlex.quote(artist)}`")


def _is_published(lookup: Lookup) -> bool:
    try:
        lookup.artist("-", 1)  # any id will do: an unknown artist gets the popular list
    except NotPublished:
        return False
    except ServingError:
        return True  # the gigs are sent: what Redis lacks is not this command's matter
    return True


def _data(chosen: FileSet, findings: Findings, sources: Sources) -> dict[str, Any]:
    files = zip(chosen.paths, chosen.sources, strict=True)
    return {
        "sources": [{"file": str(path), "source": source} for path, source in files],
        "unread_columns": {str(path): names for path, names in chosen.unread.items()},
        "rows": sum(seen.rows for seen in sources.values()),
        "plays": sum(seen.plays for seen in sources.values()),
        "cancelled": sum(seen.cancelled for seen in sources.values()),
        "doubtful": dict(findings.counts),
        "first_doubtful": [f"{kind}: {problem}" for kind, problem in findings.shown()],
        "listed_in": str(findings.path) if findings.written else None,
    }


@contextlib.contextmanager
def _says_where_it_stopped(terminal: Terminal, sent: Sent, sources: Sources) -> Iterator[None]:
    try:
        yield
    except (ConsumerError, KeyboardInterrupt):
        if sent.events:
            rows = sum(seen.rows for seen in sources.values())
            terminal.remark(
                f"{sent.events:,} of {rows:,} rows were sent; import again: nothing counts twice"
            )
        raise


@contextlib.contextmanager
def file_progress(
    terminal: Terminal, files: Sequence[Path], doing: str = "Importing"
) -> Iterator[Progress]:
    """One progress bar for all files, each with an equal share of it.

    Args:
        terminal: Where it is shown.
        files: The files.
        doing: What is done with them.
    """
    with terminal.progress(f"{doing} {', '.join(path.name for path in files)}") as shown:
        # Files differ in size, but counting rows first would read each twice.
        yield lambda path, share: shown((files.index(path) + share) / len(files))
