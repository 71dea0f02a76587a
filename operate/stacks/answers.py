"""Where the wizard has its answers from: a flag, else the stack as it is, else the person, else a default."""

import getpass
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from operate.errors import WizardError


@dataclass
class Answers:
    """Answers to the wizard's questions. `asking` is whether there is a person to ask."""

    asking: bool
    missing: list[str] = field(default_factory=list)
    """How to give those answers that nobody gave."""

    def text(
        self,
        question: str,
        *,
        flag: str,
        given: str | None,
        kept: str | None = None,
        default: str | None = None,
        check: Callable[[str], str] = str,
    ) -> str:
        """One line of text. `check` returns it in its canonical form or raises ValueError with what is expected."""
        known = given or kept
        if known:
            try:
                return check(known)
            except ValueError as error:
                raise WizardError(f"{flag}: {known}: {error}") from None
        if not self.asking:
            if default:
                return default
            self.missing.append(f"{flag}: {question}")
            return ""
        return self._typed(question, flag, default, check)

    def several(
        self, question: str, *, flag: str, given: Sequence[str], check: Callable[[str], str] = str, at_most: int = 100
    ) -> Sequence[str]:
        """Lines of text, as many as there are; none where there is nobody to ask. An empty line is the last one."""
        if given or not self.asking:
            return [self.text(question, flag=flag, given=one, check=check) for one in given]
        answers: list[str] = []
        while len(answers) < at_most:
            answer = self._typed(question, flag, None, lambda line: check(line) if line else "")
            if not answer:
                break
            answers.append(answer)
        return answers

    @staticmethod
    def _typed(question: str, flag: str, default: str | None, check: Callable[[str], str]) -> str:
        """An answer that the check takes; a wrong one is asked for again."""
        while True:
            print(f"{question}{f' [{default}]' if default else ''}: ", end="", file=sys.stderr, flush=True)
            line = sys.stdin.readline()
            if not line:
                raise WizardError(f"There is nobody to ask any more. {flag}: {question}")
            try:
                return check(line.strip() or default or "")
            except ValueError as error:
                print(f"  {error}", file=sys.stderr)

    def secret(self, question: str, *, variable: str, given: str | None) -> str:
        """A secret, from an environment variable or typed unseen; never from a flag, which others could see."""
        if given:
            return given
        if not self.asking:
            self.missing.append(f"the environment variable {variable}: {question}")
            return ""
        return getpass.getpass(f"{question} (not shown): ")

    def require_all(self) -> None:
        """Raise WizardError with everything that is missing."""
        if self.missing:
            raise WizardError("\n  ".join(["Not enough is known to make the stack. Give these, too:", *self.missing]))
