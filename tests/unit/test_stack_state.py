"""The stack's own state, which the program reads while the engine writes it."""

from collections.abc import Mapping
from types import SimpleNamespace

import pulumi
import pytest

from components.existing import stack_state

URN = "urn:pulumi:prod::poste-mail::hcloud:index/server:Server::server"
HELD = {URN: {"type": "hcloud:index/server:Server", "outputs": {"id": "7"}}}


class Engine:
    """Answers with each of these in turn: an error's text, or the state's resources."""

    def __init__(self, *answers: str | Mapping[str, object]) -> None:
        self.answers = list(answers)

    def invoke(self, _token: str, _arguments: object) -> SimpleNamespace:
        answer = self.answers.pop(0)
        if isinstance(answer, str):
            raise RuntimeError(f"invoke of readStackResourceOutputs failed: invocation returned an error: {answer}")
        return SimpleNamespace(value={"outputs": answer})


@pytest.fixture(autouse=True)
def _stack(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stack_state, "PAUSES", (0.0, 0.0))
    for what in ("organization", "project", "stack"):
        monkeypatch.setattr(pulumi, f"get_{what}", lambda what=what: what)


def test_a_state_that_is_just_being_written_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine("failed to load checkpoint: EOF", "failed to load checkpoint: EOF", HELD)
    monkeypatch.setattr(pulumi.runtime, "invoke", engine.invoke)
    assert [(held.name, held.outputs["id"]) for held in stack_state.state()] == [("server", "7")]


@pytest.mark.parametrize("answers", [("unauthorized",), ("failed to load checkpoint: EOF",) * 3])
def test_a_state_that_cannot_be_read_is_told_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, answers: tuple[str, ...]
) -> None:
    engine = Engine(*answers)
    monkeypatch.setattr(pulumi.runtime, "invoke", engine.invoke)
    with pytest.raises(pulumi.RunError, match=f"state of stack organization/project/stack cannot .*{answers[0]}"):
        stack_state.state()
    assert engine.answers == []
