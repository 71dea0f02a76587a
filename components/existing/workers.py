"""Workers at Cloudflare, before any is made: whether the token may, and which hosts lead to one already."""

from collections.abc import Collection, Iterable

import pulumi
import pulumi_cloudflare as cloudflare

from components.existing.questions import ask
from model.web_hosts import RIGHTS


def served_hosts(
    hosts: Collection[str], accounts: Iterable[str], script: str, provider: cloudflare.Provider
) -> set[str]:
    """Which of the hosts that are to be served lead to our `script` already.

    Raises pulumi.RunError where the token has no right to Workers, or another Worker serves one of the hosts.
    """
    services: dict[str, str] = {}
    for account in accounts:
        answer = ask(
            f"mtaSts and clientSetup need a Worker at Cloudflare, which cloudflare:apiToken may not make without "
            f"the rights {RIGHTS}. Give it these, or leave both settings out",
            lambda account=account: cloudflare.get_workers_custom_domains(  # type: ignore[misc]
                account_id=account, opts=pulumi.InvokeOptions(provider=provider)
            ),
        )
        services |= {str(domain.hostname): str(domain.service) for domain in answer.results}
    taken = [
        f"{host} leads to another Worker, {services[host]}. Take it away there (Workers & Pages, {services[host]}, "
        "Settings, Domains), or leave the setting out"
        for host in hosts
        if services.get(host, script) != script
    ]
    if taken:
        raise pulumi.RunError("\n".join([*taken, "Nothing was changed."]))
    return {host for host in hosts if host in services}
