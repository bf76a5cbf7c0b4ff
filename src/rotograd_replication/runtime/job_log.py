"""A job's log: where the errors of a process go into a file, its progress bars do too, as lines."""

import io
import os
import stat
import sys


class Lines(io.TextIOWrapper):
    """A file in which each state of a progress bar is a line of its own."""

    def isatty(self) -> bool:
        """Have `tqdm` draw its bars (`disable=None` leaves them out where this is not so)."""
        return True

    def write(self, text: str) -> int:
        """Write text; what a bar draws over itself in a terminal is written below it."""
        if not text.startswith("\r"):
            return super().write(text)
        state = text.strip()
        return super().write(f"{state}\n") if state else 0


def open_log() -> None:
    """Write bars as lines from now on, if standard error is a file (`2> {log}` of a rule)."""
    if stat.S_ISREG(os.fstat(2).st_mode):
        sys.stderr = Lines(
            sys.stderr.buffer, encoding="utf-8", errors="backslashreplace", line_buffering=True
        )
