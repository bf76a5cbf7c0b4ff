"""A process that is asked to end does so between two batches, and nothing is lost.

SIGTERM (an ordinary end), SIGUSR1 (a scheduler's warning before it takes the node away) and SIGINT
(Ctrl-C) do not end the process at once. They are noted, and training looks at `requested` after
every batch. A second Ctrl-C ends the process at once.
"""

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType

# The exit code of a job that was asked to end: EX_TEMPFAIL of sysexits.h, "try again".
EXIT_CODE = 75
CAUGHT = (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT)


class Preempted(Exception):
    """The process was asked to end, and its state is saved."""


class StopRequests:
    """The requests to end since `catch_signals` began.

    Attributes:
        requested: The name of the first signal, or None.
    """

    def __init__(self) -> None:
        self.requested: str | None = None

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.requested and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.requested = self.requested or signal.Signals(number).name


@contextlib.contextmanager
def catch_signals() -> Iterator[StopRequests]:
    """Note the signals of `CAUGHT` inside the block; restore their handlers afterwards."""
    requests = StopRequests()
    before = {number: signal.signal(number, requests._note) for number in CAUGHT}
    try:
        yield requests
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
