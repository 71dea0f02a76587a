"""The pack in the real engine: what passes, what is refused in a preview, and what only the update can refuse."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.own_project import ROOT
from tests.support.project import Clouds, Project, clouds_on_paper

pytestmark = pytest.mark.engine

THE_PROGRAM = f"""
import runpy
runpy.run_path({str(ROOT / "__main__.py")!r})
"""

SPOILT = f"""
import base64, json, runpy
import pulumi
from pulumi_command import remote

def spoil(args):
    props = args.props
    match args.type_.rpartition(":")[2], args.name:
        case "Firewall", "ssh":
            props["rules"].append({{"direction": "in", "protocol": "tcp", "port": "any", "source_ips": ["0.0.0.0/0"]}})
        case "Firewall", "mail":
            props["apply_tos"] = [{{"label_selector": "stack=other"}}]
        case "PrimaryIp", "ipv4":
            props["auto_delete"] = True
        case "DnsRecord", "mail.club.example-a":
            props["proxied"] = True
        case "DnsRecord", "club.example-mx":
            props["content"] = "other.club.example"
        case "DnsRecord", "club.example-spf":
            props["content"] = '"v=spf1 mx ?all"'
        case "DnsRecord", "club.example-dmarc":
            props["content"] = '"v=DMARC1; p=none"'
        case "DnsRecord", "club.example-dkim":
            props["content"] = '"v=DKIM1; k=rsa; p=AAAA"'
        case "DnsRecord", "club.example-imaps":
            props["data"] = {{"priority": 0, "weight": 1, "port": 993, "target": "mx.other.example"}}
        case "DnsRecord", "club.example-tls-reports":
            props["content"] = '"v=TLSRPTv1"'
        case "DnsRecord", "mail.club.example-caa":
            props["data"] = {{"flags": 0, "tag": "issue", "value": ";"}}
        case "WorkersScript", "policies":
            props["compatibility_date"] = None
        case "WorkersCustomDomain", "autoconfig.club.example":
            props["hostname"] = "www.club.example"
        case "Server", "server":
            props["user_data"] = pulumi.Output.unsecret(props["user_data"])
        case "Volume", "volume":
            secret = pulumi.Config().require_secret("adminPassword")
            hidden = secret.apply(lambda text: base64.urlsafe_b64encode(text.encode()).decode())
            props["labels"] = props["labels"] | {{"hidden": hidden}}
        case "Container", "poste":
            props["capabilities"] = {{"adds": ["SYS_ADMIN"]}}
            props["mounts"].append(
                {{"type": "bind", "source": "/var/run/docker.sock", "target": "/var/run/docker.sock"}}
            )
        case "RemoteImage", "poste":
            props["name"] = "mirror.example/poste.io:2.5.11"
        case "docker", "poste":
            options = ["StrictHostKeyChecking=no", "StrictHostKeyChecking=yes", "UserKnownHostsFile=x"]
            props["ssh_opts"] = json.dumps([part for option in options for part in ("-o", option)])
        case "Command", "host-firewall":
            props["create"] = pulumi.Output.format("echo {{0}}", pulumi.Config().require_secret("adminPassword"))
        case "Command", "poste-install":
            props["stdin"] = json.dumps({{"password": "short"}})
    return pulumi.ResourceTransformationResult(props, args.opts)

pulumi.runtime.register_stack_transformation(spoil)
runpy.run_path({str(ROOT / "__main__.py")!r})
remote.Command(
    "elsewhere",
    create="true",
    connection={{"host": "198.51.100.9", "user": "root"}},
    add_previous_output_in_env=False,
)
"""

REFUSED = [
    ("firewall-inbound", "ssh"),
    ("firewall-ssh", "ssh"),
    ("firewall-covers-server", "server"),
    ("primary-ip-kept", "ipv4"),
    ("stack-protected", "poste-mail-dev"),
    ("dns-not-proxied", "mail.club.example-a"),
    ("mx-leads-to-the-server", "club.example-mx"),
    ("spf-valid", "club.example-spf"),
    ("dkim-strong-key", "club.example-dkim"),
    ("dmarc-strict", "club.example-dmarc"),
    ("srv-as-served", "club.example-imaps"),
    ("tls-reports-valid", "club.example-tls-reports"),
    ("caa-permits-the-authority", "mail.club.example-caa"),
    ("mta-sts-served", "policies"),
    ("worker-plain", "policies"),
    ("worker-own-hosts", "autoconfig.club.example"),
    ("container-unprivileged", "poste"),
    ("container-sees-volume-only", "poste"),
    ("container-image-configured", "poste"),
    ("no-secret-shown", "host-firewall"),
    ("no-secret-shown", "volume"),
    ("secrets-encrypted", "server"),
    ("host-key-pinned", "elsewhere"),
    ("host-key-pinned", "poste"),
    ("passwords-strong", "poste-install"),
    ("providers-explicit", r"default_\S+"),
]

NOTHING = """
import pulumi

pulumi.export("nothing", "made")
"""

NOT_KNOWN_BEFORE = """
import pulumi
import pulumi_cloudflare as cloudflare
import pulumi_hcloud as hcloud
from components.providers import cloudflare_dns, hetzner

dns = pulumi.ResourceOptions(provider=cloudflare_dns())
address = hcloud.PrimaryIp(
    "a", name="a", type="ipv4", location="nbg1", auto_delete=False, opts=pulumi.ResourceOptions(provider=hetzner())
)
zone = cloudflare.get_zone(filter={"name": "club.example"}, opts=pulumi.InvokeOptions(provider=dns.provider)).zone_id
policy = address.ip_address.apply(lambda ip: f'"v=spf1 ip4:{ip} ?all"')
cloudflare.DnsRecord("spf", zone_id=zone, name="club.example", type="TXT", ttl=300, content=policy, opts=dns)
"""

Done = subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def clouds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clouds]:
    with clouds_on_paper(tmp_path_factory.mktemp("clouds")) as running:
        yield running


@pytest.fixture(scope="module")
def spoilt_preview(tmp_path_factory: pytest.TempPathFactory, clouds: Clouds) -> Done:
    """The preview of a stack that breaks a rule of each group, in an environment that wants it protected and strict."""
    project = Project(tmp_path_factory.mktemp("projects") / "spoilt", clouds, SPOILT)
    environment = project.folder / "environment.json"
    environment.write_text(json.dumps({"stack-protected": {"required": True}, "dmarc-strict": {"minimum": "reject"}}))
    return project.with_pack("preview", "--policy-pack-config", str(environment))


def violations(done: Done) -> set[tuple[str, str]]:
    """Rule and resource of each violation that the engine shows."""
    return set(re.findall(r"\[\w+\]\s+(\S+)\s+\(\S+: (\S+)\)", done.stdout))


def test_the_dev_stack_passes_and_the_pack_adds_one_line(tmp_path: Path, clouds: Clouds) -> None:
    done = Project(tmp_path / "dev", clouds, THE_PROGRAM).with_pack("preview")
    assert done.returncode == 0, done.stdout
    said = done.stdout.partition("Policies:\n")[2].partition("\n\n")[0]
    assert re.fullmatch(r"\s+\S+ poste-mail@v[0-9.]+ \(local: \S+\)", said), said
    assert violations(done) == set()
    assert "can't run policy" not in done.stdout


@pytest.mark.parametrize(("rule", "resource"), REFUSED)
def test_a_preview_refuses_a_stack_that_breaks_a_rule_of_the_group(
    spoilt_preview: Done, rule: str, resource: str
) -> None:
    assert spoilt_preview.returncode != 0
    assert any(found == rule and re.fullmatch(resource, name) for found, name in violations(spoilt_preview)), (
        spoilt_preview.stdout
    )


def test_nothing_else_is_refused(spoilt_preview: Done) -> None:
    assert {rule for rule, _ in violations(spoilt_preview)} == {rule for rule, _ in REFUSED}


def test_settings_that_cannot_be_read_stop_the_preview_in_one_sentence(tmp_path: Path, clouds: Clouds) -> None:
    project = Project(tmp_path / "unreadable", clouds, NOTHING)
    done = project.pulumi("config", "set", "--path", "domains[0].name", "nodots")
    assert done.returncode == 0, done.stdout
    preview = project.with_pack("preview")
    assert preview.returncode != 0
    assert violations(preview) == {("settings-readable", "poste-mail-dev")}
    assert "No rule can judge this stack. Configuration of stack dev: 1 mistake" in preview.stdout
    assert "domains.0.name" in preview.stdout


def test_what_a_preview_cannot_know_is_refused_in_the_update_before_it_is_made(tmp_path: Path, clouds: Clouds) -> None:
    project = Project(tmp_path / "later", clouds, NOT_KNOWN_BEFORE)
    only = tmp_path / "only.json"
    only.write_text(json.dumps({"all": "disabled", "spf-valid": "mandatory"}))
    pack = ("--policy-pack-config", str(only))
    preview = project.with_pack("preview", *pack)
    assert preview.returncode == 0, preview.stdout
    update = project.with_pack("up", "--yes", "--skip-preview", *pack)
    assert update.returncode != 0
    assert violations(update) == {("spf-valid", "spf")}
    made = json.loads(project.pulumi("stack", "export").stdout)["deployment"]["resources"]
    assert {resource["type"] for resource in made} & {"hcloud:index/primaryIp:PrimaryIp"}
    assert "cloudflare:index/dnsRecord:DnsRecord" not in {resource["type"] for resource in made}
