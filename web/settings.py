"""Where the HTTP API listens, who may use it, and its bounds."""

from ipaddress import ip_address
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from operations.settings import OperationSettings

_SHORTEST_TOKEN = 16


class ServeSettings(BaseModel):
    """The HTTP API."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True, use_attribute_docstrings=True)

    serve_host: str = Field(default="127.0.0.1", min_length=1, max_length=253)
    """Address that ``gigstream serve`` listens on. Any other than this machine's own loopback needs
    ``serve_token``, and then all requests but for health and description must carry it."""

    serve_port: int = Field(default=8322, ge=0, le=65535)
    """Port of the HTTP API; 0: any free one, which the log names."""

    serve_token: SecretStr = SecretStr("")
    """Token that writers send as ``Authorization: Bearer TOKEN``, 16 characters or more. Empty: no
    events are taken."""

    serve_metrics_port: int = Field(default=0, ge=0, le=65_535)
    """Port of the HTTP API's metrics (docs/metrics.md), at ``metrics_host``; 0: none."""

    trainer_metrics_host: str = Field(default="", max_length=253)
    """Host of the trainer, at whose ``trainer_metrics_port`` the console reads how long events take
    to lists; empty: ``metrics_host``, which is where processes of one machine are."""

    serve_names: str = Field(default="", pattern=r"^[\w.,:\[\]-]*$")
    """Further host names by which clients may address the API, separated by commas: a request with
    another ``Host`` is refused, as a web page of others could send it. ``serve_host``,
    ``localhost`` and loopback addresses always may."""

    serve_rate: int = Field(default=200, ge=1, le=100_000)
    """Requests per second of one client address; more are answered with 429."""

    serve_max_body: int = Field(default=4 << 20, ge=1 << 10, le=64 << 20)
    """Bytes of a request's body at most; more is answered with 413."""

    serve_tls_certificate: str = Field(default="", max_length=4096)
    """File with the certificate (PEM) of ``serve_host``, its chain included; with
    ``serve_tls_key``, the API and the console are served by TLS alone. Empty: without TLS."""

    serve_tls_key: str = Field(default="", max_length=4096)
    """File with the private key (PEM) of this certificate, without a password."""

    @model_validator(mode="after")
    def _tls_is_whole(self) -> Self:
        if bool(self.serve_tls_certificate) != bool(self.serve_tls_key):
            raise ValueError(
                "serve_tls_certificate and serve_tls_key belong together; set both, or neither"
            )
        return self

    @model_validator(mode="after")
    def _token_is_one(self) -> Self:
        token = self.serve_token.get_secret_value()
        # A shorter one could be guessed at the rate that is allowed.
        if token and (len(token) < _SHORTEST_TOKEN or not token.isascii() or " " in token):
            raise ValueError(
                f"serve_token is too short or no token; use {_SHORTEST_TOKEN} or more ASCII "
                "characters without spaces"
            )
        if not token and not self.is_local:
            raise ValueError(
                f"serve_host {self.serve_host!r} is not loopback and there is no token; set "
                "serve_token, or listen on 127.0.0.1"
            )
        return self

    @property
    def is_local(self) -> bool:
        """Whether only processes of this machine can reach the API."""
        try:
            return ip_address(self.serve_host.strip("[]")).is_loopback
        except ValueError:
            # Any other name may lead to loopback today and elsewhere tomorrow.
            return self.serve_host == "localhost"

    @property
    def host_names(self) -> frozenset[str]:
        """Host names that a request may carry, without ports, in lower case."""
        named = (name.strip().lower() for name in self.serve_names.split(","))
        # Without ports: a proxy in front may listen on another one.
        own = (self.serve_host.lower(), "localhost", "127.0.0.1", "[::1]")
        return frozenset(filter(None, (*named, *own)))


class ApiSettings(OperationSettings, ServeSettings):
    """What the process of the HTTP API needs: all settings."""
