"""The page Now follows by itself, and lets the process end."""

import urllib.request

from support.processes.running import stop, until
from support.processes.serving import served


def events(reply, count):
    """The data of the next events."""
    found, text = [], []
    while len(found) < count:
        line = reply.readline().decode()
        assert line, "the stream ended"
        if line.startswith("data: "):
            text.append(line.removeprefix("data: ").rstrip("\r\n"))
        elif not line.strip() and text:
            found.append("\n".join(text))
            text = []
    return found


def test_each_sample_is_sent_and_a_stop_ends_the_stream(installed):
    api = served(installed)
    until(api.ready, 90)
    with urllib.request.urlopen(f"{api.base}/now/stream", timeout=60) as reply:  # noqa: S310 - ours
        first, second = events(reply, 2)

        assert reply.headers["content-type"].startswith("text/event-stream")
        assert 'class="sentence"' in first
        assert first != second
        assert stop(api.process) == 0
        rest = reply.read()

    assert b"error" not in rest.lower()
    newest = max(installed.commands.home.glob("serve-*.log"), key=lambda p: p.stat().st_mtime_ns)
    assert "timeout graceful shutdown exceeded" not in newest.read_text()


def test_now_tells_what_apps_see(api, installed):
    until(lambda: b"generation" in api.ask("/").body.lower(), 60)
    stored = f"{installed.status()['events']:,} stored"
    page = until(lambda: stored in (now := api.ask("/").body.decode()) and now)

    assert "Lag, events" in page
    assert "published" in page
