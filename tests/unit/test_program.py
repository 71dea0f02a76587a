"""The program under mocks: what it asks the engine to make, in which order, protected how, and with which secrets."""

import json
import shutil
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from pulumi.output import Unknown
from pulumi.runtime.mocks import MockCallArgs

from components import remote_scripts
from model.settings import AUTHORITIES
from model.ssh_keys import ssh_public_key
from tests.support.examples import HOST_KEY, LOGIN_KEY, PASSWORD, openssh_key, settings
from tests.support.mocked import ACCOUNT, IPV4, SELECTOR, ZONE, ZONES, Cloud, Registered, Secret, refusal, run_program
from tests.unit.test_records import public_key

KEY = public_key(2048)
OWNER = settings().owner


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@lru_cache
def _run(config: str) -> dict[str, Registered]:
    return run_program(Cloud(KEY), **json.loads(config))


def run(**config: Any) -> dict[str, Registered]:
    """The program's resources with some settings changed. Equal settings are run once."""
    return _run(json.dumps(config))


def secret_json(resource: Registered) -> Any:
    assert isinstance(resource.inputs["stdin"], Secret)
    return json.loads(resource.inputs["stdin"].value)


def test_the_firewall_is_there_before_the_server_and_opens_ssh_only() -> None:
    found = run()
    assert "Firewall ssh" in found["Server server"].depends_on
    inbound = [rule for rule in found["Firewall ssh"].inputs["rules"] if rule["direction"] == "in"]
    assert {(rule["protocol"], rule.get("port")) for rule in inbound} == {("tcp", "22"), ("icmp", None)}


def test_the_mail_ports_open_only_after_the_installer_is_closed() -> None:
    found = run()
    firewall = found["Firewall mail"]
    assert "Command poste-install" in firewall.depends_on
    assert {rule["port"] for rule in firewall.inputs["rules"]} >= {"25", "443", "587", "995", "4190"}


def test_both_firewalls_find_the_server_by_its_labels_and_by_nothing_else() -> None:
    found = run()
    selector = "managed-by=pulumi,project=poste-mail,stack=prod"
    assert {part.split("=")[0] for part in selector.split(",")} < set(found["Server server"].inputs["labels"])
    for name in ("ssh", "mail"):
        assert found[f"Firewall {name}"].inputs["applyTos"] == [{"labelSelector": selector}]
    assert "firewallIds" not in found["Server server"].inputs


def test_addresses_and_volume_outlive_the_server() -> None:
    found = run()
    for name in ("PrimaryIp ipv4", "PrimaryIp ipv6", "Volume volume"):
        assert not any(other.startswith("Server") for other in found[name].depends_on), name
    assert found["PrimaryIp ipv4"].inputs["autoDelete"] is False
    server = found["Server server"]
    assert server.delete_first
    assert set(server.ignores) == {"userData", "sshKeys", "image"}


@pytest.mark.parametrize("protect", [True, False])
def test_protection_follows_the_setting(protect: bool) -> None:
    found = run(protect=str(protect).lower())
    lasting = [
        "Server server", "Volume volume",
        "PrimaryIp ipv4", "PrimaryIp ipv6",
    ]  # fmt: skip
    assert {name: (found[name].protect, found[name].inputs["deleteProtection"]) for name in lasting} == dict.fromkeys(
        lasting, (protect, protect)
    )


@pytest.mark.parametrize("protect", [True, False])
def test_records_and_firewalls_are_protected_with_the_server(protect: bool) -> None:
    found = run(protect=str(protect).lower())
    kept = [name for name in found if name.startswith("Firewall")]
    kept += [
        *("DnsRecord mail.example.com-a", "DnsRecord mail.example.com-aaaa", "DnsRecord example.com-spf"),
        *("DnsRecord example.com-dmarc", "DnsRecord example.com-dkim", "DnsRecord example.com-mx"),
    ]
    assert len(kept) == 8
    assert {found[name].protect for name in kept} == {protect}


def test_both_addresses_have_the_mail_host_as_ptr() -> None:
    found = run()
    pointers = {found[f"Rdns {family}"].inputs["ipAddress"] for family in ("ipv4", "ipv6")}
    assert pointers == {IPV4, "2001:db8:100:101::1"}
    assert {found[f"Rdns {family}"].inputs["dnsPtr"] for family in ("ipv4", "ipv6")} == {"mail.example.com"}


def test_each_remote_command_checks_the_host_key_and_hides_its_own() -> None:
    remote = [resource for resource in run().values() if resource.type.startswith("command:remote:")]
    assert len(remote) >= 8
    for resource in remote:
        connection = resource.inputs["connection"]
        connection = connection.value if isinstance(connection, Secret) else connection
        assert connection["hostKey"].startswith("ssh-ed25519 ")
        key = connection["privateKey"]
        assert (key.value if isinstance(key, Secret) else None) == LOGIN_KEY or isinstance(
            resource.inputs["connection"], Secret
        )


def test_no_secret_stands_in_a_plain_input() -> None:
    def plain(value: Any) -> str:
        if isinstance(value, Secret):
            return ""
        if isinstance(value, dict):
            return " ".join(plain(item) for item in value.values())
        return " ".join(map(plain, value)) if isinstance(value, list) else str(value)

    for name, resource in run().items():
        text = plain(resource.inputs)
        for secret in (PASSWORD, LOGIN_KEY[60:100], HOST_KEY[60:100]):
            assert secret not in text, name


def test_the_installer_gets_its_password_by_standard_input() -> None:
    command = run()["Command poste-install"]
    assert secret_json(command) == {
        "url": "https://127.0.0.1:443", "hostname": "mail.example.com",
        "admin": "admin@example.com", "password": PASSWORD, "data": "/mnt/poste/data", "web_ports": [80, 443],
    }  # fmt: skip
    assert command.inputs["create"] == command.inputs["update"]
    assert command.inputs["create"].startswith("python3 /opt/poste-mail/install.py # script ")


def test_the_certificate_is_asked_for_when_mail_works_and_nothing_waits_for_it() -> None:
    found = run(formerMailHosts=["mx.example.com"], domains=[{"name": "example.com"}, {"name": "example.org"}])
    certificate = found["Command certificate"]
    records = {name for name in found if name.startswith("DnsRecord")}
    assert {"DnsRecord mx.example.com-a", "DnsRecord example.org-mx"} <= records
    assert records | {"Firewall mail", "Command dkim-signers"} <= behind(found, certificate)
    for name, resource in found.items():
        assert "Command certificate" not in resource.depends_on, name


def test_the_certificate_is_for_all_names_from_the_authority_that_was_chosen() -> None:
    asked = json.loads(run(formerMailHosts=["mx.example.com"])["Command certificate"].inputs["stdin"])
    assert (asked["names"], asked["email"]) == (["mail.example.com", "mx.example.com"], None)
    assert asked["authority"] == AUTHORITIES["letsencrypt"]
    assert (asked["folder"], asked["container"]) == ("/mnt/poste/certificates", "poste")
    assert {(port["number"], port["security"]) for port in asked["ports"]} >= {(25, "STARTTLS"), (443, "TLS")}
    other = run(acmeServer="https://acme.example.net/directory", certificateEmail="a@example.com")
    asked = json.loads(other["Command certificate"].inputs["stdin"])
    assert (asked["authority"], asked["email"]) == ("https://acme.example.net/directory", "a@example.com")


def test_the_account_binding_is_told_as_a_secret_by_standard_input_alone() -> None:
    key = "MTIzNDU2Nzg5MDEyMzQ1Ng"
    found = run(acmeServer="https://acme.example.net/directory", acmeKeyId="kid-12345", acmeHmacKey=key)
    command = found["Command certificate"]
    assert secret_json(command)["binding"] == {"key_id": "kid-12345", "hmac_key": key}
    for name, resource in found.items():
        shown = repr({key: value for key, value in resource.inputs.items() if not isinstance(value, Secret)})
        assert "kid-12345" not in shown, name
        assert key not in shown, name


def test_a_stack_that_wants_no_certificate_asks_for_none() -> None:
    found = run(certificate="none, in tests")
    assert not {"Certificate certificate", "Command certificate"} & found.keys()


def test_only_the_installer_is_told_a_password() -> None:
    for name, script in scripts(run()).items():
        assert isinstance(script.inputs["stdin"], Secret) is (name == "Command poste-install"), name


def test_the_docker_provider_checks_the_host_key_with_files_of_the_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / ".state/ssh/prod"
    folder.mkdir(parents=True, mode=0o755)
    (folder / "identity").touch(mode=0o644)
    options = run_program(Cloud(KEY))["docker poste"].inputs["sshOpts"]
    options = json.loads(options) if isinstance(options, str) else options
    assert "StrictHostKeyChecking=yes" in options
    identity = folder / "identity"
    assert (folder.stat().st_mode & 0o777, identity.stat().st_mode & 0o777) == (0o700, 0o600)
    assert {file.name for file in folder.iterdir()} == {"identity", "known_hosts"}
    assert identity.read_text() == LOGIN_KEY


def test_the_container_is_replaced_stop_first_and_keeps_its_data_on_the_volume() -> None:
    container = run()["Container poste"]
    assert container.delete_first
    challenges = ".well-known/acme-challenge"
    assert container.inputs["mounts"] == [
        {"type": "bind", "source": "/mnt/poste/data", "target": "/data"},
        {"type": "bind", "source": f"/mnt/poste/webroot/{challenges}", "target": f"/opt/www/{challenges}"},
    ]
    assert container.inputs["hostname"] == "mail.example.com"
    assert container.inputs["networkMode"] == "host"
    assert container.inputs["ports"] == []
    assert container.inputs["restart"] == "unless-stopped"


def test_a_new_server_gets_everything_that_was_on_the_old_one_again() -> None:
    found = run()
    on_the_server = [
        resource
        for resource in found.values()
        if resource.type.startswith(("command:remote", "docker:index/")) or resource.type.endswith("volumeAttachment")
    ]
    assert len(on_the_server) >= 10
    for resource in on_the_server:
        assert "Server server" in behind(found, resource), resource.name


def behind(found: dict[str, Registered], resource: Registered) -> set[str]:
    """All that a resource depends on, near and far."""
    waiting, seen = list(resource.depends_on), set[str]()
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting.extend(found[name].depends_on if name in found else ())
    return seen


def test_a_server_that_is_out_of_reach_can_still_be_replaced_or_destroyed() -> None:
    found = run()
    for name in ("RemoteImage poste", "Container poste"):
        assert found[name].goes_with.endswith("hcloud:index/server:Server::server"), name
    undone = [script for script in scripts(found).values() if script.inputs.get("delete")]
    assert sorted(command.name for command in undone) == [
        *("certificate", "certificate-account", "host-volume", "watch")
    ]
    for command in undone:
        assert command.goes_with.endswith("hcloud:index/server:Server::server")


def test_the_volume_leaves_a_server_that_stays_only_after_the_container_and_the_mount() -> None:
    found = run()
    mounted, container = found["Command host-volume"], found["Container poste"]
    assert mounted.inputs["delete"] == "python3 /opt/poste-mail/volume.py release"
    assert mounted.inputs["triggers"] == [found["Volume volume"].id]
    assert mounted.delete_first
    assert "VolumeAttachment volume" in mounted.depends_on
    assert {"Command host-volume", "VolumeAttachment volume"} <= container.depends_on
    assert {label["label"]: label["value"] for label in container.inputs["labels"]} == {
        "poste-mail.server": found["Server server"].id,
        "poste-mail.volume": found["Volume volume"].id,
    }


def test_the_volume_of_a_server_that_goes_is_not_detached_before_it() -> None:
    assert run()["VolumeAttachment volume"].goes_with.endswith("hcloud:index/server:Server::server")


def test_what_the_world_reads_hangs_on_nothing_that_a_change_replaces() -> None:
    """A record goes with what a property of it comes from, when that is replaced and the property replaces."""
    found = run()
    for name, resource in found.items():
        if name.startswith("DnsRecord"):
            assert resource.sources["zoneId"] == set(), name
            for key, sources in resource.sources.items():
                assert not {"Container poste", "RemoteImage poste", "Server server"} & sources, (name, key)


MADE_ON_THE_VOLUME = ("Command host-volume", "Command certificate", "Command watch")
"""What is undone before the volume is another one."""


def test_a_script_runs_again_by_an_update_and_never_by_a_replacement() -> None:
    for name, script in scripts(run()).items():
        assert bool(script.inputs.get("triggers")) is (name in MADE_ON_THE_VOLUME), name


@pytest.mark.parametrize(
    ("command", "looks_at"),
    [
        ("host-ready", "Server server"),
        ("host-volume", "Server server"),
        ("host-firewall", "Server server"),
        ("poste-install", "Container poste"),
        ("dkim-signers", "Container poste"),
        ("watch", "Volume volume"),
        ("certificate", "Container poste"),
        ("dkim-example.com", "Volume volume"),
        ("accounts-example.com", "Volume volume"),
    ],
)
def test_each_script_runs_again_when_what_it_looks_at_is_another_one(command: str, looks_at: str) -> None:
    found = run()
    line = found[f"Command {command}"].inputs["update"]
    assert line.endswith(f" {found[looks_at].id}")


def test_raising_rerun_runs_every_script_again() -> None:
    before, after = run(), run(rerun="1")
    assert len(scripts(before)) == 13
    for name in scripts(before):
        assert before[name].inputs["update"] != after[name].inputs["update"], name


def test_a_changed_script_or_module_beside_it_runs_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    sources = tmp_path / "remote"
    shutil.copytree(remote_scripts.SOURCE, sources)
    before = {script: remote_scripts.fingerprint(script) for script in ("dkim.py", "firewall.py")}
    monkeypatch.setattr(remote_scripts, "SOURCE", sources)
    assert {script: remote_scripts.fingerprint(script) for script in before} == before
    with (sources / "poste_http.py").open("a") as module:
        module.write("# changed\n")
    assert remote_scripts.fingerprint("dkim.py") != before["dkim.py"]
    assert remote_scripts.fingerprint("firewall.py") == before["firewall.py"]


def test_the_dkim_key_is_not_read_again_when_the_container_or_the_server_changes() -> None:
    key = run()["Command dkim-example.com"]
    assert key.sources["update"] == {"Volume volume", "VolumeAttachment volume"}
    assert key.sources["stdin"] == set()


def test_a_renamed_stack_keeps_every_resource() -> None:
    names = {stack: set(run_program(Cloud(KEY), stack=stack)) for stack in ("prod", "production")}
    assert names["prod"] == names["production"]


PASSING = {
    f"DnsRecord {name}"
    for name in (
        *("mail.example.com-spf", "mail.example.com-caa", "example.com-tls-reports", "example.com-sieve"),
        *(f"example.com-{service}" for service in ("imap", "imaps", "pop3", "pop3s", "submission", "submissions")),
    )
}
"""Records without which mail goes on, and that come and go with a setting."""


def test_each_part_is_protected_apart() -> None:
    found = run(unprotected=["server"])
    lifted = {"Server server", "Firewall ssh", "Firewall mail", *PASSING}
    guarded = ("Server", "Firewall", "PrimaryIp", "Volume ", "DnsRecord")
    assert {name for name in found if name.startswith(guarded) and not found[name].protect} == lifted
    assert found["Server server"].inputs["deleteProtection"] is False
    assert found["Volume volume"].inputs["deleteProtection"] is True
    assert found["PrimaryIp ipv4"].inputs["deleteProtection"] is True


def test_a_new_login_key_is_brought_in_by_the_old_one_which_then_goes() -> None:
    old = openssh_key()
    found = run(previousSshPrivateKey=old)
    let_in, kept_out = found["Command host-new-key"], found["Command host-old-key"]
    assert private_key(let_in) == old
    assert private_key(kept_out) == LOGIN_KEY
    assert let_in.inputs["stdin"].split()[:2] == ssh_public_key(LOGIN_KEY).split()
    assert "Command host-new-key" in kept_out.depends_on
    assert kept_out.inputs["stdin"].strip() == ssh_public_key(old).split()[1]
    assert {"Command host-new-key", "Command host-old-key"} <= found["Command host-ready"].depends_on


def test_the_login_key_that_somebody_keeps_at_hetzner_is_used_and_not_made_twice() -> None:
    theirs = {"id": 77, "name": "laptop", "labels": {}, "publicKey": f"{ssh_public_key(LOGIN_KEY)} me@laptop"}
    found = run_program(Cloud(KEY, held={"sshKeys": [theirs]}))
    assert found["Server server"].inputs["sshKeys"] == ["77"]
    assert not any(name.startswith("SshKey") for name in found)


def test_what_runs_needs_no_server_type_that_is_still_sold() -> None:
    gone = Cloud(KEY, server_type={"locations": []}, held={"servers": [server()]}, state=state_of("Server", 7))
    assert "Server server" in run_program(gone)


def test_a_server_that_is_replaced_on_purpose_gets_all_that_only_a_first_boot_reads() -> None:
    cloud = Cloud(KEY, held={"servers": [server(deleteProtection=False)]}, state=state_of("Server", 7))
    found = run_program(cloud, serverRevision="1", unprotected=["server"])["Server server"]
    assert found.ignores == []
    assert found.inputs["labels"]["revision"] == "1"
    assert "# revision 1" in found.inputs["userData"].value


def scripts(found: dict[str, Registered]) -> dict[str, Registered]:
    """The commands that run on the server."""
    return {name: command for name, command in found.items() if command.type == "command:remote:Command"}


def private_key(command: Registered) -> Any:
    """The key that a command logs in with, which is a secret."""
    connection = command.inputs["connection"]
    key = (connection.value if isinstance(connection, Secret) else connection)["privateKey"]
    assert isinstance(connection, Secret) or isinstance(key, Secret)
    return key.value if isinstance(key, Secret) else key


def server(**changes: Any) -> dict[str, Any]:
    """The stack's server as Hetzner tells of it."""
    labels = {"managed-by": "pulumi", "project": "poste-mail", "stack": "prod"}
    found = {"id": 7, "name": "poste-mail-prod", "labels": labels, "location": "nbg1", "serverType": "cx23"}
    return found | {"deleteProtection": True} | changes


def state_of(kind: str, identifier: int) -> dict[str, Any]:
    """A state that knows one thing at Hetzner."""
    token = f"hcloud:index/{kind[0].lower()}{kind[1:]}:{kind}"
    return {
        f"urn:pulumi:prod::poste-mail::{token}::{kind.lower()}": {"type": token, "outputs": {"id": str(identifier)}}
    }


def test_the_key_in_a_file_goes_with_the_stack_after_all_that_uses_it() -> None:
    found = run()
    files = found["Command poste-ssh-files"]
    assert (files.type, files.inputs["delete"]) == ("command:local:Command", "rm -rf -- .state/ssh/prod")
    assert "Command poste-ssh-files" in found["docker poste"].depends_on


def test_each_start_of_the_container_cleans_up_and_then_becomes_poste() -> None:
    shell, flag, script = run()["Container poste"].inputs["entrypoints"]
    assert (shell, flag) == ("/bin/sh", "-c")
    assert "/run/dovecot/master.pid" in script
    assert script.rstrip().splitlines()[-1] == "exec /init"


def test_bridge_mode_publishes_the_table_on_ipv4_and_makes_no_aaaa() -> None:
    found = run(networkMode="bridge")
    ports = found["Container poste"].inputs["ports"]
    assert [port["external"] for port in ports] == [25, 80, 110, 143, 443, 465, 587, 993, 995, 4190]
    assert {port["ip"] for port in ports} == {"0.0.0.0"}  # noqa: S104
    assert "DnsRecord mail.example.com-aaaa" not in found
    assert "DnsRecord mail.example.com-a" in found


@pytest.mark.parametrize(
    ("config", "switches"),
    [
        ({}, ["TZ=UTC"]),
        ({"timeZone": "Asia/Shanghai"}, ["TZ=Asia/Shanghai"]),
        ({"disableClamav": "true", "disableRspamd": "true", "disableRoundcube": "true"},
         ["DISABLE_CLAMAV=TRUE", "DISABLE_ROUNDCUBE=TRUE", "DISABLE_RSPAMD=TRUE", "TZ=UTC"]),
        ({"https": "false", "reverseProxyCidrs": ["198.51.100.9/32"], "certificate": "none"}, ["HTTPS=OFF", "TZ=UTC"]),
        ({"httpPort": "8080", "httpsPort": "4433", "certificate": "none, in tests"},
         ["HTTPS_PORT=4433", "HTTP_PORT=8080", "TZ=UTC"]),
        ({"elasticsearch": "10.0.0.5:9200"}, ["ELASTICSEARCH=10.0.0.5:9200", "TZ=UTC"]),
    ],
)  # fmt: skip
def test_each_switch_of_the_guide_reaches_the_container(config: dict[str, Any], switches: list[str]) -> None:
    assert run(**config)["Container poste"].inputs["envs"] == switches


def test_the_records_of_a_domain_are_the_guides() -> None:
    found = run()
    content = {
        name.removeprefix("DnsRecord "): (resource.inputs["name"], resource.inputs["type"], resource.inputs["content"])
        for name, resource in found.items()
        if name.startswith("DnsRecord") and name not in PASSING
    }
    assert content == {
        "mail.example.com-a": ("mail.example.com", "A", IPV4),
        "mail.example.com-aaaa": ("mail.example.com", "AAAA", "2001:db8:100:101::1"),
        "example.com-mx": ("example.com", "MX", "mail.example.com"),
        "example.com-spf": ("example.com", "TXT", f'"v=spf1 a mx ip4:{IPV4} ip6:2001:db8:100:101::1 ~all"'),
        "example.com-dmarc": (
            "_dmarc.example.com", "TXT",
            '"v=DMARC1; p=reject; rua=mailto:admin@example.com; ruf=mailto:admin@example.com; fo=1"',
        ),
        "example.com-dkim": (
            f"{SELECTOR}._domainkey.example.com", "TXT",
            f'"v=DKIM1; k=rsa; p={KEY[:237]}" "{KEY[237:]}"',
        ),
    }  # fmt: skip
    records = [resource for name, resource in found.items() if name.startswith("DnsRecord")]
    assert {(record.inputs["proxied"], record.inputs["ttl"], record.inputs["zoneId"]) for record in records} == {
        (False, 3600, ZONE)
    }
    assert {record.inputs["comment"] for record in records} == {f"Managed by Pulumi: poste-mail/prod {OWNER}"}
    assert found["DnsRecord example.com-mx"].inputs["priority"] == 10


def test_each_domain_has_records_and_a_key_of_its_own_and_the_mail_host_only_one_address() -> None:
    found = run(domains=[{"name": "example.com"}, {"name": "example.org", "dmarc": {"policy": "none", "rua": []}}])
    assert {name for name in found if name.startswith("DkimKey")} == {
        "DkimKey dkim-example.com",
        "DkimKey dkim-example.org",
    }
    assert len([name for name in found if name.endswith("-a") and name.startswith("DnsRecord")]) == 1
    assert found["DnsRecord example.org-dmarc"].inputs["content"] == (
        '"v=DMARC1; p=none; ruf=mailto:admin@example.com; fo=1"'
    )


def test_a_weak_dkim_key_is_not_published() -> None:
    assert "1024 bits. Expected 2048 or more" in refusal(Cloud(public_key(1024)))


def test_a_foreign_record_stops_the_program_with_the_import_command() -> None:
    foreign = {"id": "abc", "name": "example.com", "type": "TXT", "content": '"v=spf1 -all"', "comment": None}
    assert f"DnsRecord example.com-spf {ZONE}/abc" in refusal(Cloud(KEY, records=[foreign]))


def test_mail_comes_only_when_the_domain_has_its_key_and_the_ports_are_open() -> None:
    mx = run()["DnsRecord example.com-mx"]
    assert {"Command dkim-example.com", "Firewall mail"} <= mx.depends_on


def test_all_that_is_in_the_way_of_any_component_is_told_at_once() -> None:
    foreign = [
        {"id": "a1", "name": "mail.example.com", "type": "A", "content": "198.51.100.9", "comment": None},
        {"id": "a2", "name": "example.com", "type": "MX", "content": "mx.other.example", "comment": None},
        {"id": "a3", "name": "_dmarc.example.com", "type": "TXT", "content": '"v=DMARC1; p=none"', "comment": None},
    ]
    text = refusal(Cloud(KEY, records=foreign))
    assert all(f"{ZONE}/{record['id']}" in text for record in foreign)
    assert text.count("DNS records are in the way:") == 1


def in_state(component: str, resource: str, **outputs: Any) -> dict[str, Any]:
    """A record in the stack's state, by URN."""
    kind = "cloudflare:index/dnsRecord:DnsRecord"
    urn = f"urn:pulumi:prod::poste-mail::poste-mail:index:{component}${kind}::{resource}"
    return {urn: {"type": kind, "outputs": {"zoneId": ZONE} | outputs}}


def test_each_zone_is_looked_up_and_read_once_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, answer = [], Cloud.call

    def call(cloud: Cloud, args: MockCallArgs) -> Any:
        asked.append(args.token.rpartition(":")[2])
        return answer(cloud, args)

    monkeypatch.setattr(Cloud, "call", call)
    domains = [{"name": "example.com"}, {"name": "sub.example.com", "zone": "example.com"}, {"name": "example.org"}]
    run_program(Cloud(KEY), domains=domains)
    assert (asked.count("getZone"), asked.count("getDnsRecords")) == (2, 2)


def test_another_text_at_the_selector_is_in_the_way_though_it_names_no_version() -> None:
    other = {"id": "k1", "name": f"{SELECTOR}._domainkey.example.com", "type": "TXT", "content": '"k=rsa; p=MIIB"'}
    text = refusal(Cloud(KEY, records=[other | {"comment": None}]))
    assert f"DnsRecord example.com-dkim {ZONE}/k1" in text
    assert "Nothing was changed" not in text


ACCOUNTS: list[dict[str, Any]] = [
    {
        "name": "example.com",
        "mailboxes": [
            {"address": "ann@example.com", "name": "Ann", "quotaMb": 100},
            {"address": "robot@example.com", "password": "always"},
            {"address": "by-hand@example.com"},
            {"address": "admin@example.com", "name": "Administrator"},
        ],
        "aliases": {"abuse@example.com": "ann@example.com", "all@example.com": ["*@example.com"]},
        "catchAll": "ann@example.com",
    },
    {"name": "example.org", "forwardTo": "example.com"},
]
GIVEN = "Mailbox-Rule-12"


def with_accounts(**changes: Any) -> dict[str, Registered]:
    passwords = dict.fromkeys(("ann@example.com", "robot@example.com"), GIVEN)
    return run(domains=ACCOUNTS, passwords=passwords, **changes)


def test_each_mailbox_and_alias_is_a_resource_and_one_run_makes_a_domains_between_it_and_its_mx() -> None:
    found = with_accounts()
    boxes = ["admin", "ann", "by-hand", "robot"]
    assert sorted(name for name in found if name.startswith("Mailbox ")) == [
        f"Mailbox {box}@example.com" for box in boxes
    ]
    aliases = ["abuse", "all", "postmaster"]
    assert sorted(name for name in found if name.startswith("Alias ")) == [
        f"Alias {name}@example.com" for name in aliases
    ]
    assert found["Mailbox ann@example.com"].inputs == {"name": "Ann", "storageLimit": 100, "password": "once"}
    assert found["Alias all@example.com"].inputs == {"targets": ["*@example.com"]}
    for domain in ("example.com", "example.org"):
        assert f"Command dkim-{domain}" in found[f"Command accounts-{domain}"].depends_on
        assert f"Command accounts-{domain}" in behind(found, found[f"DnsRecord {domain}-mx"])


def test_accounts_stay_when_server_and_container_are_replaced() -> None:
    command = with_accounts()["Command accounts-example.com"]
    fed = set().union(*(command.sources[key] for key in ("create", "update", "stdin") if key in command.sources))
    assert not {"Server server", "Container poste", "RemoteImage poste"} & fed
    assert not command.inputs.get("triggers")
    assert not command.inputs.get("delete")


def test_a_mailbox_is_asked_for_with_what_is_set_and_its_password_as_a_secret() -> None:
    found = with_accounts()
    request = secret_json(found["Command accounts-example.com"])
    accounts = {account["address"]: account for account in request.pop("accounts")}
    assert request == {
        "url": "https://127.0.0.1:443", "domain": "example.com", "folder": "/mnt/poste/accounts",
        "catch_all": "ann@example.com", "forward_to": None,
    }  # fmt: skip
    assert accounts["ann@example.com"] == {
        "address": "ann@example.com", "kind": "mailbox", "wanted": {"name": "Ann"},
        "quota": {"storageLimit": 100}, "password": GIVEN, "always": False,
    }  # fmt: skip
    assert accounts["robot@example.com"]["always"] is True
    for name in ("by-hand", "admin"):
        assert accounts[f"{name}@example.com"]["password"] is None, name
    for name, resource in found.items():
        shown = repr({key: value for key, value in resource.inputs.items() if not isinstance(value, Secret)})
        assert GIVEN not in shown, name


def test_aliases_say_whether_somebody_asked_for_them_and_the_rest_of_a_domains_mail_where_it_goes() -> None:
    found = with_accounts()
    accounts = {
        account["address"]: account for account in secret_json(found["Command accounts-example.com"])["accounts"]
    }
    told = [
        (accounts[f"{name}@example.com"]["kind"], accounts[f"{name}@example.com"]["wanted"])
        for name in ("abuse", "postmaster")
    ]
    assert told == [("alias", {"redirectTo": ["ann@example.com"]}), ("role", {"redirectTo": ["admin@example.com"]})]
    other = json.loads(found["Command accounts-example.org"].inputs["stdin"])
    assert (other["catch_all"], other["forward_to"], other["accounts"]) == (None, "example.com", [])


def test_what_is_to_be_deleted_is_named_to_the_script() -> None:
    found = run(deleteMailboxes=["gone@example.com"], deleteDomains=["example.net"])
    command = found["Command deletions"]
    assert command.inputs["create"].startswith("python3 /opt/poste-mail/accounts.py delete ")
    told = json.loads(command.inputs["stdin"])
    assert (told["mailboxes"], told["domains"]) == (["gone@example.com"], ["example.net"])
    assert "Command poste-install" in behind(found, command)
    assert "Command deletions" not in run()


def test_a_preview_says_what_becomes_of_accounts_that_leave() -> None:
    said: list[str] = []
    kind = "poste-mail:index:Mailbox"
    state = {f"urn:pulumi:prod::poste-mail::{kind}::ann@example.com": {"type": kind, "outputs": {}}}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pulumi.log.warn", lambda text, *_: said.append(text))
        run_program(Cloud(KEY, state=state))
    assert [text for text in said if "ann@example.com is taken off: its mailbox is disabled" in text]


def test_a_new_mail_host_is_refused_until_the_old_one_is_named_among_the_former() -> None:
    state = in_state("MailHostRecords", "old.example.com-a", id="a1", name="old.example.com", type="A", content=IPV4)
    state["urn:pulumi:prod::x"] = {"type": "pulumi:pulumi:Stack", "outputs": {"mailHost": "old.example.com"}}
    assert "pulumi config set --path 'formerMailHosts[0]' old.example.com" in refusal(Cloud(KEY, state=state))
    found = run_program(Cloud(KEY, state=state), formerMailHosts=["old.example.com"])
    assert found["DnsRecord old.example.com-a"].inputs["content"] == IPV4


def test_a_domain_that_receives_elsewhere_gets_no_mx_yet() -> None:
    found = run(domains=[{"name": "example.com", "receive": False}])
    assert "DnsRecord example.com-mx" not in found
    assert "DnsRecord example.com-dkim" in found


def test_each_domains_records_stand_in_its_own_zone_and_the_consent_in_the_other_ones() -> None:
    found = run(domains=[{"name": "example.com"}, {"name": "example.org"}])
    consent = found["DnsRecord example.org-reports-to-example.com"].inputs
    assert (consent["name"], consent["content"]) == ("example.org._report._dmarc.example.com", '"v=DMARC1"')
    assert consent["zoneId"] == ZONE
    # It goes when another address gets the reports, which nothing needs to be unprotected for.
    assert not found["DnsRecord example.org-reports-to-example.com"].protect
    assert found["DnsRecord example.org-mx"].inputs["zoneId"] == ZONES["example.org"]


def test_a_record_whose_comment_was_edited_is_still_ours() -> None:
    """Only what the state has is known for sure; a comment can be edited by anyone."""
    edited = {"id": "a2", "name": "example.com", "type": "MX", "content": "edited.example", "comment": "mine"}
    state = in_state("MailDomain", "example.com-mx", id="a2", name="example.com", type="MX")
    found = run_program(Cloud(KEY, records=[edited], state=state))
    assert found["DnsRecord example.com-mx"].inputs["content"] == "mail.example.com"


def test_a_server_type_without_the_memory_for_clamav_is_refused() -> None:
    assert "ClamAV needs 4" in refusal(Cloud(KEY, server_type={"memory": 2}))


def test_a_preview_of_an_empty_stack_shows_all_resources_though_nothing_is_known_yet() -> None:
    full, empty = run(), run_program(Cloud(KEY, unknown=True), preview=True)
    assert set(empty) == set(full)
    not_yet = [
        ("DnsRecord example.com-dkim", "content"),
        ("DnsRecord example.com-dkim", "name"),
        ("docker poste", "host"),
    ]
    for name, key in not_yet:
        assert isinstance(empty[name].inputs[key], Unknown), name
        assert not isinstance(full[name].inputs[key], Unknown), name
    assert empty["DnsRecord example.com-mx"].inputs["content"] == "mail.example.com"


def test_two_stacks_share_no_name_at_hetzner_and_no_comment_at_cloudflare() -> None:
    def names(stack: str) -> set[str]:
        return {
            str(resource.inputs.get("name", resource.inputs.get("comment")))
            for resource in run_program(Cloud(KEY), stack=stack).values()
            if resource.type.startswith("hcloud:") and "name" in resource.inputs
        }

    assert names("prod").isdisjoint(names("staging"))


def test_only_explicit_providers_are_used() -> None:
    for resource in run().values():
        if not resource.type.startswith(("pulumi:", "poste-mail:")):
            assert resource.provider, resource.name


def test_a_caa_record_permits_the_account_before_it_asks_for_a_certificate() -> None:
    found = run()
    record = found["DnsRecord mail.example.com-caa"]
    assert record.inputs["data"] == {
        "flags": 0, "tag": "issue", "value": f"letsencrypt.org; accounturi={ACCOUNT}; validationmethods=http-01",
    }  # fmt: skip
    assert "Command certificate-account" in record.depends_on
    assert "DnsRecord mail.example.com-caa" in found["Command certificate"].depends_on
    # Else the engine would ask for it with nothing of `data` known, where the server is replaced.
    assert record.sources["data"] == set()


def test_the_keys_are_told_beside_each_other_where_the_zone_is_validated() -> None:
    found = run_program(Cloud(KEY, dnssec="active"), dnssec=["example.com"])
    for slot in ("0", "1"):
        record = found[f"DnsRecord mail.example.com-tlsa-{slot}"]
        assert record.inputs["name"] == "_25._tcp.mail.example.com"
        assert record.inputs["data"] == {"usage": 3, "selector": 1, "matchingType": 1, "certificate": slot * 64}
        assert "Command certificate-keys" in record.depends_on
        assert record.sources["data"] == set()
    assert "Container poste" not in found["Command certificate-keys"].sources["update"]
    assert not [name for name in run(dnssec=["example.com"]) if "tlsa" in name]


@pytest.mark.parametrize(("protect", "status", "kept"), [("true", "pending", True), ("false", "pending", False),
                                                         ("false", "active", True)])  # fmt: skip
def test_a_signed_zone_stays_protected_while_its_parent_vouches_for_it(protect: str, status: str, kept: bool) -> None:
    found = run_program(Cloud(KEY, dnssec=status), dnssec=["example.com"], protect=protect)
    signed = found["ZoneDnssec example.com"]
    assert (signed.inputs["zoneId"], signed.inputs["status"]) == (ZONE, "active")
    assert signed.protect is kept


def test_a_zone_is_not_left_unsigned_while_its_parent_vouches_for_it() -> None:
    kind = "cloudflare:index/zoneDnssec:ZoneDnssec"
    urn = f"urn:pulumi:prod::poste-mail::poste-mail:index:ZoneSigning${kind}::example.com"
    state = {urn: {"type": kind, "outputs": {"zoneId": ZONE}}}
    said = refusal(Cloud(KEY, dnssec="active", state=state), protect="false")
    assert "the parent of example.com has a DS record" in said
    assert "ZoneDnssec example.com" not in run_program(Cloud(KEY, dnssec="pending", state=state), protect="false")
    assert "put it back, lift the protection" in refusal(Cloud(KEY, dnssec="pending", state=state))


def test_one_worker_serves_all_domains_and_each_policy_is_announced_when_it_is_served() -> None:
    found = run(domains=[{"name": "example.com"}, {"name": "example.org"}], mtaSts="testing", clientSetup=True)
    (worker,) = (resource for resource in found.values() if resource.type.endswith(":WorkersScript"))
    assert worker.inputs["scriptName"] == f"poste-mail-{OWNER}"
    hosts = {
        resource.inputs["hostname"]: resource
        for resource in found.values()
        if resource.type.endswith(":WorkersCustomDomain")
    }
    assert set(hosts) == {
        f"{label}.{domain}"
        for label in ("mta-sts", "autoconfig", "autodiscover")
        for domain in ("example.com", "example.org")
    }
    for host, resource in hosts.items():
        assert resource.inputs["zoneId"] == (ZONES["example.org"] if host.endswith(".org") else ZONE)
        assert resource.inputs["service"] == worker.inputs["scriptName"]
        assert resource.delete_first
        assert found[f"DnsRecord {host}-mx"].inputs["content"] == "."
    for domain in ("example.com", "example.org"):
        announced = found[f"DnsRecord {domain}-mta-sts"]
        assert f"WorkersCustomDomain mta-sts.{domain}" in announced.depends_on
        assert "Command certificate" not in behind(found, announced)


def test_the_worker_keeps_its_name_when_the_owner_id_is_another() -> None:
    kind = "cloudflare:index/workersScript:WorkersScript"
    urn = f"urn:pulumi:prod::poste-mail::poste-mail:index:PolicyWorker${kind}::policies"
    state = {urn: {"type": kind, "outputs": {"scriptName": "poste-mail-first"}}}
    served = [{"hostname": "mta-sts.example.com", "service": "poste-mail-first"}]
    found = run_program(Cloud(KEY, state=state, served=served), mtaSts="testing", ownerId="0123456789abcdef")
    assert found["WorkersScript policies"].inputs["scriptName"] == "poste-mail-first"


def test_the_signing_of_a_zone_is_the_first_that_a_destroy_meets() -> None:
    """What is destroyed first is what nothing else waits for and that waits for all others."""
    found = run(dnssec=["example.com"], mtaSts="testing", clientSetup=True)
    records = {name for name in found if name.startswith(("DnsRecord", "Workers", "Server ", "Volume ", "Firewall"))}
    assert records <= behind(found, found["ZoneDnssec example.com"])


def told(domain: str, **outputs: str) -> dict[str, Any]:
    """What senders to a domain were told, as the state has it."""
    kind = "poste-mail:index:SenderPolicy"
    return {f"urn:pulumi:prod::poste-mail::{kind}::{domain}": {"type": kind, "outputs": outputs}}


def test_a_policy_is_enforced_only_behind_a_certificate_that_is_served() -> None:
    found = run_program(Cloud(KEY, state=told("example.com", mode="testing")), mtaSts="enforce")
    assert "Command certificate" in found["WorkersScript policies"].depends_on
    assert "Set testing, deploy that" in refusal(Cloud(KEY), mtaSts="enforce")


def test_a_policy_that_senders_enforce_does_not_just_go() -> None:
    state = told("example.com", mode="enforce")
    assert "Set none first and deploy that" in refusal(Cloud(KEY, state=state))
    elsewhere = [{"name": "example.com", "receive": False}]
    assert "Set none first" in refusal(Cloud(KEY, state=state), mtaSts="enforce", domains=elsewhere)
    assert "DnsRecord example.com-mta-sts" in run_program(Cloud(KEY, state=state), mtaSts="none")


def test_a_token_without_rights_to_workers_and_a_host_of_another_worker_stop_the_preview() -> None:
    taken = [{"hostname": "mta-sts.example.com", "service": "another"}]
    said = refusal(Cloud(KEY, served=taken), mtaSts="testing")
    assert "mta-sts.example.com leads to another Worker, another" in said
    ours = [{"hostname": "mta-sts.example.com", "service": f"poste-mail-{OWNER}"}]
    assert "WorkersCustomDomain mta-sts.example.com" in run_program(Cloud(KEY, served=ours), mtaSts="testing")


def test_a_record_where_a_worker_is_to_answer_stops_the_preview() -> None:
    there = {"id": "a3", "name": "autoconfig.example.com", "type": "CNAME", "content": "old.example.net"}
    said = refusal(Cloud(KEY, records=[there]), clientSetup=True)
    assert "autoconfig.example.com CNAME old.example.net (id a3), in the way of this stack's web record" in said
    assert "delete this one at Cloudflare" in said
