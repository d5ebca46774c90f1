"""Which headings are found, and which columns are left unread."""

import pytest

from consumer.imports.columns import Columns

GIG = ["artist_id", "venue_id"]


@pytest.mark.parametrize("heading", ["date", "Date", "starts_at", "Starts At", "STARTS-AT"])
def test_the_date_of_a_gig_goes_by_the_name_of_the_contract_too(tmp_path, heading):
    names = [*GIG, heading]
    assert Columns().find(tmp_path, names, dated=True)["date"] == 2
    assert Columns().unread(names) == []


def test_a_date_that_is_named_or_spelt_as_the_default_comes_first(tmp_path):
    names = [*GIG, "starts_at", "date", "day"]
    assert Columns().find(tmp_path, names, dated=True)["date"] == 3
    assert Columns(date="day").find(tmp_path, names, dated=True)["date"] == 4


def test_columns_that_are_not_read_are_named():
    names = ["event_id", *GIG, "date", "time", "fee", ""]
    assert Columns().unread(names) == ["event_id", "time", "fee"]
    assert Columns(id="event_id").unread(names) == ["time", "fee"]
