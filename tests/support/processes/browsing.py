"""A visitor of the console: one page of a real browser, with a note of what is amiss."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, Response, sync_playwright

WAIT_MS = 120_000
GRAVE = {"serious", "critical"}
PHONE = {"width": 375, "height": 740}
DESK = {"width": 1280, "height": 860}


@contextmanager
def chromium() -> Iterator[Browser]:
    """The Chromium of this machine, without a window."""
    names = ("chromium", "chromium-browser", "google-chrome")
    path = next(filter(None, map(shutil.which, names)))
    with sync_playwright() as playwright:
        # As root, Chromium has no sandbox.
        made = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield made
        made.close()


class Visitor:
    """Opens pages.

    Args:
        browser: a real one.
        base: address of the console.
        options: of the context, for Playwright.
    """

    def __init__(self, browser: Browser, base: str, **options: Any) -> None:
        self.base = base
        self.amiss: list[str] = []
        """Errors of the page, and requests that left this machine."""
        self.bytes = 0
        """Of bodies, since the page was opened."""
        self._context = browser.new_context(**{"viewport": DESK, **options})
        # A busy machine takes its time.
        self._context.set_default_timeout(WAIT_MS)
        self.page: Page = self._context.new_page()
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda error: self.amiss.append(str(error)))
        self.page.on("dialog", self._opened)
        self.page.on("request", self._asked)
        self.page.on("response", self._answered)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._context.close()

    def open(self, path: str) -> Response:
        """Open a page."""
        self.bytes = 0
        reply = self.page.goto(f"{self.base}{path}")
        assert reply is not None
        return reply

    def log_in(self, token: str, who: str) -> None:
        """Log in by the form."""
        self.open("/login")
        self.page.get_by_label("Token").fill(token)
        self.page.get_by_label("Your name").fill(who)
        self.page.get_by_role("main").get_by_role("button", name="Log in").click()

    def findings(self) -> list[str]:
        """What axe-core finds in the page that keeps people out."""
        found = Axe().run(self.page).response["violations"]
        return [
            f"{each['id']}: {node['html'][:200]}"
            for each in found
            if each["impact"] in GRAVE
            for node in each["nodes"]
        ]

    def is_wider_than_the_screen(self) -> bool:
        """Whether it scrolls sideways."""
        script = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
        return bool(self.page.evaluate(script))

    def first_paint_ms(self) -> float:
        """When something was first to be seen, since the page was asked for."""
        script = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? -1"
        return float(self.page.evaluate(script))

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.amiss.append(message.text)

    def _opened(self, dialog: Any) -> None:
        self.amiss.append(f"a script ran: {dialog.message}")
        dialog.dismiss()

    def _asked(self, request: Request) -> None:
        host = urlsplit(request.url).netloc
        if host != urlsplit(self.base).netloc and not request.url.startswith(("data:", "blob:")):
            self.amiss.append(f"asked {request.url}")

    def _answered(self, response: Response) -> None:
        self.bytes += int(response.headers.get("content-length", 0))
