"""Use what makes a write safer where the file system has it, and do without it where it has not.

Shares of clusters, network disks and containers lack one call or another: `fsync` of a folder,
`flock`, a rename over a file. Without it the file is written all the same, and one warning says
what is then not promised.
"""

import contextlib
import errno
import logging
from collections.abc import Iterator
from pathlib import Path

log = logging.getLogger(__name__)
# "There is no such call here", in the words of various file systems. A disk that is full or broken
# (ENOSPC, EDQUOT, EIO) or a folder that may not be written to (EACCES, EROFS) says something else.
LACKING = {
    *(errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL, errno.ENOLCK, errno.EBADF),
    *(errno.EISDIR, errno.ENOTTY, errno.EXDEV, errno.EEXIST, errno.EPERM),
}


@contextlib.contextmanager
def where_possible(call: str, risk: str, path: Path, but: set[int] | None = None) -> Iterator[None]:
    """Continue after the block if the file system lacks the call; warn once of each call.

    Args:
        call: Name of the call.
        risk: What is not promised without it; a sentence.
        path: What the call is for.
        but: Further error numbers that say the same of this call.

    Raises:
        OSError: The call is there, and failed.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in LACKING | (but or set()):
            raise
        if call not in _warned:
            _warned.add(call)
            log.warning("`%s` has no %s (%s). %s", path.parent, call, error.strerror, risk)


_warned: set[str] = set()
