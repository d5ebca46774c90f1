"""Where the lists go, and how long they are."""

import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    Secret,
    field_validator,
    model_validator,
)

_SCHEMES = ("redis", "rediss", "unix")
_PREFIX = re.compile(r"[\w.:/-]*(\{[\w.:/-]+\})?[\w.:/-]*", re.ASCII)
_MASK = "***"


class RedisUrl(Secret[str]):
    """A Redis URL that shows no password and no option; `get_secret_value()` has it all."""

    def _display(self) -> str:
        return masked(self.get_secret_value())


Options = Annotated[
    dict[str, str], PlainSerializer(lambda options: dict.fromkeys(options, _MASK), when_used="json")
]


class ServingSettings(BaseModel):
    """Settings of the publisher and of the lists' readers."""

    # A validation error would else repeat the URL, password and all.
    model_config = ConfigDict(frozen=True, hide_input_in_errors=True, use_attribute_docstrings=True)

    redis_url: RedisUrl = RedisUrl("redis://localhost:6379/0")
    """The server: ``redis://[[user]:password@]host:port/db``, ``rediss://`` for TLS, or
    ``unix://path``. The password is masked wherever it is printed; percent-encode it."""

    redis_prefix: str = Field(default="gig", max_length=64)
    """First part of every key: letters, digits and ``._:/-``. One prefix is one publisher, so
    give each tenant its own. In Redis Cluster it must hold a hash tag, as in ``{gig}``."""

    redis: Options = Field(default={}, repr=False)
    """Any other option of redis-py's connection, by its own name and as text, such as
    ``ssl_ca_certs`` or ``socket_timeout`` (seconds). What ``redis_url`` says goes first."""

    list_size: int = Field(default=50, ge=1, le=200)
    """Entries per list, 1 to 200: memory in Redis grows with it (50 take about 1 kB)."""

    @field_validator("redis_url")
    @classmethod
    def _is_a_redis_url(cls, url: RedisUrl) -> RedisUrl:
        problem = _problem(url.get_secret_value())
        if problem:  # and no word of what it is: it may hold a password
            raise ValueError(f"it {problem}")
        return url

    @field_validator("redis_prefix")
    @classmethod
    def _names_keys(cls, prefix: str) -> str:
        if not prefix or not _PREFIX.fullmatch(prefix):
            raise ValueError(
                f"{prefix!r} cannot begin a key; use letters, digits and ._:/- with at most one "
                "{hash tag}"
            )
        return prefix

    @model_validator(mode="after")
    def _options_exist(self) -> "ServingSettings":
        url = self.redis_url.get_secret_value()
        if self.redis or "?" in url:
            from serving.options import check  # noqa: PLC0415 - redis-py takes .1 s to import

            check(url, self.redis)
        return self


def masked(url: str) -> str:
    """A URL without its password and without the values of its query, which may hold one too."""
    if _problem(url):
        return _MASK
    head, asked, query = url.partition("?")
    scheme, slashes, rest = head.partition("//")
    login, at, place = rest.rpartition("@")
    user, colon, _ = login.partition(":")
    names = "&".join(f"{each.partition('=')[0]}={_MASK}" for each in query.split("&"))
    return f"{scheme}{slashes}{user}{colon and colon + _MASK}{at}{place}{asked and asked + names}"


def _problem(url: str) -> str | None:
    """Why this is no Redis URL, and the remedy; None where it is one."""
    rest = url.partition("//")[2]
    address = re.split(r"[/?#]", rest, maxsplit=1)[0]
    if "@" in rest[len(address) :]:  # what stands before it was meant as a login
        return "holds one of / ? # @ in its login; write it as %2F, %3F, %23 or %40"
    try:
        parts = urlsplit(url)
        usable = parts.scheme in _SCHEMES and (parts.hostname or parts.path)
        _ = (parts.port, (parts.hostname or "").encode("idna"))
    except ValueError:
        usable = False
    if usable:
        return None
    return "is not a Redis URL; use redis://, rediss:// or unix://, as in redis://localhost:6379/0"
