"""Texts of other parties: characters that control a terminal are shown escaped.

Letters that the encoding of a terminal lacks are shown as `?`.
"""

import io
import re
from typing import TextIO

# Besides control characters those that turn the direction of writing, by which a text could look
# like another one, and halves of surrogate pairs, which cannot be written.
_STEERING = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def plain(text: str, *, lines: bool = False) -> str:
    """Escape the control characters of a text, as Python does.

    Args:
        text: any text.
        lines: keep its line ends.
    """
    kept = "\n" if lines else ""
    return _STEERING.sub(
        lambda found: found[0] if found[0] == kept else found[0].encode("unicode_escape").decode(),
        text,
    )


def lenient(stream: TextIO) -> None:
    """Make a stream write `?` for letters that its encoding lacks; by default it raises."""
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="replace")
