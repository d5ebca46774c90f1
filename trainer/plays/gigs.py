"""Which code settles: compiled (`native/settle/settle.cpp`), or in plain Python (`plain.py`).

Both number and settle alike, to the row; the compiled code is many times faster and takes a
fraction of the memory. `_settle.pyi` documents both.
"""

import importlib
from types import ModuleType

from trainer.recipe import built


def implementation() -> ModuleType:
    """The compiled code, or the same in Python where it was not built."""
    return importlib.import_module(f"trainer.plays.{'_settle' if built() else 'plain'}")
