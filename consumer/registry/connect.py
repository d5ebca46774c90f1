"""The schema registry of the settings, where one is set up and its client is installed."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from consumer.errors import RegistryNotInstalled
from consumer.settings import ConsumerSettings

if TYPE_CHECKING:
    from consumer.registry.client import SchemaRegistry


@contextmanager
def schema_registry(
    settings: ConsumerSettings, *, stopping: Callable[[], bool] = lambda: False
) -> "Iterator[SchemaRegistry | None]":
    """The schema registry of these settings; None where none is set up. No request is sent yet.

    Raises:
        RegistryNotInstalled: the extra `schema-registry` is missing.
        RegistryOptionRefused: its client does not take an option.
    """
    if not settings.schema_registry_url:
        yield None
        return
    try:
        from consumer.registry.client import SchemaRegistry  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise RegistryNotInstalled(error) from None
    found = SchemaRegistry.connect(
        settings.schema_registry_url,
        settings.schema_registry,
        patience_s=settings.connect_timeout_s,
        stopping=stopping,
    )
    with closing(found):
        yield found
