"""What the HTTP API fails at.

WebError                1  failed while working
├── ServeNotInstalled   2  the extra for it is missing
├── AddressRefused      2  the address is not this machine's, or is taken
├── CertificateRefused  2  the certificate or its key cannot be used
├── NotReady            3  the live model is not loaded yet, or nothing is published
├── UnknownId           2  no artist or venue has this id
├── BadQuery            2  a field of a request cannot be
├── NotConfirmed        3  Kafka did not confirm the events in time
├── Unscraped           3  the metrics of another process cannot be read
└── TooMany             3  too many ask for the same costly thing already
"""


class WebError(Exception):
    """Base of this package's errors: `str` is one line with cause and remedy."""

    exit_code: int = 1


class ServeNotInstalled(WebError):
    """Litestar or uvicorn is not installed."""

    exit_code = 2


class AddressRefused(WebError):
    """The socket cannot be bound."""

    exit_code = 2


class CertificateRefused(WebError):
    """TLS cannot be served."""

    exit_code = 2


class NotReady(WebError):
    """There is no live model to rank with."""

    exit_code = 3


class UnknownId(WebError):
    """No artist or venue has this id.

    Args:
        side: of the id.
        identity: the id.
        field: where the request names it.
    """

    exit_code = 2

    def __init__(self, side: str, identity: str, field: str = "id") -> None:
        self.field = field
        self.problem = f"no {side} has the id {identity!r}"
        self.remedy = f"find one with /v1/search?side={side}&q=NAME"
        super().__init__(f"{self.problem}; {self.remedy}")


class BadQuery(WebError):
    """A field of a request cannot be.

    Attributes:
        field: its name; dotted, with indices, inside a body.
        problem: what is wrong with it.
        remedy: what to send instead.
    """

    exit_code = 2

    def __init__(self, field: str, problem: str, remedy: str) -> None:
        super().__init__(f"{field}: {problem}; {remedy}")
        self.field, self.problem, self.remedy = field, problem, remedy


class NotConfirmed(WebError):
    """Kafka did not confirm the events in time; they may be there, and may be sent again."""

    exit_code = 3


class TooMany(WebError):
    """Too many watch the stream, or wait for lists of earlier generations, already."""

    exit_code = 3


class Unscraped(WebError):
    """The metrics of another process cannot be read."""

    exit_code = 3
