"""The scripts of remote/: copied to the server once, then run by remote commands with their input as JSON."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pulumi
from pulumi_command import remote

from components.options import child

SOURCE = Path(__file__).parent.parent / "remote"
FOLDER = "/opt/poste-mail"
"""Where the scripts live on the server; made by the first of them, which comes by standard input."""
FIRST = "ready.py"


class RemoteScripts:
    """The scripts on one server, and how they are run.

    Copies and runs are repeated on a new server, which starts from nothing: `server_id` is among their triggers.
    """

    def __init__(
        self,
        parent: pulumi.Resource,
        connection: remote.ConnectionArgs,
        server_id: pulumi.Output[str],
        ready: pulumi.Resource,
    ) -> None:
        self._connection = connection
        self._server_id = server_id
        self._copies: list[pulumi.Resource] = [
            remote.CopyToRemote(
                f"remote-{script.name}",
                connection=connection,
                source=pulumi.FileAsset(str(script.relative_to(SOURCE.parent))),
                remote_path=f"{FOLDER}/{script.name}",
                triggers=[server_id],
                opts=child(parent, depends_on=[ready]),
            )
            for script in sorted(SOURCE.glob("*.py"))
            if script.name != FIRST
        ]

    def run(
        self,
        name: str,
        script: str,
        stdin: pulumi.Input[str],
        parent: pulumi.Resource,
        *,
        triggers: Sequence[Any] = (),
        depends_on: Sequence[pulumi.Resource] = (),
        deadline: str = "5m",
    ) -> remote.Command:
        """Run a script now, and again when its input or a trigger changes. `deadline` is a Go duration such as 5m."""
        line = f"python3 {FOLDER}/{script}"
        return remote.Command(
            name,
            connection=self._connection,
            create=line,
            # An update must print what a create prints: its output is read by other resources.
            update=line,
            stdin=stdin,
            # sshd takes no variables from a client, and each run would warn of it.
            add_previous_output_in_env=False,
            triggers=[self._server_id, *triggers],
            opts=child(
                parent,
                depends_on=[*self._copies, *depends_on],
                custom_timeouts=pulumi.CustomTimeouts(create=deadline, update=deadline),
            ),
        )


def secret_json(**values: Any) -> pulumi.Output[str]:
    """A script's input with secrets in it. Values may be outputs."""
    return pulumi.Output.secret(pulumi.Output.json_dumps(values))


def answer(command: remote.Command) -> pulumi.Output[dict[str, Any]]:
    """What a script printed: one JSON object."""
    return command.stdout.apply(json.loads)
