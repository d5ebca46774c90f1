"""Who has logged in: held in memory, so that a restart logs everybody out."""

import hashlib
import secrets
from dataclasses import dataclass
from threading import Lock

LASTS_S = 12 * 3600
"""Of a session."""
MOST = 1000
"""Sessions at one time: the oldest one ends when there are more."""


@dataclass(frozen=True)
class Session:
    """One login.

    Attributes:
        who: the name that the operator gave, for the audit.
        csrf: what each of its forms must carry.
        until_s: when it ends, by a monotonic clock.
    """

    who: str
    csrf: str
    until_s: float


class Sessions:
    """Sessions by the hash of their key: the key itself is in the browser alone."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._held: dict[str, Session] = {}

    def begin(self, who: str, now_s: float) -> str:
        """Begin a session. Returns its key.

        Args:
            who: the operator.
            now_s: the time, of a monotonic clock.
        """
        key = secrets.token_urlsafe(32)
        with self._lock:
            # Bounded, as each login takes memory.
            if len(self._held) >= MOST:
                del self._held[next(iter(self._held))]
            self._held[_hashed(key)] = Session(who, secrets.token_urlsafe(24), now_s + LASTS_S)
        return key

    def find(self, key: str, now_s: float) -> Session | None:
        """The session of a key; None where there is none, or it is over.

        Args:
            key: as `begin` gave it.
            now_s: the time, of a monotonic clock.
        """
        # Without the lock: one look at a dict is whole.
        session = self._held.get(_hashed(key))
        return session if session and now_s < session.until_s else None

    def end(self, key: str) -> None:
        """End a session, if there is one."""
        with self._lock:
            self._held.pop(_hashed(key), None)


def _hashed(key: str) -> str:
    # A look-up by the hash takes a time that tells nothing of the key.
    return hashlib.sha256(key.encode()).hexdigest()
