"""A file of a foreign format is read whole, or refused with one message.

A reader may raise anything on a damaged file: its own errors, those of what it calls, or one of a
fault in its code, such as SciPy's UnboundLocalError on some MATLAB files.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def reading(
    name: str | Path,
    kind: str,
    remedy: str = "Fetch it again.",
    refusal: type[ValueError] = ValueError,
) -> Iterator[None]:
    """Refuse the file, whatever its reader raises.

    The block holds the reader's call alone. Open the file before it: one that cannot be opened is
    not damaged. A MemoryError is damage too: it comes from a header that gives a huge size.

    Args:
        name: Of the file.
        kind: What it must be.
        remedy: What to do about it; a sentence.
        refusal: What is raised.

    Raises:
        ValueError: `refusal`, with the name, the kind, what was found and the remedy.
    """
    try:
        yield
    except Exception as error:
        found = str(error).rstrip(".") or type(error).__name__
        raise refusal(f"`{name}` must be {kind}. Found: {found}. {remedy}") from error
