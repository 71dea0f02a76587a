"""The scripts of remote/: copied to the server, then run by remote commands with their input as JSON."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pulumi
from pulumi_command import remote

from components.options import child

SOURCE = Path(__file__).parent.parent / "remote"
FOLDER = "/opt/poste-mail"
"""Where the scripts live on the server; made by the first of them, which comes by standard input."""
FIRST = "ready.py"
COPY = "5m"
"""Within which a script is copied, the server's restart included."""


@dataclass(frozen=True)
class Undoing:
    """How what a script did is undone when it is no longer wanted, or before something is taken away it was done to."""

    argument: str
    """With which the script undoes it."""
    goes_with: pulumi.Resource
    """The server: with it goes all that was done on it, and nothing needs to be undone."""
    before_losing: pulumi.Input[str] | None = None
    """The identifier of that thing: when it changes, the command is replaced, undone first."""


class RemoteScripts:
    """The scripts on one server, and how they are run.

    A script runs again when its input, its own text, or one of the things that it is told to look at changes. All of
    that stands in the command itself, so that the resource is *updated*: triggers would replace it, and with it what
    takes its output, such as a DNS record.
    """

    def __init__(
        self,
        parent: pulumi.Resource,
        connection: remote.ConnectionArgs,
        server_id: pulumi.Output[str],
        ready: pulumi.Resource,
        rerun: int,
    ) -> None:
        self._connection = connection
        self._rerun = rerun
        self._copies: list[pulumi.Resource] = [
            remote.CopyToRemote(
                f"remote-{script.name}",
                connection=connection,
                source=pulumi.FileAsset(str(script.relative_to(SOURCE.parent))),
                remote_path=f"{FOLDER}/{script.name}",
                # A new server starts from nothing. Nothing takes its input from a copy: nothing is replaced with it.
                triggers=[server_id],
                opts=child(parent, depends_on=[ready], custom_timeouts=within(COPY)),
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
        argument: str = "",
        again_with: Mapping[str, pulumi.Input[str]] | None = None,
        undone_with: Undoing | None = None,
        depends_on: Sequence[pulumi.Resource] = (),
        deadline: str = "5m",
    ) -> remote.Command:
        """Run a script now, and again when its input, its text or one of `again_with` changes.

        `argument` is the word behind the script's name, if it needs one. `again_with` names what the script looks at
        on the server that its input does not tell, such as the container's id. `deadline` is a Go duration such as 5m.
        """
        program = f"python3 {FOLDER}/{script}"
        line = command_line(f"{program} {argument}".rstrip(), fingerprint(script), self._rerun, again_with or {})
        options = child(
            parent,
            depends_on=[*self._copies, *depends_on],
            custom_timeouts=within(deadline),
        )
        if undone_with:
            undoing = pulumi.ResourceOptions(delete_before_replace=True, deleted_with=undone_with.goes_with)
            options = pulumi.ResourceOptions.merge(options, undoing)
        return remote.Command(
            name,
            connection=self._connection,
            create=line,
            # An update must print what a create prints: its output is read by other resources.
            update=line,
            delete=f"{program} {undone_with.argument}" if undone_with else None,
            triggers=[undone_with.before_losing] if undone_with and undone_with.before_losing is not None else None,
            stdin=stdin,
            # sshd takes no variables from a client, and each run would warn of it.
            add_previous_output_in_env=False,
            opts=options,
        )


def within(deadline: str) -> pulumi.CustomTimeouts:
    """The deadline for each way in which a remote command runs."""
    return pulumi.CustomTimeouts(create=deadline, update=deadline, delete=deadline)


def fingerprint(script: str) -> str:
    """Twelve hexadecimal digits that change with a script's text and that of all modules beside it that it needs."""
    texts: dict[str, str] = {}
    waiting = [script]
    while waiting:
        name = waiting.pop()
        file = SOURCE / name
        if name not in texts and file.exists():
            texts[name] = file.read_text()
            waiting += [f"{module}.py" for module in re.findall(r"^(?:from|import) (\w+)", texts[name], re.MULTILINE)]
    return hashlib.sha256("\0".join(text for _, text in sorted(texts.items())).encode()).hexdigest()[:12]


def command_line(
    command: str, script: str, rerun: int, again_with: Mapping[str, pulumi.Input[str]]
) -> pulumi.Output[str]:
    """A command with a comment behind it that says what makes it run again; a preview shows which part changed."""
    facts = {"script": script, "rerun": str(rerun), **again_with}
    return pulumi.Output.all(**facts).apply(
        lambda known: f"{command} # " + ", ".join(f"{what} {known[what]}" for what in facts)
    )


def secret_json(**values: Any) -> pulumi.Output[str]:
    """A script's input with secrets in it. Values may be outputs."""
    return pulumi.Output.secret(pulumi.Output.json_dumps(values))


def answer(command: remote.Command) -> pulumi.Output[dict[str, Any]]:
    """What a script printed: one JSON object."""
    return command.stdout.apply(json.loads)
