"""Labels: checked as Hetzner's own clients do."""

from collections.abc import Iterator

from hcloud.helpers.labels import LabelValidator
from offline.toolchain.plugins.common.resource import Values


def check_labels(inputs: Values) -> Iterator[tuple[str, str]]:
    """The first label with a key or value that the API would refuse."""
    known = {k: v for k, v in (inputs.get("labels") or {}).items() if isinstance(v, str)}
    valid, problem = LabelValidator.validate_verbose(known)
    if not valid:
        yield "labels", problem
