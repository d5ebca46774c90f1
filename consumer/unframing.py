"""Whether and how values framed for a schema registry are read, as the settings say."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from consumer.errors import RegistryNotInstalled
from consumer.settings import ConsumerSettings

if TYPE_CHECKING:
    from consumer.schema_registry import SchemaRegistry


@contextmanager
def schema_registry(
    settings: ConsumerSettings, *, stopping: Callable[[], bool] = lambda: False
) -> "Iterator[SchemaRegistry | None]":
    """The schema registry of these settings; None where none is set up. Nothing is asked yet.

    Raises:
        RegistryNotInstalled: the extra `schema-registry` is missing.
        RegistryOptionRefused: its client does not take an option.
    """
    if not settings.schema_registry_url:
        yield None
        return
    try:
        from consumer.schema_registry import SchemaRegistry  # noqa: PLC0415 - nobody else needs the extra
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
