"""What Prometheus and Grafana read: rules that fire when they should, of metrics that exist."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from project.reference import METRICS
from project.test_docs import anchors
from project.tree import ROOT
from support.servers.prometheus import FOLDER, RULES, native_config, shortened_rules

COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))["services"]
CONFIG = yaml.safe_load((FOLDER / "prometheus.yml").read_text("utf-8"))
ALERTS = {rule["alert"]: rule for rule in RULES}
TESTS = sorted((Path(__file__).parent / "rules").glob("*.yml"))
BOARD = json.loads((FOLDER / "grafana" / "boards" / "gigstream.json").read_text("utf-8"))
PANELS = BOARD["panels"]
ENDINGS = {"counter": ("",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}
PROMETHEUS_ITSELF = {"up", "ALERTS", "process_resident_memory_bytes"}
WIDTH = 24


def promtool(*args: object, cwd: Path = FOLDER) -> subprocess.CompletedProcess[str]:
    assert shutil.which("promtool"), "promtool is missing: run scripts/prepare.sh tests"
    command = ["promtool", *map(str, args)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


def exported() -> set[str]:
    """Names of all samples that the code shows."""
    listed = (metric for metrics in METRICS.values() for metric in metrics)
    return {each.shown_name + ending for each in listed for ending in ENDINGS[each.kind]}


def named(expression: str) -> set[str]:
    """Metrics of an expression of Prometheus's language, as far as ours and common ones go."""
    bare = re.sub(r'"[^"]*"', "", expression)
    return {name for name in re.findall(r"\b[a-zA-Z_:]\w*\b", bare) if "gigstream_" in name}


def expressions() -> Iterator[tuple[str, str]]:
    yield from ((rule["alert"], rule["expr"]) for rule in RULES)
    yield from ((panel["title"], each["expr"]) for panel in PANELS for each in panel["targets"])


def test_prometheus_takes_configuration_and_rules() -> None:
    done = promtool("check", "config", "prometheus.yml")

    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(RULES)} rules found" in done.stdout


@pytest.mark.parametrize("test", TESTS, ids=lambda path: path.stem)
def test_a_rule_fires_when_it_should_and_not_before(test: Path, tmp_path: Path) -> None:
    shutil.copy(test, tmp_path)
    shutil.copy(FOLDER / "alerts.yml", tmp_path)
    done = promtool("test", "rules", test.name, cwd=tmp_path)

    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_has_a_test_in_which_it_fires_and_one_in_which_it_does_not() -> None:
    fires, silent = set[str](), set[str]()
    for path in TESTS:
        for group in yaml.safe_load(path.read_text("utf-8"))["tests"]:
            for case in group["alert_rule_test"]:
                (fires if case.get("exp_alerts") else silent).add(case["alertname"])

    assert fires == silent == set(ALERTS)


def test_every_metric_that_is_named_is_one_that_the_code_shows() -> None:
    missing = {where: named(text) - exported() for where, text in expressions()}

    assert {where: names for where, names in missing.items() if names} == {}
    assert named('x{a="gigstream_no"} + gigstream_odd_total') == {"gigstream_odd_total"}


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_leads_to_its_runbook(alert: str) -> None:
    page, _, anchor = ALERTS[alert]["annotations"]["runbook_url"].partition("#")

    assert anchor == alert.lower()
    assert anchor in anchors(ROOT / page)
    assert ALERTS[alert]["labels"]["severity"] in {"page", "ticket"}


def test_every_runbook_is_of_an_alert() -> None:
    text = (ROOT / "docs" / "runbooks.md").read_text("utf-8")

    assert re.findall(r"^## (\w+)$", text, re.MULTILINE) == list(ALERTS)


def test_the_scraped_names_and_ports_are_those_of_the_services() -> None:
    for scrape in CONFIG["scrape_configs"]:
        (found,) = scrape["dns_sd_configs"]
        name = scrape["job_name"]
        environ = COMPOSE[name]["environment"]
        assert found["names"] == [name]
        assert str(found["port"]) == environ[f"GIGSTREAM_{name.upper()}_METRICS_PORT"]
        assert environ["GIGSTREAM_METRICS_HOST"] == "0.0.0.0"  # noqa: S104 - of the file


def mounted(service: str) -> dict[str, str]:
    """Paths in a container, by the file or folder of this repository that is there."""
    split = (each.split(":") for each in COMPOSE[service]["volumes"])
    return {mount[0]: mount[1] for mount in split if mount[0].startswith("./")}


def test_grafana_is_given_what_it_looks_for() -> None:
    grafana, options = mounted("grafana"), COMPOSE["grafana"]["environment"]
    (source,) = read_yaml("datasource.yml")["datasources"]
    (provider,) = read_yaml("boards.yml")["providers"]
    home = options["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]

    assert source["url"] == "http://prometheus:9090"
    assert provider["options"]["path"] == grafana["./monitoring/grafana/boards"]
    assert home == f"{provider['options']['path']}/gigstream.json"
    provisioning = "/etc/grafana/provisioning"
    assert grafana["./monitoring/grafana/datasource.yml"].startswith(f"{provisioning}/datasources/")
    assert grafana["./monitoring/grafana/boards.yml"].startswith(f"{provisioning}/dashboards/")
    assert {json.dumps(panel["datasource"], sort_keys=True) for panel in PANELS} == {
        json.dumps({"type": source["type"], "uid": source["uid"]}, sort_keys=True)
    }


def read_yaml(name: str) -> Any:
    return yaml.safe_load((FOLDER / "grafana" / name).read_text("utf-8"))


def test_panels_have_numbers_of_their_own_and_do_not_overlap() -> None:
    cells = [
        (x, y)
        for place in (panel["gridPos"] for panel in PANELS)
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]

    assert len({panel["id"] for panel in PANELS}) == len(PANELS)
    assert len(set(cells)) == len(cells)
    assert max(x for x, _ in cells) < WIDTH
    assert {panel["type"] for panel in PANELS} == {"timeseries"}


def test_prometheus_can_read_every_expression_of_the_board(tmp_path: Path) -> None:
    texts = [each["expr"] for panel in PANELS for each in panel["targets"]]
    rules = [{"record": f"panel:{n}", "expr": text} for n, text in enumerate(texts)]
    (tmp_path / "board.yml").write_text(yaml.safe_dump({"groups": [{"name": "b", "rules": rules}]}))
    done = promtool("check", "rules", "board.yml", cwd=tmp_path)

    assert done.returncode == 0, done.stdout + done.stderr


def test_the_short_durations_of_the_firing_test_change_nothing_else() -> None:
    text = (FOLDER / "alerts.yml").read_text("utf-8")
    short = yaml.safe_load(shortened_rules(text))["groups"][0]["rules"]
    targets = {each["job_name"]: [1] for each in CONFIG["scrape_configs"]}

    assert [rule["for"] for rule in short if "for" in rule] == ["1s"] * 7
    for rule, written in zip(short, RULES, strict=True):
        same = rule["expr"].removesuffix("> 3").removesuffix("> 12")
        assert written["expr"].startswith(same)
        assert {**rule, "expr": "", "for": ""} == {**written, "expr": "", "for": ""}
    assert "dns_sd_configs" not in native_config(CONFIG, targets)
