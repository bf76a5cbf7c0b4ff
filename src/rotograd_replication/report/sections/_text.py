"""Numbers as a reader wants them: few digits, a real minus sign, units that fit."""

import math

MINUS = "\N{MINUS SIGN}"
NONE = "\N{EN DASH}"


def number(value: float | None) -> str:
    """Write three significant digits or two decimals, whichever says more; a dash for None."""
    if value is None or not math.isfinite(value):
        return NONE
    size = abs(value)
    digits = 0 if size >= 1000 else 1 if size >= 100 else 2 if size >= 1 or size == 0 else 3
    text = f"{value:,.{digits}f}" if size == 0 or size >= 0.0095 else f"{value:.2g}"
    return text.replace("-", MINUS)


def fixed(value: float | None, digits: int) -> str:
    """Write a number with as many decimals as its column has."""
    if value is None or not math.isfinite(value):
        return NONE
    return f"{value:,.{digits}f}".replace("-", MINUS)


def decimals(largest: float) -> int:
    """Choose how many decimals a column with this largest number needs: two to four."""
    return max(2, min(4, 2 - math.floor(math.log10(largest)))) if largest else 2


def duration(seconds: float | None) -> str:
    """Write seconds, minutes or hours."""
    if seconds is None or not math.isfinite(seconds):
        return NONE
    if seconds < 90:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
    minutes = seconds / 60
    return f"{minutes:.0f} min" if minutes < 90 else f"{minutes / 60:,.1f} h"


def memory(megabytes: float | None) -> str:
    """Write megabytes or gigabytes."""
    if megabytes is None or not math.isfinite(megabytes):
        return NONE
    return f"{megabytes:.0f} MB" if megabytes < 1000 else f"{megabytes / 1024:.1f} GB"
