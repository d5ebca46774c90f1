"""Refits of a running trainer: warm ones, then a cold one."""

import json

from support.processes.installation import season
from support.processes.running import until


def test_refits_start_from_the_last_model_until_one_starts_anew(installation):
    commands = installation.commands
    commands.environ["GIGSTREAM_WARM_REFITS"] = "1"
    gigs = season(600)

    def artifacts() -> list[int]:
        manifests = sorted((commands.home / "models").glob("gen-*/manifest.json"))
        return [json.loads(path.read_text())["warm_fits"] for path in manifests]

    commands.start("consume")
    installation.send(*gigs[:400])
    installation.stored(400)
    commands.start("train")
    until(lambda: installation.generation() and len(artifacts()) == 1)
    for more in (slice(400, 480), slice(480, 600)):
        fitted, live = len(artifacts()), installation.generation()
        installation.send(*gigs[more])
        until(lambda f=fitted, g=live: len(artifacts()) > f and installation.generation() > g)

    assert artifacts()[:3] == [0, 1, 0], commands.logs()
