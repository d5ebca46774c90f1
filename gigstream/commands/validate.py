"""`validate`: judge records of the event contract without a broker."""

from pathlib import Path

import click

from consumer.imports.contract_lines import ContractLines
from consumer.imports.findings import Findings
from gigstream.commands.standard_input import with_standard_input
from gigstream.settings import load
from gigstream.terminal import Report, Terminal, command


@command("validate")
@click.argument("file", metavar="FILE|-", type=click.Path(path_type=Path))
@click.option(
    "--problems",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="List all invalid records in this CSV file.",
)
def validate(terminal: Terminal, file: Path, problems: Path | None) -> Report:
    """Judge records of the event contract (JSON Lines) without a broker."""
    statuses = load().statuses
    with with_standard_input([file]) as (path,), Findings(problems) as findings:
        lines = ContractLines(path, statuses=statuses)
        valid = sum(1 for _ in lines.read("default", findings))
    bad = findings.counts["bad"]
    for _, problem in findings.first:
        terminal.say(f"row {problem.row}: {problem.text}")
    more = bad - len(findings.first)
    if more:
        listed = f"listed in {problems}" if problems else "list all with --problems FILE"
        terminal.say(f"and {more:,} more; {listed}")
    terminal.say(f"{valid:,} valid, {bad:,} invalid")
    shown = [{"row": problem.row, "problem": problem.text} for _, problem in findings.first]
    return Report({"valid": valid, "invalid": bad, "problems": shown}, exit_code=2 if bad else 0)
