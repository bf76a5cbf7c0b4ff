"""A file of a foreign format is read whole, or refused with one message.

On a damaged file its reader may raise anything: its own errors, those of what it calls, or that of
a fault of its own, such as the UnboundLocalError of SciPy on some MATLAB files.
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

    In the block stands the reader's call alone: a file is opened before it, so that one that cannot
    be is no damaged one. A MemoryError is damage too: it comes of a header that gives a huge size.

    Args:
        name: of the file.
        kind: what it must be.
        remedy: what to do about it; a sentence.
        refusal: what is raised.

    Raises:
        ValueError: `refusal`, with the name, the kind, what was found and the remedy.
    """
    try:
        yield
    except Exception as error:
        found = str(error).rstrip(".") or type(error).__name__
        raise refusal(f"`{name}` must be {kind}. Found: {found}. {remedy}".strip()) from error
