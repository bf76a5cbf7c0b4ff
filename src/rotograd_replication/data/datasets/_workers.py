"""Work in other processes, or in threads where processes cannot be had."""

import ctypes
import logging
import signal
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor

log = logging.getLogger(__name__)
PR_SET_PDEATHSIG = 1


def start(count: int, work: str, threads: str) -> Executor:
    """Start `count` processes, or as many threads, with a warning, where there can be none.

    Processes share semaphores, which a container or an old kernel may lack: they are files of
    `/dev/shm`.

    Processes end when this one does, even if it is killed.

    Args:
        count: How many.
        work: What they do, for the warning; a noun.
        threads: What threads do worse; a sentence.
    """
    try:
        return ProcessPoolExecutor(count, initializer=_end_with_parent)
    except (OSError, ImportError, NotImplementedError) as error:
        log.warning("%s uses threads: no processes (%s). %s", work, error, threads)
        return ThreadPoolExecutor(count)


def _end_with_parent() -> None:
    """Ask Linux to kill this process when its parent is gone. Source: prctl(2)."""
    if prctl := getattr(ctypes.CDLL(None), "prctl", None):
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
