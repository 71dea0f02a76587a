"""Quantities and moments as people read them."""

from datetime import UTC, datetime


def size(count: float) -> str:
    """A number of bytes."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"


def moment(seconds: float) -> str:
    """A time, given in seconds since 1970, to the minute."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M} UTC"
