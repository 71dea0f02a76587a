"""What the relay is told to do to its customers, and what it has done."""

from dataclasses import dataclass, field


@dataclass
class Books:
    """Switches that tests set, and counts of messages. `throttle` is how many more are put off."""

    refuse: bool = False
    reject: bool = False
    rewrite: bool = False
    throttle: int = 0
    sign_ins: int = 0
    refused: int = 0
    taken: int = 0
    waiting: int = 0
    delivered: int = 0
    failed: list[str] = field(default_factory=list)
    """Recipients to whom a message could not be delivered, and why; nobody else is told."""

    def signs_in(self, right: bool) -> bool:
        """Note a try to sign in; whether it succeeds."""
        succeeds = right and not self.refuse
        self.sign_ins += succeeds
        self.refused += not succeeds
        return succeeds

    def objection(self) -> str | None:
        """The reply by which a message is not taken; None if it is, which is noted."""
        if self.reject:
            return "554 5.7.1 Message rejected: this account may not send (on request)"
        if self.throttle:
            self.throttle -= 1
            return "451 4.7.1 Too many messages, try again later (on request)"
        self.taken += 1
        return None
