"""Holds a deploy to what was approved: a digest stands for a preview, with every change that it showed."""

import hashlib
import json
import os
from dataclasses import asdict

from operate.workflow.summary.changes import Preview


def digest(found: Preview, stack: str) -> str:
    """The same for two previews of one commit that show the same changes, and for no others.

    Secrets are not part of it, as they are not part of a preview; they can only change with the commit.
    """
    changes = sorted(found.changes, key=lambda change: (change.type, change.name))
    shown = {
        "stack": stack,
        "commit": os.environ.get("GITHUB_SHA", ""),
        "changes": [asdict(change) | {"verb": change.verb.value} for change in changes],
    }
    return hashlib.sha256(json.dumps(shown, sort_keys=True).encode()).hexdigest()
