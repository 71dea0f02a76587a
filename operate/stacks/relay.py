"""The relay that the wizard is told of. Whether it lets the server sign in, the deploy finds out before it uses it."""

import os

from model import relay
from operate.errors import WizardError
from operate.stacks.answers import Answers
from operate.stacks.questions import checked

VARIABLE = "RELAY_PASSWORD"


def relay_paths(answers: Answers, place: str | None, user: str | None) -> tuple[dict[str, str], str]:
    """The paths that set a relay, and its password; nothing where none was asked for. `place` is host or host:port."""
    if not place:
        if user:
            raise WizardError(f"--relay-user: {user}: Expected --relay HOST[:PORT] beside it")
        return {}, ""
    host, _, port = answers.text("Relay", flag="--relay", given=place, check=_place).partition(":")
    name = answers.text("User at the relay", flag="--relay-user", given=user, check=checked(relay.User))
    question = f"Password of {name} at the relay {host}"
    password = answers.secret(question, variable=VARIABLE, given=os.environ.get(VARIABLE))
    try:
        if password or answers.asking:
            checked(relay.Password)(password)
    except ValueError as error:
        raise WizardError(f"{VARIABLE}: {error}") from None
    return {"relay.host": host, "relay.port": port, "relay.user": name}, password


def _place(value: str) -> str:
    host, colon, port = value.partition(":")
    return f"{checked(relay.Host)(host)}:{checked(relay.Port)(port if colon else '587')}"
