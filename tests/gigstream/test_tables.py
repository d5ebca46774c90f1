"""Tables: a line for each row in a pipe, no id cut on a terminal of any width."""

import io

import pytest
from rich.console import Console

from gigstream.tables import Rows, bounded

WHEN = "2026-11-30T13:49:43Z"
HEAD = ("generation", "when", "model", "state", "weights")
WEIGHTS = "als 0.81, popularity 0.33, distance 0.21, capacity 0.02, genres 0.11"
TABLE = Rows(
    HEAD,
    [("2", WHEN, "gen-00000002", "live pinned", WEIGHTS), ("1", WHEN, "gen-00000001", "", WEIGHTS)],
    prose={"state", "weights"},
)
WIDTHS = [20, 40, 60, 80, 100, 200]


def shown(table, width, *, terminal):
    """The lines of a table."""
    out = io.StringIO()
    console = Console(file=out, width=width, force_terminal=terminal, color_system=None)
    console.print(table, crop=False)
    return [line.rstrip() for line in out.getvalue().splitlines()]


@pytest.mark.parametrize("width", WIDTHS)
def test_in_a_pipe_each_row_is_one_line(width):
    head, *lines = shown(TABLE, width, terminal=False)

    assert head.split() == [*HEAD]
    assert [line.split()[:3] for line in lines] == [
        ["2", WHEN, "gen-00000002"],
        ["1", WHEN, "gen-00000001"],
    ]
    assert all(line.endswith(WEIGHTS) for line in lines)
    # An empty cell keeps its place, for awk.
    assert lines[1].split()[3] == "-"


def test_a_cell_of_several_lines_is_one_in_a_pipe():
    (line,) = shown(Rows(("", ""), [("headers", "a: 1\nb: 2")]), 10, terminal=False)

    assert line == r"headers  a: 1\nb: 2"


@pytest.mark.parametrize("width", WIDTHS)
def test_on_a_terminal_ids_and_times_are_whole_and_prose_is_folded_between_words(width):
    lines = shown(TABLE, width, terminal=True)

    assert [line.split()[:3] for line in lines if WHEN in line] == [
        ["2", WHEN, "gen-00000002"],
        ["1", WHEN, "gen-00000001"],
    ]
    words = [word for line in lines for word in line.split()]
    assert [words.count(word) for word in ("popularity", "distance", "live", "pinned")] == [
        *(2, 2, 1, 1)
    ]
    if width >= 80:
        assert max(map(len, lines)) <= width


def test_a_table_that_fits_is_not_folded():
    assert len(shown(TABLE, 200, terminal=True)) == 3


def test_wide_letters_are_aligned():
    table = Rows(("id", "name", "score"), [("a", "유나", "0.5"), ("b", "Eva", "0.4")])
    for terminal in (True, False):
        head, first, second = shown(table, 80, terminal=terminal)
        assert first == "a   유나  0.5"
        assert second == "b   Eva   0.4"
        assert head == "id  name  score"


def test_what_is_bounded_says_how_to_see_the_rest():
    assert bounded(20, 20) == []
    assert bounded(20, 37) == ["20 of 37; -n 37 shows all"]
    assert bounded(20, 3_700, 200) == ["20 of 3,700; -n 200 shows more"]
