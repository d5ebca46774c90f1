"""Figures are real images, and the page needs nothing beside itself."""

import re

import pytest

from support.data.gigs import SMALL, world
from trainer.errors import PlotNotInstalled, Unwritable
from trainer.evaluation import plot
from trainer.evaluation.evaluate import evaluate
from trainer.evaluation.plot import check_installed, draw
from trainer.evaluation.windows import past
from trainer.plays.matrix import DAY_MS


@pytest.fixture(scope="module")
def report() -> dict:
    return evaluate(past(*world(n_artists=120, n_plays=1500), 365 * DAY_MS), SMALL, [0.8, 0.7])


def test_every_figure_is_a_file_and_in_the_page(report, tmp_path):
    page = draw(report, tmp_path / "new" / "plots", "gigs <1>.csv")

    files = sorted(page.parent.glob("*.png"))
    text = page.read_text()
    assert len(files) == 4 * 2 + 2 + 2
    assert all(file.read_bytes().startswith(b"\x89PNG") for file in files)
    assert text.count("data:image/png;base64,") == len(files)
    assert "gigs &lt;1&gt;.csv" in text
    assert not re.search(r"""(src|href)=["'](?!data:)""", text)


def test_a_folder_that_takes_no_files_is_named(report, tmp_path):
    (tmp_path / "file").write_text("")

    with pytest.raises(Unwritable, match=r"file cannot be written: .* name a folder"):
        draw(report, tmp_path / "file", "gigs")


def test_without_the_extra_the_remedy_is_told(monkeypatch):
    monkeypatch.setattr(plot, "find_spec", lambda _name: None)

    with pytest.raises(PlotNotInstalled, match=r"pip install 'gigstream\[plot\]'"):
        check_installed()
