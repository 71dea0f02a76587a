"""A /proc/meminfo with a server's memory in place of the host's, whose kernel all servers share."""

BYTES_PER_GB = 1024**3
# Shares of the memory in an idle server; nobody needs them true to the page.
FREE_SHARE = 0.80
AVAILABLE_SHARE = 0.90
CACHED_SHARE = 0.10


def meminfo(memory_gb: float) -> str:
    total = int(memory_gb * BYTES_PER_GB / 1024)
    lines = {
        "MemTotal": total,
        "MemFree": int(total * FREE_SHARE),
        "MemAvailable": int(total * AVAILABLE_SHARE),
        "Buffers": 0,
        "Cached": int(total * CACHED_SHARE),
        "SwapCached": 0,
        "SwapTotal": 0,
        "SwapFree": 0,
        "Shmem": 0,
        "SReclaimable": 0,
    }
    return "".join(f"{name + ':':<16}{value:>8} kB\n" for name, value in lines.items())
