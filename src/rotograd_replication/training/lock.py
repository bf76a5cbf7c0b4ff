"""One process trains a run: a job whose workflow was killed may still be training it."""

import contextlib
import errno
import fcntl
import os
from collections.abc import Iterator

from ..files.safety import where_possible
from .checkpoint import Saving


@contextlib.contextmanager
def exclusive(saving: Saving | None) -> Iterator[None]:
    """Hold a run for this process inside the block; the hold ends with the process at the latest.

    Raises:
        BlockingIOError: Another process holds the run.
    """
    if saving is None:
        yield
        return
    saving.folder.mkdir(parents=True, exist_ok=True)
    with open(saving.folder / "lock", "a+") as file:
        risk = "Two processes can train one run: start one workflow at a time."
        try:
            with where_possible("flock", risk, saving.folder / "lock"):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise BlockingIOError(
                errno.EWOULDBLOCK,
                f"A run must be trained by one process. `{saving.folder}` is held by another "
                f"({file.read().strip() or 'unknown'}): wait for it, or end it",
            ) from None
        file.truncate(0)
        file.write(f"process {os.getpid()} on {os.uname().nodename}")
        file.flush()
        yield
