"""Durations as Go writes them, which Docker's API counts in nanoseconds."""

UNITS = {"ns": 1, "µs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}


def duration(count: int) -> str:
    """Nanoseconds as Go's `Duration.String` writes them, for example `1m30s`, `500ms` or `0s`."""
    if 0 < count < UNITS["s"]:
        unit = next(unit for unit in ("ms", "µs", "ns") if count >= UNITS[unit])
        return f"{_number(count / UNITS[unit])}{unit}"
    minutes, seconds = divmod(count, UNITS["m"])
    hours, minutes = divmod(minutes, 60)
    text = f"{_number(seconds / UNITS['s'])}s"
    if hours or minutes:
        text = f"{minutes}m{text}"
    return f"{hours}h{text}" if hours else text


def _number(value: float) -> str:
    return f"{value:.9f}".rstrip("0").rstrip(".")
