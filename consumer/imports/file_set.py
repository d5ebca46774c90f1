"""The files of one import, each with its source: looked at, and then stated."""

import datetime as dt
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow as pa

from consumer.events import DAY_MS, MAX_START_MS, Event
from consumer.events.statuses import Words
from consumer.imports import contract_lines
from consumer.imports.columns import Columns
from consumer.imports.contract_lines import ContractLines
from consumer.imports.files import OpenFile, open_file, read
from consumer.imports.formats.source import RowNumbers
from consumer.imports.known_sources import SAMPLE, Gig, Gigs, Overlap, choose, overlaps
from consumer.imports.problems import BadFile, Ignored, Problem, Problems, shown
from consumer.imports.reading import Reading
from consumer.imports.row_counter import RowCounter
from consumer.imports.row_events import events
from consumer.imports.source_names import possible_names, source_names
from consumer.imports.survey import Survey

Progress = Callable[[Path, float], None]
_EVENTS_AT_ONCE = 10_000
_LATEST_DAYS = MAX_START_MS // DAY_MS


class FileSet:
    """The files of one import.

    Args:
        paths: The files, in order.
        columns: Which column is what, the same for all files.
        reading: How they are read, the same for all files.
        assume_date: The date of rows that have none.
        name: The source's name instead of each file's.
        statuses: What sources' own words for a status mean; a source of an import goes by its name
            with or without `import:`.

    Attributes:
        paths: The files.
        sources: The source of each; lines of the contract that name one keep theirs.
        about: What was found out about each file that was looked at.
        unread: Headings of each of these that are not read.

    Raises:
        BadFile: A name cannot be a source's.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        *,
        columns: Columns | None = None,
        reading: Reading | None = None,
        assume_date: dt.date | None = None,
        name: str | None = None,
        statuses: Words | None = None,
    ) -> None:
        self.paths, self.sources = list(paths), source_names(paths, name)
        self.about: dict[Path, str] = {}
        self.unread: dict[Path, list[str]] = {}
        self._is_named = name is not None
        self._columns, self._reading = columns or Columns(), reading or Reading()
        self._assume_date, self._statuses = assume_date, statuses or {}
        # One for all files: later imports have greater versions, whatever they hold.
        self._started_ms = time.time_ns() // 1_000_000

    def keep_sources(self, store: Path) -> list[str]:
        """Give each file the source under which the store has it, and none that is another file's.

        Args:
            store: The store's folder; there may be none yet.

        Returns:
            Lines for people, about names that are another file's.

        Raises:
            StoreDamaged, StoreNewer: The store cannot be read.
        """
        remarks = []
        for at, (path, first) in enumerate(zip(self.paths, self.sources, strict=True)):
            sample = {} if self._is_named else self._sample(path, first)
            if not sample:
                continue  # it is named by its user, or by its lines, or cannot be read
            names = possible_names(path)
            found = overlaps(store, [first, *names], sample)
            self.sources[at] = choose(names, first, found)
            taken = found.get(first)
            if taken and not taken.is_same_file and self.sources[at] != first:
                remarks.append(_other_gigs(path, first, taken, self.sources[at]))
        return remarks

    def _sample(self, path: Path, source: str) -> Gigs:
        """The first gigs of a file; none of one that states the contract's own fields."""
        gigs: defaultdict[str, set[Gig]] = defaultdict(set)
        # What is wrong with the file is said when it is looked at.
        with suppress(BadFile):
            if not contract_lines.is_contract(path):
                for event in islice(self._stated(path, source, RowCounter()), SAMPLE):
                    stated = Gig(event.artist_id, event.venue_id, event.starts_at_ms)
                    gigs[event.event_id].add(stated)
        return gigs

    def _stated(self, path: Path, source: str, counter: RowCounter) -> Iterator[Event]:
        for _, table in self._rows(path, source, Ignored(), lambda _share: None):
            yield from events([table], path, source, self._started_ms, counter)

    def look(self, survey: Survey, problems: Problems, progress: Progress | None = None) -> None:
        """Read all files, and send nothing.

        Args:
            survey: Takes the good rows.
            problems: Takes the bad rows.
            progress: Called with the file and the share of it that was read, 0 to 1.

        Raises:
            BadFile: A file or a column is invalid.
        """
        for path, source in zip(self.paths, self.sources, strict=True):
            report = _for_file(progress, path)
            if contract_lines.is_contract(path):
                self._look_at_lines(path, source, survey, problems)
                report(1.0)
            else:
                for numbers, table in self._rows(path, source, problems, report):
                    survey.add(path, source, numbers, table)

    def _look_at_lines(self, path: Path, source: str, survey: Survey, problems: Problems) -> None:
        self.about[path] = "the contract's JSON Lines"
        found = self._lines(path).read(source, problems)
        while batch := list(islice(found, _EVENTS_AT_ONCE)):
            survey.add_events(path, batch)

    def statements(self, problems: Problems, progress: Progress | None = None) -> Iterator[Event]:
        """What the files state, in order.

        Args:
            problems: Takes the bad rows.
            progress: Called with the file and the share of it that was read, 0 to 1.

        Raises:
            BadFile: A file or a column is invalid.
        """
        # One counter per source: files under one name are one file in parts.
        counters: defaultdict[str, RowCounter] = defaultdict(RowCounter)
        first = 0
        for path, source in zip(self.paths, self.sources, strict=True):
            report = _for_file(progress, path)
            if contract_lines.is_contract(path):
                yield from (event for _, event in self._lines(path).read(source, problems))
                report(1.0)
                continue
            for _, table in self._rows(path, source, problems, report):
                tables = [table]
                yield from events(
                    tables, path, source, self._started_ms, counters[source], first=first
                )
                first += table.num_rows

    def _lines(self, path: Path) -> ContractLines:
        return ContractLines(path, self._reading.encoding, self._statuses)

    def _rows(
        self, path: Path, source: str, problems: Problems, report: Callable[[float], None]
    ) -> Iterator[tuple[RowNumbers, pa.Table]]:
        file = self._open(path, source)
        rows = read(file, assume_date=self._assume_date, progress=report, problems=problems)
        for numbers, table in rows:
            yield self._not_too_far(path, numbers, table, problems)

    def _open(self, path: Path, source: str) -> OpenFile:
        own = self._words(source)
        # Options come after settings: they are meant for these files.
        reading = replace(self._reading, statuses={**own, **self._reading.statuses})
        file = open_file(path, self._columns, reading)
        self.about[path] = file.source.about
        self.unread[path] = self._columns.unread(file.source.names)
        return file

    def _words(self, source: str) -> Mapping[str, str]:
        bare = source.removeprefix("import:")
        return {**self._statuses.get(bare, {}), **self._statuses.get(source, {})}

    def _not_too_far(
        self, path: Path, numbers: RowNumbers, table: pa.Table, problems: Problems
    ) -> tuple[RowNumbers, pa.Table]:
        """The rows whose dates an event may hold."""
        days = table["date"].cast(pa.int32()).to_numpy()
        far = days > self._started_ms // DAY_MS + _LATEST_DAYS
        if not far.any():
            return numbers, table
        for at in np.flatnonzero(far).tolist():
            value, text = shown(str(table["date"][at])), "is more than 5 years ahead; correct it"
            problems.add(Problem(path, int(numbers[at]), "date", value, text))
        return numbers[~far], table.filter(pa.array(~far))


def _other_gigs(path: Path, name: str, taken: Overlap, source: str) -> str:
    bare = name.removeprefix("import:")
    return (
        f"{path}: {name} states other gigs for {taken.known - taken.same:,} of its first "
        f"{taken.known:,} ids, so this file is {source}; give --name {bare} if it corrects them"
    )


def _for_file(progress: Progress | None, path: Path) -> Callable[[float], None]:
    return (lambda share: progress(path, share)) if progress else (lambda _share: None)
