"""A process that is asked to end does so between two batches, with nothing lost.

SIGTERM (an ordinary end), SIGUSR1 (a scheduler's warning before it takes the node away) and SIGINT
(Ctrl-C) are noted, not obeyed at once; who trains asks `requested` after every batch. A second
Ctrl-C ends the process where it stands.
"""

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType

# What a job that was asked to end exits with: EX_TEMPFAIL of sysexits.h, "try again".
EXIT_CODE = 75
NOTED = (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT)


class Preempted(Exception):
    """The process was asked to end, and what it had done is saved."""


class Requests:
    """The requests to end since `noted` began.

    Attributes:
        requested: the name of the first signal, or None.
    """

    def __init__(self) -> None:
        self.requested: str | None = None

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.requested and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.requested = self.requested or signal.Signals(number).name


@contextlib.contextmanager
def noted() -> Iterator[Requests]:
    """Note the signals of `NOTED` inside the block; afterwards they do again what they did."""
    requests = Requests()
    before = {number: signal.signal(number, requests._note) for number in NOTED}
    try:
        yield requests
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
