"""The docs are true: made parts match the code, links lead somewhere, examples run."""

import ast
import importlib
import json
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from consumer.events import STATUSES, Event, InvalidEvent, Statement, decode
from gigstream.cli import cli
from gigstream.commands import demo
from gigstream.settings import Settings
from project.reference import PAGES, made
from project.tree import PACKAGES, ROOT, committed_texts
from trainer.als import local

MARKDOWN = sorted(path for path, _ in committed_texts() if path.endswith(".md"))
FOLDERS = ("benchmarks", "docs", "examples", "monitoring", "native", "scripts", "tests")
OWN_VARIABLES = {"GIGSTREAM_CONFIG"}


def read(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", read(page), re.DOTALL | re.MULTILINE)


def python_blocks() -> Iterator[tuple[str, str]]:
    return ((page, code) for page in MARKDOWN for code in blocks(page, "python"))


@pytest.mark.parametrize("page", PAGES)
def test_what_is_made_from_the_code_is_up_to_date(page: str) -> None:
    assert read(page) == made(read(page)), "run `make docs`"


def test_making_the_docs_notices_a_change() -> None:
    page = read("docs/settings.md")

    assert made(page.replace("GIGSTREAM_KAFKA_TOPIC", "GIGSTREAM_TOPIC")) == made(page)
    assert "GIGSTREAM_KAFKA_TOPIC" in page


@pytest.mark.parametrize("page", MARKDOWN)
def test_every_link_leads_to_a_file(page: str) -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)", read(page))

    assert [t for t in targets if not (ROOT / page).parent.joinpath(t).exists()] == []


def anchors(page: Path) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", MARKDOWN)
def test_every_anchor_is_a_heading(page: str) -> None:
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#]*)#([^)]+)\)", read(page)):
        assert anchor in anchors((ROOT / page).parent / target if target else ROOT / page)


def test_every_file_that_is_named_anywhere_exists() -> None:
    folders = "|".join([*PACKAGES, *FOLDERS])
    endings = "avsc|cpp|gz|hpp|ipynb|json|lua|md|py|sh|yml"
    named = re.compile(rf"(?<![\w./-])((?:{folders})/[\w./-]+\.(?:{endings}))\b")
    texts = (each for each in committed_texts() if not each[0].startswith("tests/project/schema/"))
    missing = {
        f"{path}: {name}"
        for path, text in texts
        for name in named.findall(text)
        if not (ROOT / name).exists()
    }

    assert missing == set()


def test_what_python_examples_import_exists() -> None:
    for page, code in python_blocks():
        for node in (n for n in ast.walk(ast.parse(code)) if isinstance(n, ast.ImportFrom)):
            module = importlib.import_module(str(node.module))

            assert [a.name for a in node.names if not hasattr(module, a.name)] == [], page


def test_the_event_contract_s_examples_hold() -> None:
    for code in blocks("docs/contract/events.md", "python"):
        exec(compile(code, "docs/contract/events.md", "exec"), {})  # noqa: S102 - our own page
    for page in ("README.md", "docs/contract/events.md"):
        for text in blocks(page, "json"):
            at_ms = 1_800_000_000_000
            assert isinstance(decode(text.encode(), record_ms=at_ms), Event)


def test_the_cloud_event_that_is_shown_says_what_the_json_beside_it_says() -> None:
    page, headers = "docs/contract/events.md", [("content-type", b"application/cloudevents+json")]
    (shown,) = blocks(page, "cloudevent")
    (beside,) = (text for text in blocks(page, "json") if '"source"' not in text)
    event = decode(shown.encode(), headers=headers, record_ms=1_800_000_000_000)
    plain = decode(beside.encode(), record_ms=1_800_000_000_000)

    assert event == msgspec.structs.replace(plain, source="ticketbox", extra=event.extra)


def test_the_event_contract_names_every_field_and_status() -> None:
    page = read("docs/contract/events.md")

    assert [n for n in (*Statement.__struct_fields__, *STATUSES) if f"`{n}`" not in page] == []


def test_every_setting_says_what_it_means() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


def test_the_event_contract_shows_a_real_refusal() -> None:
    record = {"event_id": "E", "artist_id": "", "venue_id": "v", "time": 1_541_000_000_000}
    with pytest.raises(InvalidEvent) as refusal:
        decode(json.dumps(record).encode(), record_ms=1_541_000_000_000)

    assert [str(refusal.value)] == [b.strip() for b in blocks("docs/contract/events.md", "text")]


def test_every_variable_that_is_named_anywhere_is_a_setting() -> None:
    known = {f"GIGSTREAM_{name.upper()}" for name in Settings.model_fields} | OWN_VARIABLES
    pages = [*MARKDOWN, "docker-compose.yml", "Dockerfile"]
    for page in pages:
        named = set(re.findall(r"\bGIGSTREAM_(?!TEST_)[A-Z0-9_]*[A-Z0-9]", read(page)))

        assert {name.partition("__")[0] for name in named} <= known, page


def test_every_command_that_is_named_anywhere_exists() -> None:
    for page in MARKDOWN:
        named = set(
            re.findall(r"^\$ gigstream ([a-z-]+)|`gigstream ([a-z-]+)", read(page), re.MULTILINE)
        )

        assert {first or second for first, second in named} <= set(cli.commands), page


def test_every_make_target_that_is_named_anywhere_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", read("Makefile"), re.MULTILINE))
    for page in [*MARKDOWN, ".ci/run"]:
        named = re.findall(r"(?:^\$ |`|step )make ([a-z-]+)", read(page), re.MULTILINE)

        assert set(named) <= targets, page


def test_unreleased_stands_on_top_of_the_changelog() -> None:
    assert re.findall(r"^## (.+)$", read("CHANGELOG.md"), re.MULTILINE)[0] == "Unreleased"


def test_the_gigs_that_we_ship_carry_their_licence() -> None:
    notice = read("examples/indistreet/README.md")

    assert "CC BY 4.0" in notice
    assert "github.com/rainygirl/indistreet-data" in notice


def walk() -> list[tuple[str, list[str]]]:
    """(file, names) of the numbered walk: each file with the names that follow it."""
    page = read("docs/architecture.md").partition("## One event")[2].partition("\n## ")[0]
    steps = "\n".join(re.findall(r"^\d+\. (?:.*\n)(?: +.*\n)*", page, re.MULTILINE))
    found: list[tuple[str, list[str]]] = []
    for token in re.findall(r"`([^`\s]+)`", steps):
        if re.fullmatch(r"[\w/]+\.(?:py|cpp|hpp|lua)", token):
            found.append((token, []))
        elif re.fullmatch(r"[\w.]+", token) and found:
            found[-1][1].append(token)
    return found


def test_the_walk_of_one_event_names_what_exists() -> None:
    missing = [
        f"{file} {name}" for file, names in walk() for name in names if not defines(file, name)
    ]

    assert missing == []
    assert len({file for file, _ in walk()}) <= 45


def defines(file: str, name: str) -> bool:
    """Whether a file defines a function, class or method of this name."""
    text = read(file)
    if not file.endswith(".py"):
        return bool(re.search(rf"\b{name}\(", text))
    owner, _, last = name.rpartition(".")
    defined = re.search(rf"^ *(?:class|def) {last}\b", text, re.MULTILINE)
    return bool(defined) and (not owner or f"class {owner}" in text)


def test_the_solver_s_figures_in_the_docs_are_its_constants() -> None:
    meaning = str(Settings.model_fields["iterations"].description)

    assert f"1 / {local.PLAIN_SWEEPS_PER_SWEEP:g}" in meaning
    assert f"less than {100 * local.TOLERANCE:g} %" in meaning
    assert f"{local.TOLERANCE:.1e} of J".replace("e-05", "e-5") in read("docs/solver.md")
    assert f"`iterations` / {local.PLAIN_SWEEPS_PER_SWEEP:g} sweeps" in read("docs/solver.md")


def test_the_figures_that_the_demo_names_are_the_readme_s() -> None:
    assert f"median {demo.README_MS} ms, 99 % within {demo.README_MOST_MS} ms" in read("README.md")


def test_the_decisions_are_listed_by_their_titles() -> None:
    listed = dict(
        re.findall(r"^\| \[(\d+)\].*\| (.+) \|$", read("docs/adr/README.md"), re.MULTILINE)
    )
    pages = sorted((ROOT / "docs/adr").glob("0*.md"))
    titles = [re.match(r"# (\d+): (.+)", page.read_text(encoding="utf-8")) for page in pages]

    assert listed == dict(title.groups() for title in titles if title)
