"""Deploys that are killed, and what mends their stacks: the real engine, the clouds on paper."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from model.labels import label_selector, stack_labels
from tests.support.checkout import IMAGE
from tests.support.cutting import CHANGE, Cuttable, cuttable

DOMAIN = "club.example"

SERVER = """
import pulumi
import pulumi_hcloud
from model.labels import stack_labels
from components.mail_server import MailServer
from components.existing.stack_config import load_settings
from components.existing.stack_state import state
from components.existing.survey import look, refuse_impossible_changes

settings = load_settings()
project, stack = pulumi.get_project(), pulumi.get_stack()
config = pulumi.Config("hcloud")  # not components.providers, because the other provider's package takes seconds to load
hetzner = pulumi_hcloud.Provider("hcloud", token=config.require_secret("token"), endpoint=config.require("endpoint"))
held = state()
survey = look(stack_labels(project, stack), held, hetzner)
refuse_impossible_changes(survey, settings)
server = MailServer(f"{project}-{stack}", settings, survey, pulumi.ResourceOptions(providers=[hetzner]))
"""

DOMAINS = f"""
{SERVER}
from components.dkim_key import KeyRecord
from components.existing.dkim_rotations import dkim_rotations
from components.mail_domain import MailDomain
from components.mail_host_records import MailHostRecords
from components.providers import cloudflare_dns
from model.records import dkim, dkim_name
from components.existing.zones import Zones


rotations = dkim_rotations(settings, held)


class Key(pulumi.ComponentResource):
    def __init__(self, domain):
        super().__init__("test:index:Key", domain)
        self.rotation = rotations[domain]
        name, text = pulumi.Output.from_input(dkim_name("s1", domain)), pulumi.Output.from_input(dkim("AAAA"))
        self.records = {{domain + "-dkim": KeyRecord(name, text)}}


dns = cloudflare_dns()
zones = Zones(settings, held, rotations, dns, survey.addresses)
records = pulumi.ResourceOptions(providers=[dns])
MailHostRecords(settings.mail_host, settings, server, zones, records)
for domain in settings.domains:
    MailDomain(domain, settings, server, Key(domain.name), zones, [server], records)
"""


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Cuttable]:
    with cuttable(tmp_path, SERVER) as made:
        yield made


def at_the_clouds(stack: Cuttable) -> Counter[tuple[str, str]]:
    """Type and identifier of all that the clouds have of the stack."""
    client, selector = stack.hcloud, label_selector(stack_labels("poste-mail", "dev"))
    kinds: dict[str, Any] = {
        "SshKey": client.ssh_keys,
        "PrimaryIp": client.primary_ips,
        "Firewall": client.firewalls,
        "Server": client.servers,
        "Volume": client.volumes,
    }
    found = [(kind, str(e.id)) for kind, api in kinds.items() for e in api.get_all(label_selector=selector)]
    found += [("VolumeAttachment", str(e.id)) for e in client.volumes.get_all(label_selector=selector) if e.server]
    (zone,) = stack.cloudflare.zones.list(name=DOMAIN)
    found += [("DnsRecord", str(e.id)) for e in stack.cloudflare.dns.records.list(zone_id=zone.id)]
    return Counter(found)


def resources(stack: Cuttable) -> list[dict[str, Any]]:
    """What the state has; nothing in it is in doubt."""
    deployment = json.loads(stack.pulumi("stack", "export"))["deployment"]
    assert not deployment.get("pending_operations")
    return list(deployment["resources"])


def in_the_state(stack: Cuttable) -> Counter[tuple[str, str]]:
    """Type and identifier of the same kinds of things, as the state has them."""
    kinds = ("hcloud:", "cloudflare:")
    found = [r for r in resources(stack) if r["type"].startswith(kinds) and not r["type"].endswith(":Rdns")]
    return Counter((resource["type"].rpartition(":")[2], resource["id"]) for resource in found)


def killed_again_and_again(stack: Cuttable, at: str = CHANGE) -> list[str]:
    """Kill the deploy at each new thing that a cloud does for it, repair, and go on; both sides agree each time."""
    while moment := stack.cut_off(at=at):
        stack.mended()
        assert in_the_state(stack) == at_the_clouds(stack), moment
    return stack.scissors.moments


# The next three tests kill at more than twenty moments in all.


def test_a_first_deploy_that_is_killed_at_each_thing_it_makes_comes_to_its_end(stack: Cuttable) -> None:
    assert len(killed_again_and_again(stack)) >= 9
    assert Counter(kind for kind, _id in at_the_clouds(stack)) == Counter(
        SshKey=1, PrimaryIp=2, Firewall=1, Server=1, Volume=1, VolumeAttachment=1
    )
    stack.pulumi("preview", "--refresh", "--expect-no-changes")


def test_a_change_that_is_killed_at_each_step_comes_to_its_end(stack: Cuttable) -> None:
    stack.pulumi("up", "--yes", "--skip-preview")
    before = at_the_clouds(stack)
    stack.configure(protect="true", volumeSize=30, posteImage=IMAGE)
    assert len(killed_again_and_again(stack)) >= 5
    assert at_the_clouds(stack) == before
    stack.pulumi("preview", "--refresh", "--expect-no-changes")


RECORDS = 15
"""Of a mail host and one domain: those of the guide, TLSRPT, SRV, and the host's SPF policy."""


def test_records_are_made_once_though_the_deploy_is_killed_at_each(stack: Cuttable) -> None:
    stack.project.write(DOMAINS)
    assert len(killed_again_and_again(stack, at="POST .*/dns_records")) == RECORDS
    (zone,) = stack.cloudflare.zones.list(name=DOMAIN)
    assert len(list(stack.cloudflare.dns.records.list(zone_id=zone.id))) == RECORDS
    stack.pulumi("preview", "--refresh", "--expect-no-changes")


def test_what_a_killed_deploy_left_is_shown_first_and_repaired_only_when_told(stack: Cuttable) -> None:
    assert stack.cut_off(at="POST /v1/ssh_keys")
    (key,) = stack.hcloud.ssh_keys.get_all()
    looked = stack.repair("--check", "--json")
    if torn := re.search(r"(\S+\.attrs) was written by half", looked.stderr):
        # The kill may come while the back end writes, which is another test's to look at.
        Path(torn[1]).unlink()
        looked = stack.repair("--check", "--json")
    assert looked.returncode == 3, looked.stderr
    unknown = {"kind": "SSH key", "name": "poste-mail-dev", "id": str(key.id), "where": "Hetzner"}
    assert json.loads(looked.stdout)["unknown"] == [unknown]
    declined = stack.repair()
    assert declined.returncode == 3
    assert f"SSH key poste-mail-dev (id {key.id}) at Hetzner" in declined.stdout
    assert "./run mail repair --stack dev --yes" in declined.stdout
    assert "1 imported" in stack.mended()
    assert stack.repair("--check").returncode == 0


def test_a_lost_state_is_brought_back_and_nothing_is_made_twice(stack: Cuttable) -> None:
    stack.project.write(DOMAINS)
    stack.pulumi("up", "--yes", "--skip-preview")
    before = at_the_clouds(stack)
    stack.pulumi("stack", "rm", "--yes", "--force", "--preserve-config")
    stack.pulumi("stack", "init")
    stack.mended()
    assert in_the_state(stack) == at_the_clouds(stack) == before
    stack.pulumi("up", "--yes", "--skip-preview")
    assert in_the_state(stack) == at_the_clouds(stack) == before
    stack.pulumi("preview", "--refresh", "--expect-no-changes")


@pytest.mark.parametrize("last", ["DELETE /v1/servers/", "DELETE /v1/volumes/"])
def test_what_a_killed_destroy_took_away_is_made_again_by_the_next_deploy(stack: Cuttable, last: str) -> None:
    stack.pulumi("up", "--yes", "--skip-preview")
    before = Counter(kind for kind, _id in at_the_clouds(stack))
    assert stack.cut_off("destroy", at=last)
    stack.mended()
    assert in_the_state(stack) == at_the_clouds(stack)
    stack.pulumi("up", "--yes", "--skip-preview")
    assert in_the_state(stack) == at_the_clouds(stack)
    assert Counter(kind for kind, _id in at_the_clouds(stack)) == before


@pytest.mark.parametrize("last", ["DELETE /v1/servers/", "POST /v1/servers ", "POST /v1/volumes/[0-9]+/actions/attach"])
def test_a_replacement_that_was_killed_leaves_one_server(stack: Cuttable, last: str) -> None:
    stack.pulumi("up", "--yes", "--skip-preview")
    (old,) = stack.hcloud.servers.get_all()
    (urn,) = [resource["urn"] for resource in resources(stack) if resource["type"].endswith(":Server")]
    assert stack.cut_off("up", "--replace", urn, at=last)
    stack.mended()
    stack.pulumi("up", "--yes", "--skip-preview")
    assert in_the_state(stack) == at_the_clouds(stack)
    (new,) = stack.hcloud.servers.get_all()
    assert new.id != old.id
    stack.pulumi("preview", "--refresh", "--expect-no-changes")


def test_a_state_whose_attributes_were_written_by_half_can_be_read_again(stack: Cuttable) -> None:
    stack.cut_off()
    torn = stack.project.folder / "backend/.pulumi/stacks/poste-mail/dev.json.attrs"
    torn.write_text("")
    looked = stack.repair("--check")
    assert looked.returncode == 1
    assert f"{torn} was written by half" in looked.stderr
    stack.mended()
    assert in_the_state(stack) == at_the_clouds(stack)
