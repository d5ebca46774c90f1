"""The statuses in a file, by the contract's words and by those that the user explains."""

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from consumer.events.statuses import STATUSES, key, meaning

_DEFAULT = "confirmed"


def own_words(pairs: Mapping[str, str]) -> dict[str, str]:
    """What words mean, by their keys.

    Raises:
        ValueError: A meaning is no status.
    """
    for word, status in pairs.items():
        if status not in STATUSES:
            raise ValueError(f"{word!r} cannot mean {status!r}; name one of {', '.join(STATUSES)}")
    return {key(word): status for word, status in pairs.items()}


def read(texts: pa.Array, own: Mapping[str, str]) -> tuple[pa.Array, dict[str | None, str]]:
    """Statuses (string, null where a word is unknown), and what to do about each such word.

    Args:
        texts: Words; an empty one means confirmed.
        own: Words of the file's source by their keys, see `consumer.events.statuses`.
    """
    found = {
        text: meaning(text, own) if text and text.strip() else _DEFAULT
        for text in pc.unique(texts).to_pylist()
    }
    unknown = {text: _remedy(str(text)) for text, status in found.items() if status is None}
    return pa.array([found[text] for text in texts.to_pylist()], pa.string()), unknown


def _remedy(word: str) -> str:
    means = repr(f"{word}=cancelled")
    return (
        f"is no known status; say what it means with --status-means {means} (or {_OTHERS}), "
        "or ignore the column: --status ''"
    )


_OTHERS = ", ".join(status for status in STATUSES if status != "cancelled")
