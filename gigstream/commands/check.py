"""`check`: test that everything the processes need is there, one line each."""

import click

from gigstream.settings import load
from gigstream.terminal import Report, Terminal, command
from operations.check import chosen, findings
from operations.settings import shown


@command("check")
@click.argument("parts", metavar="[kafka|schemas|redis|store|letters|gate|solver]...", nargs=-1)
def check(terminal: Terminal, *, parts: tuple[str, ...]) -> Report:
    """Check settings, servers, store, dead letters, generations and solver.

    Names of parts restrict it to those; the settings are always checked.
    """
    looks = chosen(parts)
    settings = load()
    values = shown(settings)
    for name, value in values.items():
        terminal.say(f"        {name} = {value}")
    found = findings(settings, looks)
    terminal.say(*map(str, found))
    worst = max(finding.exit_code for finding in found)
    data = {
        "ok": worst == 0,
        "checks": {each.name: {"ok": each.ok, "said": each.said} for each in found},
        "settings": values,
    }
    return Report(data, exit_code=worst)
