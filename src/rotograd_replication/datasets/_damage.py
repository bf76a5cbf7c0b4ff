"""What the standard library raises on a damaged archive: its readers share no one exception."""

import lzma
import struct
import tarfile
import zipfile
import zlib

# Truncated or altered data, wherever in a format it is noticed: lengths, dates, names in no
# alphabet, flags of an encryption or a compression that was never there.
_ANY = (EOFError, zlib.error, lzma.LZMAError, struct.error, OverflowError, UnicodeDecodeError)
ZIP = (*_ANY, zipfile.BadZipFile, NotImplementedError, RuntimeError)
TAR = (*_ANY, tarfile.TarError, ValueError, LookupError, OSError)
