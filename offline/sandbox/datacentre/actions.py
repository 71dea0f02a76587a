"""Actions: the API's asynchronous tasks. They start `running` and end in `success` or `error`; clients poll them.

While one runs, the resources it names are locked: another action on them is answered with 423 `locked`. Actions that
only change records or rules don't lock.
"""

import asyncio
import itertools
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from offline.sandbox.datacentre.errors import ApiError
from offline.sandbox.datacentre.model import now

log = logging.getLogger(__name__)

Reference = tuple[str, int]  # kind and id
Work = Callable[[], Awaitable[None]]

NOT_LOCKING = {"set_firewall_rules", "apply_firewall", "remove_firewall", "change_dns_ptr", "change_protection"}
SHORTEST_SECONDS = 0.1  # so that a client sees `running` first, as it does at Hetzner


@dataclass
class Action:
    id: int
    command: str
    resources: Sequence[Reference]
    status: str = "running"
    progress: int = 0
    started: str = field(default_factory=now)
    finished: str | None = None
    error: dict[str, str] | None = None
    over: asyncio.Event = field(default_factory=asyncio.Event)

    def json(self) -> dict[str, object]:
        return {
            "id": self.id,
            "command": self.command,
            "status": self.status,
            "progress": self.progress,
            "started": self.started,
            "finished": self.finished,
            "resources": [{"id": number, "type": kind} for kind, number in self.resources],
            "error": self.error,
        }


class Actions:
    """All actions of the project, running and past."""

    def __init__(self) -> None:
        self.all: dict[int, Action] = {}
        self._ids = itertools.count(500_000_001)
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, command: str, resources: Sequence[Reference], work: Work, after: Action | None = None) -> Action:
        """Begin an action; with `after` it waits for that one's success and fails along with it."""
        action = Action(next(self._ids), command, resources)
        self.all[action.id] = action
        task = asyncio.create_task(self._run(action, work, after))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return action

    async def _run(self, action: Action, work: Work, after: Action | None) -> None:
        try:
            if after is not None:
                await after.over.wait()
                if after.status == "error":
                    raise RuntimeError(f"{after.command} failed")
            await asyncio.sleep(SHORTEST_SECONDS)
            action.progress = 50
            await work()
        except Exception as error:  # whatever went wrong below, the client is to see a failed action
            log.exception("%s of %s failed", action.command, action.resources)
            action.status = "error"
            action.error = {"code": "action_failed", "message": str(error) or type(error).__name__}
        else:
            action.status = "success"
        action.progress = 100
        action.finished = now()
        action.over.set()

    def of(self, kind: str, number: int) -> list[Action]:
        """The actions that name a resource."""
        return [action for action in self.all.values() if (kind, number) in action.resources]

    def locked(self, kind: str, number: int) -> bool:
        return any(action.status == "running" and action.command not in NOT_LOCKING for action in self.of(kind, number))

    def require_unlocked(self, *references: Reference) -> None:
        for kind, number in references:
            if self.locked(kind, number):
                raise ApiError(423, "locked", f"{kind.replace('_', ' ')} is locked")

    async def settle(self) -> None:
        """Wait until no action runs."""
        while self._tasks:
            await asyncio.gather(*self._tasks)
