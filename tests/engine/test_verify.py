"""Verification of a real server: green when it is well, red for the right check on each fault, green after repair."""

import contextlib
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import dns.query
import dns.reversename
import dns.tsigkeyring
import dns.update
import pytest
from hcloud.firewalls.domain import FirewallRule

from offline.sandbox import world
from tests.support import clouds
from tests.support.stack import Stack

ZONE = "verified.example"
HOST = f"mail.{ZONE}"
NAME = "verified"


@pytest.fixture(scope="module")
def server(sandbox: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack whose mail server the tests may break."""
    clouds.remove_all_of(NAME)
    clouds.add_zone(ZONE)
    stack = Stack(
        tmp_path_factory.mktemp("verified"),
        NAME,
        mailHost=HOST,
        domains=[{"name": ZONE}],
        adminAddress=f"admin@{ZONE}",
    )
    stack.up()
    yield stack
    stack.run("destroy", "--yes", "--skip-preview", "--stack", stack.name)


def verify(stack: Stack, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command as a person does."""
    return subprocess.run(
        [sys.executable, "-m", "operate", "verify", "--stack", stack.name, *arguments],
        cwd=stack.folder,
        env=stack.environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def findings(stack: Stack, only: str = "") -> list[dict[str, Any]]:
    """Every result; the exit status fits them."""
    done = verify(stack, "--json", "--only", only)
    assert done.returncode in (0, 1), done.stderr
    answer = json.loads(done.stdout)
    found: list[dict[str, Any]] = answer["results"]
    assert found
    red = [result for result in found if result["required"] and result["status"] in ("fail", "unknown")]
    assert answer["ok"] is (done.returncode == 0) is (not red)
    return found


def red(stack: Stack, only: str = "") -> set[str]:
    """The checks that do not hold, whether required or recommended."""
    return {result["check"] for result in findings(stack, only) if result["status"] in ("fail", "unknown")}


@contextlib.contextmanager
def record(stack: Stack, kind: str, name: str, content: str | None) -> Iterator[None]:
    """Change the content of a record by hand, or with None delete it, for a while."""
    zone = clouds.zone_id(ZONE)
    with clouds.cloudflare_dns() as client:
        records = client.dns.records
        (found,) = [entry for entry in records.list(zone_id=zone) if (entry.type, entry.name) == (kind, name)]
        kept: Any = {"type": kind, "name": name, "content": found.content, "ttl": found.ttl, "comment": found.comment}
        if kind == "MX":
            kept["priority"] = 10
        if content:
            records.edit(found.id, zone_id=zone, **kept | {"content": content, "ttl": 60})
        else:
            records.delete(found.id, zone_id=zone)
        clouds.forget_answers()
        try:
            yield
        finally:
            if content:
                records.edit(found.id, zone_id=zone, **kept)
            else:
                stack.up("--refresh")
            clouds.forget_answers()


@contextlib.contextmanager
def extra_record(kind: str, name: str, content: Any) -> Iterator[None]:
    """Add a record by hand for a while."""
    zone = clouds.zone_id(ZONE)
    field: dict[str, Any] = {"data": content} if isinstance(content, dict) else {"content": content}
    if kind == "MX":
        field["priority"] = 20
    with clouds.cloudflare_dns() as client:
        values: Any = {"type": kind, "name": name, "ttl": 300, **field}
        made = client.dns.records.create(zone_id=zone, **values)
        assert made is not None
        clouds.forget_answers()
        try:
            yield
        finally:
            client.dns.records.delete(made.id, zone_id=zone)
            clouds.forget_answers()


@contextlib.contextmanager
def firewall(which: str, change: Callable[[list[FirewallRule]], list[FirewallRule]]) -> Iterator[None]:
    """Change a cloud firewall's rules for a while."""
    client = clouds.hetzner()
    wall = client.firewalls.get_by_name(f"poste-mail-{NAME}-{which}")
    assert wall is not None
    rules = list(wall.rules or [])
    for action in wall.set_rules(change(rules)):
        action.wait_until_finished()
    try:
        yield
    finally:
        for action in wall.set_rules(rules):
            action.wait_until_finished()


@contextlib.contextmanager
def on_server(stack: Stack, fault: str, repair: str) -> Iterator[None]:
    """Run a command on the server that breaks something, and in the end one that mends it."""
    stack.on_server(fault)
    try:
        yield
    finally:
        stack.on_server(repair)


def in_poste(script: str) -> str:
    """A command for the server that runs a script in the container; the script holds no single quotes."""
    return f"docker exec poste sh -c '{script}'"


def until_green(stack: Stack, only: str) -> None:
    """After a repair all is well again, at once or as soon as services have restarted."""
    done = verify(stack, "--only", only, "--watch", "60")
    assert done.returncode == 0, done.stdout


def test_healthy_server_is_green_and_nothing_secret_is_said(server: Stack) -> None:
    done = verify(server)
    assert done.returncode == 0, done.stdout
    assert "The mail server works" in done.stdout
    for secret in server.secrets():
        assert secret not in done.stdout + done.stderr
    assert red(server) == set()


OTHER_KEY = (
    "v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDwIRP/UC3SBsEmGqZ9ZJW3/DkMoGeLnQg1fWn7/zYt"
    "IxN2SnFCjxOCKG9v3b4jYfcTNh5ijSsq631uBItLa7od+v/RtdC2UzJ1lWT947qR+Rcac2gbto/NMqJ0fzfVjH4OuKhitdY9tf6mcwGjaNBcWToI"
    "MmPSPDdQPNUYckcQ2QIDAQAB"
)


@pytest.mark.parametrize(
    ("kind", "name", "content", "only", "expected"),
    [
        ("MX", ZONE, "mx.other.example", "dns,reverse", {"dns.mx"}),
        ("TXT", ZONE, '"v=spf1 ip4:198.51.100.9 -all"', "dns,reverse,mail.out", {"dns.spf", "mail.out"}),
        ("TXT", f"_dmarc.{ZONE}", '"v=DMARC1; p=rejct"', "dns,reverse", {"dns.dmarc"}),
        ("TXT", f"_dmarc.{ZONE}", None, "dns,reverse", {"dns.dmarc"}),
        ("A", HOST, "198.51.100.80", "dns,reverse", {"dns.a", "reverse.confirmed"}),
        ("A", HOST, "104.16.0.1", "dns,reverse", {"dns.a", "dns.not-proxied", "reverse.confirmed"}),
        ("AAAA", HOST, None, "dns,reverse", {"dns.aaaa", "reverse.confirmed"}),
    ],
)
def test_wrong_record_is_red_where_it_is_wrong(
    server: Stack, kind: str, name: str, content: str | None, only: str, expected: set[str]
) -> None:
    with record(server, kind, name, content):
        assert red(server, only) == expected
    until_green(server, only)


def test_another_key_in_dns_breaks_dkim_and_what_others_make_of_our_mail(server: Stack) -> None:
    name = server.outputs()["domains"][ZONE]["dkimName"]
    only = "dns,mail.out,mail.back,container"
    with record(server, "TXT", name, f'"{OTHER_KEY[:250]}" "{OTHER_KEY[250:]}"'):
        assert red(server, only) == {"dns.dkim", "mail.out"}
    until_green(server, only)


@pytest.mark.parametrize(
    ("kind", "name", "content", "check", "status"),
    [
        ("TXT", ZONE, '"v=spf1 -all"', "dns.spf", "fail"),
        ("MX", ZONE, "mx.other.example", "dns.mx", "fail"),
        ("TXT", f"*.{ZONE}", '"anything"', "dns.no-wildcard", "warn"),
        ("CAA", ZONE, {"flags": 0, "tag": "issue", "value": "other.example"}, "dns.caa", "fail"),
        ("CAA", ZONE, {"flags": 0, "tag": "issue", "value": "LetsEncrypt.org"}, "dns.caa", "ok"),
        (
            "CAA",
            ZONE,
            {"flags": 0, "tag": "issue", "value": "letsencrypt.org; validationmethods=dns-01"},
            "dns.caa",
            "fail",
        ),
        # What an earlier server or provider has left behind.
        (
            "TLSA",
            f"_25._tcp.{HOST}",
            {"usage": 3, "selector": 1, "matching_type": 1, "certificate": "ab" * 32},
            "dns.tlsa",
            "fail",
        ),
        ("TXT", f"_mta-sts.{ZONE}", '"v=STSv1; id=20250101"', "dns.mta-sts", "fail"),
        ("TXT", f"_smtp._tls.{ZONE}", '"v=TLSRPTv1; rua=mailto:tls@other.example"', "dns.tls-reports", "warn"),
        ("CNAME", f"autodiscover.{ZONE}", "mx.other.example", "dns.client-setup", "warn"),
        (
            "SRV",
            f"_imaps._tcp.{ZONE}",
            {"priority": 0, "weight": 1, "port": 993, "target": "mx.other.example"},
            "dns.client-setup",
            "warn",
        ),
    ],
)
def test_record_too_many_is_noticed(server: Stack, kind: str, name: str, content: Any, check: str, status: str) -> None:
    before = {result["check"]: result["status"] for result in findings(server, "dns")}
    with extra_record(kind, name, content):
        after = {result["check"]: result["status"] for result in findings(server, "dns")}
    assert after == before | {check: status}


def test_generic_reverse_name_is_red(server: Stack) -> None:
    client = clouds.hetzner()
    (address,) = [
        entry
        for entry in client.primary_ips.get_all(label_selector=f"stack={NAME}")
        if str(entry.ip) == server.outputs()["ipv4"]
    ]
    ipv4 = str(address.ip)
    address.change_dns_ptr(ipv4, "static.clients.other.example").wait_until_finished()
    clouds.forget_answers()
    try:
        assert red(server, "dns,reverse,smtp.greeting") == {"reverse.ptr", "reverse.confirmed"}
    finally:
        address.change_dns_ptr(ipv4, HOST).wait_until_finished()
        clouds.forget_answers()
    assert red(server, "dns,reverse,smtp.greeting") == set()


def test_closed_port_is_red_and_no_other_port_with_it(server: Stack) -> None:
    only = "ports,smtp,mail.sieve,mail.submission"
    with firewall("mail", lambda rules: [rule for rule in rules if rule.port != "4190"]):
        found = findings(server, only)
        wrong = {(result["check"], result["subject"]) for result in found if result["status"] in ("fail", "unknown")}
        assert wrong == {
            ("ports.open", "IPv4 4190 sieve"),
            ("ports.open", "IPv6 4190 sieve"),
            ("mail.sieve", f"admin@{ZONE}"),
        }
    assert red(server, only) == set()


def test_port_that_should_not_be_open_is_red(server: Stack) -> None:
    anywhere = FirewallRule(direction="in", protocol="tcp", port="8080", source_ips=["0.0.0.0/0", "::/0"])
    listen = "nohup python3 -m http.server 8080 --bind :: >/dev/null 2>&1 & echo $! >/run/listener"
    chain = "inet mail_host input"
    open_host = f"nft insert rule {chain} tcp dport 8080 accept; "
    handle = f'$(nft -a list chain {chain} | sed -n "s/.*dport 8080 .*handle //p")'
    close_host = f"kill $(cat /run/listener); nft delete rule {chain} handle {handle}"
    with firewall("mail", lambda rules: [*rules, anywhere]), on_server(server, open_host + listen, close_host):
        found = findings(server, "ports.closed")
        assert {result["found"] for result in found} == {"open: 8080"}
    assert red(server, "ports.closed") == set()


def test_blocked_port_25_is_red_with_what_to_write_to_support(server: Stack) -> None:
    def blocked(rules: list[FirewallRule]) -> list[FirewallRule]:
        return [rule for rule in rules if (rule.direction, rule.port) != ("out", "25")]

    with firewall("ssh", blocked):
        (found,) = findings(server, "outbound")
        assert found["status"] == "fail"
        assert f"unblock outgoing ports 25 and 465 for {server.outputs()['ipv4']}" in found["remedy"]
    assert red(server, "outbound") == set()


EXPIRED = (
    "openssl req -x509 -newkey rsa:2048 -noenc -subj /CN=expired -addext subjectAltName=DNS:" + HOST + " "
    "-not_before 20250101000000Z -not_after 20250201000000Z -keyout /tmp/server.key -out /tmp/server.crt 2>/dev/null"
)


def test_expired_certificate_is_red_on_every_port(server: Stack) -> None:
    keep = "cp -p server.key server.crt /root"
    put = "cat /tmp/server.key >server.key && cat /tmp/server.crt >server.crt"
    back = "cp -p /root/server.key /root/server.crt ."
    restart = "docker restart -t 5 poste >/dev/null"
    folder = "cd /data/ssl"
    fault = f"{in_poste(f'{folder} && {keep} && {EXPIRED} && {put}')} && {restart}"
    with on_server(server, fault, f"{in_poste(f'{folder} && {back}')} && {restart}"):
        until_green(server, "ports.open")
        found = findings(server, "tls")
        expired = {
            result["subject"] for result in found if (result["check"], result["status"]) == ("tls.expiry", "fail")
        }
        assert len(expired) == 9
        wrong = {result["check"] for result in found if result["status"] == "fail"}
        assert wrong <= {"tls.expiry", "tls.trust"}
    until_green(server, "ports.open,tls,mail")


def test_open_relay_is_red_on_both_families(server: Stack) -> None:
    config, restart = "/etc/exim4/exim4.conf", "s6-svc -r /run/s6/services/haraka-smtp"
    fault = (
        f'cp {config} /tmp/kept && sed -i "/^acl_recipient:/a accept domains = !+local_domains" {config} && {restart}'
    )
    with on_server(server, in_poste(fault), in_poste(f"cp /tmp/kept {config} && {restart}")):
        until_green(server, "ports.open,smtp.greeting")
        wrong = {
            (result["check"], result["subject"]) for result in findings(server, "smtp") if result["status"] == "fail"
        }
        assert wrong == {("smtp.no-relay", "IPv4"), ("smtp.no-relay", "IPv6")}
    until_green(server, "smtp")


def heal(stack: Stack, remedy: str) -> None:
    """Run the commands of Pulumi that a remedy names, one after the other, as whoever reads it would."""
    commands = re.findall(r"pulumi (.+? --stack [\w-]+)", remedy)
    assert commands, remedy
    for command in commands:
        stack.run(*command.split(), *["--yes", "--skip-preview"] * command.startswith("up"))


def heals(stack: Stack, check: str, found: str = "") -> None:
    """The check is red for this reason, and what it advises makes it green."""
    wrong = [result for result in findings(stack, check) if result["status"] == "fail"]
    assert wrong
    assert any(found in result["found"] for result in wrong), wrong
    heal(stack, wrong[0]["remedy"])
    until_green(stack, check)


POSTE = "docker exec poste poste"


@pytest.mark.parametrize(
    ("fault", "check", "found"),
    [
        pytest.param(
            in_poste(f"rm /opt/haraka-smtp/config/dkim/{ZONE}"),
            "container.dkim",
            "haraka-smtp does not find the key",
            id="signer lost its key",
        ),
        pytest.param(
            f"{POSTE} domain:dkim --create {ZONE}", "container.dkim", "made anew in Poste", id="key made anew in Poste"
        ),
        pytest.param(f"{POSTE} domain:dkim --remove {ZONE}", "container.dkim", "has no key", id="key deleted in Poste"),
        pytest.param("nft delete table inet mail_host", "server.firewall", "not loaded", id="host firewall flushed"),
        pytest.param(
            "nft 'add chain inet mail_host input { policy accept; }'",
            "server.firewall",
            "input accept",
            id="host firewall lets everything in",
        ),
    ],
)
def test_what_was_changed_on_the_server_is_healed_by_running_the_scripts_again(
    server: Stack, fault: str, check: str, found: str
) -> None:
    server.on_server(fault)
    # What a plain up does not see, it does not heal: so it is not what is advised.
    server.up()
    assert red(server, check) == {check}
    heals(server, check, found)
    until_green(server, "dns,container,server,mail")


def test_what_was_changed_at_the_clouds_is_healed_by_looking_there_first(server: Stack) -> None:
    client = clouds.hetzner()
    wall = client.firewalls.get_by_name(f"poste-mail-{NAME}-mail")
    assert wall is not None
    for action in wall.set_rules([rule for rule in wall.rules or [] if rule.port != "4190"]):
        action.wait_until_finished()
    zone = clouds.zone_id(ZONE)
    with clouds.cloudflare_dns() as cloudflare:
        records = cloudflare.dns.records
        (mx,) = [entry for entry in records.list(zone_id=zone) if (entry.type, entry.name) == ("MX", ZONE)]
        changed: Any = {"type": "MX", "name": ZONE, "content": "mx.other.example", "priority": 10, "ttl": 60}
        records.edit(mx.id, zone_id=zone, **changed)
    assert red(server, "dns.mx,ports.open") == {"dns.mx", "ports.open"}
    heals(server, "dns.mx", "mx.other.example")
    clouds.forget_answers()
    until_green(server, "dns,ports")


def test_reboot_that_is_due_is_noted(server: Stack) -> None:
    note = "echo linux-image-amd64 >/run/reboot-required.pkgs; touch /run/reboot-required"
    with on_server(server, note, "rm /run/reboot-required /run/reboot-required.pkgs"):
        (found,) = findings(server, "server.reboot")
        assert (found["status"], found["found"]) == ("warn", "due for linux-image-amd64")
    assert [result["status"] for result in findings(server, "server.reboot")] == ["ok"]


def test_listing_is_red_but_only_recommended(server: Stack) -> None:
    reverse = dns.reversename.from_address(server.outputs()["ipv4"]).to_text().split(".in-addr")[0]
    keys = dns.tsigkeyring.from_text(dict([world.UPDATE_KEY]))

    def update(*record: Any) -> None:
        change = dns.update.Update("bl.spamcop.net", keyring=keys, keyalgorithm="hmac-sha256")
        change.delete(reverse)
        if record:
            change.add(reverse, *record)
        assert dns.query.tcp(change, clouds.AUTHORITATIVE[0], timeout=5).rcode() == 0
        clouds.forget_answers()

    update(60, "A", "127.0.0.2")
    try:
        found = [result for result in findings(server, "reputation") if result["status"] != "ok"]
        assert [result["found"] for result in found] == ["listed (127.0.0.2)"]
        assert verify(server, "--only", "reputation").returncode == 0
    finally:
        update()
    assert red(server, "reputation") == set()


def test_watch_waits_until_the_repair_shows(server: Stack) -> None:
    command = [sys.executable, "-m", "operate", "verify", "--stack", server.name, "--only", "dns.mx", "--watch", "60"]
    with record(server, "MX", ZONE, "mx.other.example"):
        watching = subprocess.Popen(
            command,
            cwd=server.folder,
            env=server.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert watching.stderr is not None
        assert "not yet: dns.mx" in watching.stderr.readline()
    output, _ = watching.communicate(timeout=90)
    assert watching.returncode == 0, output
    assert "The mail server works" in output


def test_client_set_up_is_printed_without_a_password(server: Stack) -> None:
    text = server.python("operate", "clients", "--stack", server.name, "--write", "files")
    assert f"IMAP {HOST}  port 993" in text
    assert (server.folder / f"files/{ZONE}.autoconfig.xml").exists()
    for secret in server.secrets():
        assert secret not in text
