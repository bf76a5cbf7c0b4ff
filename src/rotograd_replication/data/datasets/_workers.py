"""Work in other processes, or in threads where processes cannot be had."""

import logging
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor

log = logging.getLogger(__name__)


def start(count: int, work: str, threads: str) -> Executor:
    """Start `count` processes, or as many threads, with a warning, where there can be none.

    Processes share semaphores, which a container or an old kernel may lack: they are files of
    `/dev/shm`.

    Args:
        count: How many.
        work: What they do, for the warning; a noun.
        threads: What threads do worse; a sentence.
    """
    try:
        return ProcessPoolExecutor(count)
    except (OSError, ImportError, NotImplementedError) as error:
        log.warning("%s uses threads: no processes (%s). %s", work, error, threads)
        return ThreadPoolExecutor(count)
