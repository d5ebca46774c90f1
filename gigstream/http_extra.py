"""Whether the HTTP API's packages, the extra `serve`, are installed."""

from importlib.util import find_spec

from web.errors import ServeNotInstalled

PACKAGES = ("jinja2", "litestar", "uvicorn")


def installed() -> bool:
    """Whether `gigstream serve` can start."""
    return all(find_spec(name) for name in PACKAGES)


def check_installed() -> None:
    """Refuse to continue where the extra is missing.

    Raises:
        ServeNotInstalled: it is.
    """
    if not installed():
        raise ServeNotInstalled(
            "`gigstream serve` needs packages that are not installed; run `pip install "
            "'gigstream[serve]'`"
        )
