"""When two lists of published ports mean the same."""

from collections.abc import Mapping, Sequence
from typing import Any

Port = Mapping[str, Any]


def same_ports(old: Sequence[Port], new: Sequence[Port]) -> bool:
    """Whether each old port has a new one that is published alike, in whatever order."""
    return len(old) == len(new) and all(any(_same(port, other) for other in new) for port in old)


def _same(old: Port, new: Port) -> bool:
    return all((old.get(name) or 0) == (new.get(name) or 0) for name in ("internal", "external", "ip", "protocol"))
