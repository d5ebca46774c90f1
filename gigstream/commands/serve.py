"""`serve`: the HTTP API; SIGTERM stops it."""

from gigstream.terminal import Report, Terminal, command


@command("serve")
def serve(terminal: Terminal) -> Report:
    """Answer lists, filters, what-if questions and events over HTTP, until SIGTERM.

    The same address has pages for people, the console. Needs the extra `serve`, and the home of a
    trainer that publishes.
    """
    del terminal
    from consumer.logs import log_to_stderr
    from gigstream.http_extra import check_installed
    from gigstream.settings import load, origins

    settings = load()
    # Before the import that would fail: the error names the remedy.
    check_installed()
    from web.run import run

    log_to_stderr(settings)
    run(settings, origins(settings))
    return Report({})
