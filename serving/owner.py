"""Which process publishes under a prefix, as an operator looks for it."""

import os
import socket
import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Owner:
    """The process that holds the right to publish.

    Attributes:
        host: its machine or container.
        pid: its number there.
        since: when it began to publish, epoch seconds.
    """

    host: str
    pid: int
    since: int

    @classmethod
    def here(cls) -> "Owner":
        """This process, from now on."""
        return cls(socket.gethostname(), os.getpid(), int(time.time()))

    def __str__(self) -> str:
        since = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(self.since))
        return f"process {self.pid} on {self.host}, since {since}"
