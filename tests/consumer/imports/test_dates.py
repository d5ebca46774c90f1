"""Dates are read in any unambiguous form; the column decides which number is the day."""

import datetime as dt
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest

from consumer.imports.dates import WRITE_ISO, DateReader, format_is_valid, order_of

MAY = dt.date(2026, 5, 1)


def read(*texts, date_format=None, timezone=None):
    """The days of a column; of those refused, the remedy."""
    column = pa.array(texts, pa.string())
    days, refused = DateReader(date_format, timezone, lambda: [column]).read(column)
    return [refused[text].remedy if text in refused else day for text, day in
            zip(texts, days.to_pylist(), strict=True)]  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "2026-05-01", " 2026-05-01 ", "2026-5-1", "2026/05/01", "2026.05.01", "20260501",
        "2026-05-01T20:00:00Z", "2026-05-01 9:30", "2026-05-01 8:00 PM", "2026-05-01 20:00+02:00",
        "2026-05-01T20:00:00[Europe/Berlin]", "2026-05-01T20:00:00.000+0200", "1 May 2026",
        "01-May-2026", "1st of May 2026", "May 1, 2026", "May 1st 2026", "1. Mai 2026",
        "1 de mayo de 2026", "Fri, 1 May 2026", "Friday, May 1, 2026", "Fr. 1.5.2026", "01.05.2026",
        "1.5.2026 20:00 Uhr", "1. 5. 2026", "Mardi 1 mai 2026",
    ],
)  # fmt: skip
def test_an_unambiguous_form_is_read(text):
    assert read(text) == [MAY]


@pytest.mark.parametrize(
    "text",
    ["", "TBA", "2026-05", "0000-00-00", "2026-02-30", "2026-05-01T25:99:99", "2026-05-01T",
     "2026-05-01/2026-05-03", "2026-05-01 - 2026-05-03", "tomorrow", "2026-05-01x"],
)  # fmt: skip
def test_what_is_no_day_is_refused(text):
    (remedy,) = read(text)

    assert isinstance(remedy, str)


def test_doubtful_numbers_name_the_option():
    assert "--date-format %d/%m/%Y or %m/%d/%Y" in read("03/04/2026")[0]
    assert "--date-format excel" in read("46143")[0]
    assert "--date-format epoch" in read("1777593600")[0]
    assert "--date-format" in read("03/04/26")[0]
    assert read("soon") == [WRITE_ISO]


def test_the_whole_column_decides_which_number_is_the_day():
    assert read("03/04/2026", "25/04/2026") == [dt.date(2026, 4, 3), dt.date(2026, 4, 25)]
    assert read("03/04/2026", "04/25/2026") == [dt.date(2026, 3, 4), dt.date(2026, 4, 25)]
    assert read("03/03/2026") == [dt.date(2026, 3, 3)]
    mixed = read("03/04/2026", "25/04/2026", "04/26/2026")
    assert "--date-format" in mixed[0]
    assert mixed[1:] == [dt.date(2026, 4, 25), dt.date(2026, 4, 26)]


def test_march_is_no_tuesday():
    assert read("Mar 1, 2026", "mar 1.3.2026") == [dt.date(2026, 3, 1)] * 2


def test_the_order_is_found_in_any_batch():
    assert order_of([pa.array(["1/2/2026"]), pa.array([None, "13/2/2026"])]) == "dmy"
    assert order_of([pa.array(["1/2/2026", "2026-01-01"])]) == "unknown"


def test_a_format_that_was_named_comes_first():
    assert read("03/04/2026", date_format="%m/%d/%Y") == [dt.date(2026, 3, 4)]
    assert read("46143", "2026-05-01", date_format="excel") == [MAY, MAY]
    assert read("1777593600", date_format="epoch") == [MAY]
    assert format_is_valid("%d.%m.%y")
    assert not format_is_valid("%d.%m")
    assert not format_is_valid("%Q")


def test_a_named_format_takes_a_time_behind_the_date():
    texts = "03/04/2026 20:30", "03/04/2026 8:30 pm", "03/04/2026T20:30:00Z"
    assert read(*texts, date_format="%d/%m/%Y") == [dt.date(2026, 4, 3)] * 3
    assert read(*texts[:2], date_format="%m/%d/%Y") == [dt.date(2026, 3, 4)] * 2


def test_a_time_zone_moves_instants_and_nothing_else():
    berlin = ZoneInfo("Europe/Berlin")
    texts = "2026-04-30T22:30:00Z", "2026-05-01T23:30:00", "2026-05-01"

    assert read(*texts, timezone=berlin) == [MAY, MAY, MAY]
    assert read(*texts)[0] == dt.date(2026, 4, 30)
