"""Asks before a command takes something back, on a terminal; `--yes` answers for scripts."""

import sys

import click

from gigstream.errors import WrongUse
from gigstream.terminal import Terminal

yes_option = click.option("--yes", is_flag=True, help="Do not ask.")


def confirm(terminal: Terminal, deed: str, touched: str, *, yes: bool) -> None:
    """Show what a command would touch, and ask whether to continue.

    Args:
        terminal: where it is shown, on stderr.
        deed: what the command does, such as `erase artist 'a1'`.
        touched: what that touches.
        yes: do not ask.

    Raises:
        WrongUse: there is no terminal to ask on.
        click.Abort: the answer is no.
    """
    terminal.remark(f"{deed} touches {touched}")
    if yes:
        return
    if not sys.stdin.isatty():
        raise WrongUse(f"{deed}: not done, as there is no terminal to ask on; add --yes to do it")
    # On stderr, as what it touches: stdout is the result alone.
    click.confirm("Continue?", abort=True, err=True)
