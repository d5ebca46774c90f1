"""Delta's handle of the store, opened the one way that everybody here opens it."""

from pathlib import Path

from deltalake import DeltaTable, PostCommitHookProperties
from deltalake.exceptions import DeltaError

from consumer.errors import StoreDamaged

NO_HOOKS = PostCommitHookProperties(create_checkpoint=False, cleanup_expired_logs=False)
"""After a commit nothing but the commit: checkpoints and clean-up are upkeep's."""


def open_handle(path: Path) -> DeltaTable:
    """The table as it is now.

    Raises:
        StoreDamaged: it cannot be read.
    """
    try:
        return DeltaTable(path)
    except DeltaError as error:
        raise StoreDamaged(path, str(error).partition("\n")[0]) from None
