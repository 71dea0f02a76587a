"""Workers at Cloudflare, before any is made: whether the token may, and what others have at the hosts that we want."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import pulumi
import pulumi_cloudflare as cloudflare

from components.existing.questions import ask
from components.existing.zones import Zones
from model.settings import Settings
from model.web_hosts import RIGHTS, web_hosts


def hosts_by_account(
    settings: Settings, zones: Zones, script: str, provider: cloudflare.Provider
) -> Mapping[str, Sequence[tuple[str, str]]]:
    """The hosts to serve, each with its zone's identifier, by account. `script` is what our Worker is called.

    Raises pulumi.RunError where the token has no right to Workers, or another Worker serves one of the hosts.
    """
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for domain in settings.domains:
        zone = zones.of(domain.name)
        for host in web_hosts(domain, settings):
            found[zone.account].append((host, zone.id))
    taken = []
    for account, hosts in found.items():
        answer = ask(
            f"mtaSts and clientSetup need a Worker, and cloudflare:apiToken has no right to it. Give it {RIGHTS}, or "
            "leave both settings out",
            lambda account=account: cloudflare.get_workers_custom_domains(  # type: ignore[misc]
                account_id=account, opts=pulumi.InvokeOptions(provider=provider)
            ),
        )
        services = {str(domain.hostname): str(domain.service) for domain in answer.results}
        taken += [
            f"{host} leads to another Worker, {services[host]}. Take it away there (Workers & Pages, {services[host]}, "
            "Settings, Domains), or leave the setting out"
            for host, _ in hosts
            if services.get(host, script) != script
        ]
    if taken:
        raise pulumi.RunError("\n".join([*taken, "Nothing was changed."]))
    return found
