"""The notebook in `examples` runs from its first cell to its last, and shows what it claims."""

import json
import re

import nbformat
import pytest
from nbclient import NotebookClient

from project.tree import ROOT

NOTEBOOK = ROOT / "examples" / "recommender.ipynb"
LAST = """
import json
print(json.dumps({
    "venues": [venues["venue"].tolist(), best_venues["venue"].tolist()],
    "artists": [artists["artist"].tolist(), best_artists["artist"].tolist()],
    "known": shown[(shown["side"] == "artist") & (shown["view"] == "known")]
        .set_index("ranking")["ndcg10"].to_dict(),
}))
"""


@pytest.fixture(scope="module")
def executed():
    """The notebook with outputs, and one cell more, which prints its lists and figures."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    notebook.cells.append(nbformat.v4.new_code_cell(LAST))
    resources = {"metadata": {"path": str(NOTEBOOK.parent)}}
    return NotebookClient(notebook, timeout=240, resources=resources).execute()


def outputs(executed):
    return [output for cell in executed.cells for output in cell.get("outputs", [])]


def test_it_is_committed_without_outputs():
    committed = nbformat.read(NOTEBOOK, as_version=4)

    nbformat.validate(committed)
    assert outputs(committed) == []


def test_every_cell_runs_and_quality_is_plotted(executed):
    found = outputs(executed)

    assert not [output for output in found if output.output_type == "error"]
    written = [output["text"] for output in found if output.get("name") == "stderr"]
    # Without ipywidgets, the progress bar that implicit imports warns.
    assert [text for text in written if "TqdmWarning" not in text] == []
    assert sum("image/png" in output.get("data", {}) for output in found) == 1


def test_both_give_ten_and_the_live_score_is_better(executed):
    printed = json.loads(executed.cells[-1].outputs[0]["text"])

    for lists in (printed["venues"], printed["artists"]):
        assert [len(set(each)) for each in lists] == [10, 10]
        assert lists[0] != lists[1]
    assert printed["known"]["live"] > 3 * printed["known"]["notebook"]


def test_its_tables_have_the_columns_that_people_look_for(executed):
    tables = [
        output["data"].get("text/html", "") for output in outputs(executed) if "data" in output
    ]
    heads = [re.findall(r"<th>(\w+)</th>", table.partition("</thead>")[0]) for table in tables]

    assert ["venue", "score", "already_liked"] in heads
    assert ["artist", "score", "already_liked"] in heads
    assert any(head[:5] == ["artist", "venue", "name", "score", "already_liked"] for head in heads)
