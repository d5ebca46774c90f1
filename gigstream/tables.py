r"""Tables for people and for pipes: no id or time is ever folded inside.

On a terminal, columns of prose are folded between words, and all others are as wide as they need:
where even that is too wide, the terminal itself wraps the line. In a pipe or a file each row is one
line, whatever its length, so that `grep` and `awk` find whole rows: a line end in a cell is `\n`
there, and an empty cell is a `-`.
"""

import sys
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size
from rich.console import Console, ConsoleOptions, RenderResult
from rich.segment import Segment
from rich.table import Table

from gigstream.texts import plain

_GAP = 2
_WORD = 30
"""Longer words of prose may be folded inside: they are values that others sent."""


@dataclass(frozen=True)
class Rows:
    """A table that shows itself as its console needs it.

    Attributes:
        head: titles of the columns; all empty: no header.
        rows: cells as text.
        prose: titles of the columns that are folded between words.
        title: printed above.
        empty: a sentence that is said instead where there are no rows.
    """

    head: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    prose: Collection[str] = ()
    title: str = ""
    empty: str = ""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """As rich calls it."""
        if console.is_terminal:
            widths = self._widths(options.max_width)
            needed = sum(widths) + _GAP * len(widths)
            wide = options.update(width=max(options.max_width, needed))
            yield from console.render(self._folded(widths), wide)
        else:
            yield from (Segment(f"{line}\n") for line in self._lines())

    def _lines(self) -> Iterator[str]:
        """One line for each row."""
        # Without a header a cell may well be empty: `awk` counts no columns there.
        blank = "-" if any(self.head) else ""
        rows = [tuple(plain(cell, lines=True) for cell in row) for row in self.rows]
        rows = [tuple("\\n".join(cell.split("\n")) or blank for cell in row) for row in rows]
        shown = [self.head, *rows] if any(self.head) else rows
        widths = [max(map(cell_len, cells)) for cells in zip(*shown, strict=True)]
        if self.title:
            yield plain(self.title)
        for row in shown:
            cells = map(set_cell_size, row, widths)
            yield (" " * _GAP).join(cells).rstrip()

    def _folded(self, widths: Sequence[int]) -> Table:
        """A table of rich, which measures wide letters, so that Korean names are aligned."""
        made = Table(*self.head, title=self.title or None, title_justify="left")
        made.box, made.pad_edge, made.show_header = None, False, any(self.head)
        for column, width in zip(made.columns, widths, strict=True):
            column.width, column.overflow = width, "fold"
        for row in self.rows:
            made.add_row(*(plain(cell, lines=True) for cell in row))
        return made

    def _widths(self, room: int) -> list[int]:
        """Widths of the columns; those of prose share what the others leave."""
        texts = [[*cells] for cells in zip(self.head, *self.rows, strict=True)]
        full = [_longest(line for cell in cells for line in cell.split("\n")) for cells in texts]
        least = [
            min(wide, _WORD, _longest(word for cell in cells for word in cell.split()))
            if self._is_prose(at)
            else wide
            for at, (cells, wide) in enumerate(zip(texts, full, strict=True))
        ]
        spare = max(0, room - sum(least) - _GAP * len(least))
        # The ones that lack least come first: what they do not take is left for the others.
        wanting = sorted(
            (whole - short, at) for at, (whole, short) in enumerate(zip(full, least, strict=True))
        )
        for left, (lacks, at) in zip(range(len(wanting), 0, -1), wanting, strict=True):
            given = min(lacks, spare // left)
            least[at] += given
            spare -= given
        return least

    def _is_prose(self, at: int) -> bool:
        # Of a table without a header the last column is: it says what the others name.
        return self.head[at] in self.prose if any(self.head) else at == len(self.head) - 1


def _longest(texts: Iterator[str]) -> int:
    return max((cell_len(plain(text)) for text in texts), default=0)


def bounded(shown: int, total: int, most: int = sys.maxsize) -> list[str]:
    """A line that says how to see the rest of what was bounded; none where all is shown.

    Args:
        shown: how many are.
        total: how many there are.
        most: the greatest number that `-n` takes.
    """
    if shown >= total:
        return []
    asked = min(total, most)
    if asked <= shown:
        return [f"{shown:,} of {total:,}"]
    return [f"{shown:,} of {total:,}; -n {asked} shows {'all' if asked == total else 'more'}"]
