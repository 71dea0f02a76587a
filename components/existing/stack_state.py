"""What the stack's state holds, read before anything is registered.

An engine tells a program nothing about the state; its stack reference does, and a stack may refer to itself.
"""

import time

import pulumi

from components.existing.questions import ask
from model.stack_state import Held

TORN = "EOF"
"""How the engine says that a file of the state is cut short."""
PAUSES = (0.1, 0.2, 0.5, 1.0, 2.0)
"""Seconds before each new try."""


def state() -> list[Held]:
    """All resources of the current stack's state; none before the first deploy. Raises pulumi.RunError."""
    # While the program runs, the engine writes the state. The back end of files writes the attributes of a file by
    # halves, so it cannot be read in such a moment, and in the next it can.
    for pause in PAUSES:
        try:
            return _read()
        except pulumi.RunError as error:
            if not str(error).endswith(TORN):
                raise
            time.sleep(pause)
    return _read()


def _read() -> list[Held]:
    stack = f"{pulumi.get_organization()}/{pulumi.get_project()}/{pulumi.get_stack()}"
    answer = ask(
        f"the state of stack {stack} cannot be read",
        lambda: pulumi.runtime.invoke("pulumi:pulumi:readStackResourceOutputs", {"stackName": stack}),
    )
    return [Held(urn, found["type"], found["outputs"]) for urn, found in answer.value["outputs"].items()]
