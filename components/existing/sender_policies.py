"""What senders were told about encryption (MTA-STS), before they are told anything else."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import pulumi

from model.mta_sts import Told, now_told, other_host, told, too_early
from model.settings import Settings
from model.stack_state import Held, mail_host


def sender_policies(settings: Settings, state: Sequence[Held]) -> Mapping[str, Told]:
    """What senders to each domain are told from now on, if anything.

    Raises pulumi.RunError where a policy that they still enforce would go, or one begin that is enforced at once.
    """
    before, now = told(state), datetime.now(UTC)
    wanted = {domain.name: settings.mta_sts_mode(domain) for domain in settings.domains}
    reasons = [*too_early(before, wanted, now), *other_host(before, mail_host(state), settings.mail_host)]
    if reasons:
        raise pulumi.RunError("\n".join([*reasons, "Nothing was changed."]))
    return {domain: now_told(before.get(domain), mode, now) for domain, mode in wanted.items() if mode}
