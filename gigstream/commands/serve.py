"""`serve`: the HTTP API; SIGTERM stops it."""

from importlib.util import find_spec

from gigstream.terminal import Report, Terminal, command, log_to_stderr

PACKAGES = ("litestar", "uvicorn")
"""What the extra `serve` installs."""


@command("serve")
def serve(terminal: Terminal) -> Report:
    """Answer lists, filters, what-if questions and events over HTTP, until SIGTERM.

    Needs the extra `serve`, and the home of a trainer that publishes.
    """
    del terminal
    from gigstream.settings import load

    settings = load()
    check_installed()
    from web.run import run

    log_to_stderr()
    run(settings)
    return Report({})


def installed() -> bool:
    """Whether the extra `serve` is installed."""
    return all(find_spec(name) for name in PACKAGES)


def check_installed() -> None:
    """Raise where the extra is missing.

    Raises:
        ServeNotInstalled: it is.
    """
    from web.errors import ServeNotInstalled

    if not installed():
        raise ServeNotInstalled(
            "`gigstream serve` needs packages that are not installed; run `pip install "
            "gigstream[serve]`"
        )
