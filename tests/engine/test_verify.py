"""Verification of a real server: green when it is well, red for the right check on each fault, green after repair."""

import contextlib
import json
import re
import subprocess
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import dns.query
import dns.reversename
import dns.tsigkeyring
import dns.update
import pytest
from hcloud.firewalls.domain import FirewallRule

from offline.sandbox import world
from tests.engine.conftest import DOMAIN, HOST, NAME, SECOND
from tests.support import clouds
from tests.support.stack import Stack
from tests.support.warm import warm_python


def verify(stack: Stack, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command as a person does."""
    return subprocess.run(
        [str(warm_python().interpreter), "-m", "operate", "verify", "--stack", stack.name, *arguments],
        cwd=stack.folder,
        env=stack.environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def findings(stack: Stack, only: str = "", *more: str) -> list[dict[str, Any]]:
    """Every result; the exit status fits them."""
    done = verify(stack, "--json", "--only", only, *more)
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


def shows(look: Callable[[], object], expected: object) -> None:
    """What is looked at is so, if not at once: one look may come while services restart or the machine is busy."""

    def is_so() -> bool:
        assert look() == expected
        return True

    clouds.eventually(is_so, 90)


@contextlib.contextmanager
def edited(contents: Mapping[tuple[str, str], str]) -> Iterator[None]:
    """Change the contents of records, each given by type and name, by hand for a while."""
    zone = clouds.zone_id(DOMAIN)
    with clouds.cloudflare_dns() as client:
        records: Any = client.dns.records
        ours = [entry for entry in records.list(zone_id=zone) if entry.comment]
        kept = {entry.id: entry for entry in ours if (entry.type, entry.name) in contents}
        assert len(kept) == len(contents)

        def edit(entry: Any, content: str, ttl: int) -> None:
            more = {"priority": 10} if entry.type == "MX" else {}
            same = {"type": entry.type, "name": entry.name, "comment": entry.comment, **more}
            records.edit(entry.id, zone_id=zone, content=content, ttl=ttl, **same)

        for entry in kept.values():
            edit(entry, contents[entry.type, entry.name], 60)
        clouds.forget_answers()
        try:
            yield
        finally:
            for entry in kept.values():
                edit(entry, entry.content, entry.ttl)
            clouds.forget_answers()


@contextlib.contextmanager
def added(contents: Mapping[tuple[str, str], Any]) -> Iterator[None]:
    """Add records, each given by type and name, by hand for a while."""
    zone = clouds.zone_id(DOMAIN)
    with clouds.cloudflare_dns() as client:
        records: Any = client.dns.records
        made = []
        try:
            for (kind, name), content in contents.items():
                field = {"data": content} if isinstance(content, dict) else {"content": content}
                more = {"priority": 20} if kind == "MX" else {}
                made.append(records.create(zone_id=zone, type=kind, name=name, ttl=300, **field, **more).id)
            clouds.forget_answers()
            yield
        finally:
            for identifier in made:
                records.delete(identifier, zone_id=zone)
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
    done = verify(stack, "--only", only, "--watch", "180")
    assert done.returncode == 0, done.stdout


def test_healthy_server_is_green_and_nothing_secret_is_said(deployed: Stack) -> None:
    done = verify(deployed, "--watch", "90")
    assert done.returncode == 0, done.stdout
    assert "The mail server works" in done.stdout
    for secret in deployed.secrets():
        assert secret not in done.stdout + done.stderr
    shows(lambda: red(deployed), set())


OTHER_KEY = (
    "v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDwIRP/UC3SBsEmGqZ9ZJW3/DkMoGeLnQg1fWn7/zYt"
    "IxN2SnFCjxOCKG9v3b4jYfcTNh5ijSsq631uBItLa7od+v/RtdC2UzJ1lWT947qR+Rcac2gbto/NMqJ0fzfVjH4OuKhitdY9tf6mcwGjaNBcWToI"
    "MmPSPDdQPNUYckcQ2QIDAQAB"
)


BY_ADDRESS = {kind: {f"dns.{kind.lower()}", "dns.spf-host", "dns.srv"} for kind in ("A", "AAAA")}
"""What hangs on the mail host's addresses: who may send as it, and where mail programs are led."""


@pytest.mark.parametrize(
    ("contents", "only", "expected"),
    [
        (
            {
                ("MX", DOMAIN): "mx.other.example",
                ("TXT", f"_dmarc.{DOMAIN}"): '"v=DMARC1; p=rejct"',
                ("A", HOST): "104.16.0.1",
            },
            "dns,reverse",
            {"dns.mx", "dns.mta-sts", "dns.dmarc", "reverse.confirmed", "dns.not-proxied", *BY_ADDRESS["A"]},
        ),
        (
            {("TXT", DOMAIN): '"v=spf1 ip4:198.51.100.9 -all"', ("A", HOST): "198.51.100.80"},
            "dns,reverse",
            {"dns.spf", "reverse.confirmed", *BY_ADDRESS["A"]},
        ),
        ({("TXT", DOMAIN): '"v=spf1 ip4:198.51.100.9 -all"'}, "dns,mail.out", {"dns.spf", "mail.out"}),
    ],
    ids=["MX, DMARC, A", "SPF, A", "SPF and mail"],
)
def test_wrong_records_are_red_where_they_are_wrong(
    deployed: Stack, contents: dict[tuple[str, str], str], only: str, expected: set[str]
) -> None:
    with edited(contents):
        shows(lambda: red(deployed, only), expected)


def test_missing_records_are_red_and_come_back_as_verify_advises(deployed: Stack) -> None:
    zone = clouds.zone_id(DOMAIN)
    gone = {("TXT", f"_dmarc.{DOMAIN}"), ("AAAA", HOST)}
    with clouds.cloudflare_dns() as client:
        for entry in list(client.dns.records.list(zone_id=zone)):
            if (entry.type, entry.name) in gone:
                client.dns.records.delete(entry.id, zone_id=zone)
    clouds.forget_answers()
    shows(lambda: red(deployed, "dns,reverse"), {"dns.dmarc", "reverse.confirmed", *BY_ADDRESS["AAAA"]})
    heals(deployed, "dns.dmarc")
    clouds.forget_answers()
    until_green(deployed, "dns,reverse")


def test_another_key_in_dns_breaks_dkim_and_what_others_make_of_our_mail(deployed: Stack) -> None:
    name = deployed.outputs()["domains"][DOMAIN]["dkimName"]
    with edited({("TXT", name): f'"{OTHER_KEY[:250]}" "{OTHER_KEY[250:]}"'}):
        shows(lambda: red(deployed, "dns,mail.out,mail.back,container"), {"dns.dkim", "mail.out"})


@pytest.mark.parametrize(
    ("contents", "expected"),
    [
        (
            {
                ("TXT", DOMAIN): '"v=spf1 -all"',
                ("MX", DOMAIN): "mx.other.example",
                ("TXT", f"*.{DOMAIN}"): '"anything"',
                # The mail host has its own, which is closer.
                ("CAA", DOMAIN): {"flags": 0, "tag": "issue", "value": "other.example"},
                # What an earlier server or provider has left behind.
                ("TLSA", f"_25._tcp.{HOST}"): {
                    "usage": 3,
                    "selector": 1,
                    "matching_type": 1,
                    "certificate": "ab" * 32,
                },
                ("TXT", f"_mta-sts.{DOMAIN}"): '"v=STSv1; id=20250101"',
                ("TXT", f"_smtp._tls.{DOMAIN}"): '"v=TLSRPTv1; rua=mailto:tls@other.example"',
                ("SRV", f"_autodiscover._tcp.{DOMAIN}"): {
                    "priority": 0,
                    "weight": 0,
                    "port": 443,
                    "target": "mx.other.example",
                },
            },
            {
                "dns.spf": "fail",
                "dns.mx": "fail",
                "dns.no-wildcard": "warn",
                "dns.tlsa": "fail",
                "dns.mta-sts": "fail",
                "dns.tls-reports": "fail",
                "dns.client-setup": "warn",
            },
        ),
        (
            {
                ("CAA", HOST): {"flags": 0, "tag": "issue", "value": "other.example"},
                ("SRV", f"_imaps._tcp.{DOMAIN}"): {
                    "priority": 0,
                    "weight": 1,
                    "port": 993,
                    "target": "mx.other.example",
                },
            },
            {"dns.srv": "fail"},
        ),
    ],
    ids=["wrong", "right or harmless"],
)
def test_records_too_many_are_noticed(
    deployed: Stack, contents: dict[tuple[str, str], Any], expected: dict[str, str]
) -> None:
    before = clouds.eventually(lambda: statuses(deployed), 90)
    with added(contents):
        shows(lambda: statuses(deployed), before | expected)


def statuses(stack: Stack) -> dict[str, str]:
    """What DNS makes of the stack's first domain. Raises AssertionError where a question was not answered."""
    found = {result["check"]: result["status"] for result in findings(stack, "dns", "--domain", DOMAIN)}
    assert "unknown" not in found.values(), found
    return found


def test_generic_reverse_name_is_red(deployed: Stack) -> None:
    client = clouds.hetzner()
    (address,) = [
        entry
        for entry in client.primary_ips.get_all(label_selector=f"stack={NAME}")
        if str(entry.ip) == deployed.outputs()["ipv4"]
    ]
    ipv4 = str(address.ip)
    address.change_dns_ptr(ipv4, "static.clients.other.example").wait_until_finished()
    clouds.forget_answers()
    try:
        shows(lambda: red(deployed, "dns,reverse,smtp.greeting"), {"reverse.ptr", "reverse.confirmed"})
    finally:
        address.change_dns_ptr(ipv4, HOST).wait_until_finished()
        clouds.forget_answers()


def test_closed_port_is_red_and_no_other_port_with_it(deployed: Stack) -> None:
    only = "ports,smtp,mail.sieve,mail.submission"
    with firewall("mail", lambda rules: [rule for rule in rules if rule.port != "4190"]):
        shows(
            lambda: wrong(deployed, only),
            {
                ("ports.open", "IPv4 4190 sieve"),
                ("ports.open", "IPv6 4190 sieve"),
                ("mail.sieve", f"admin@{DOMAIN}"),
            },
        )


def wrong(stack: Stack, only: str) -> set[tuple[str, str]]:
    """Name and subject of the checks that do not hold."""
    found = findings(stack, only)
    return {(result["check"], result["subject"]) for result in found if result["status"] in ("fail", "unknown")}


def test_port_that_should_not_be_open_is_red(deployed: Stack) -> None:
    anywhere = FirewallRule(direction="in", protocol="tcp", port="8080", source_ips=["0.0.0.0/0", "::/0"])
    listen = "nohup python3 -m http.server 8080 --bind :: >/dev/null 2>&1 & echo $! >/run/listener"
    chain = "inet mail_host input"
    open_host = f"nft insert rule {chain} tcp dport 8080 accept; "
    handle = f'$(nft -a list chain {chain} | sed -n "s/.*dport 8080 .*handle //p")'
    close_host = f"kill $(cat /run/listener); nft delete rule {chain} handle {handle}"
    with firewall("mail", lambda rules: [*rules, anywhere]), on_server(deployed, open_host + listen, close_host):
        # Who listens there takes a moment to begin.
        shows(lambda: {result["found"] for result in findings(deployed, "ports.closed")}, {"open: 8080"})


def test_blocked_port_25_is_red_with_what_to_write_to_support(deployed: Stack) -> None:
    clouds.outbound_mail(False)
    try:
        (found,) = findings(deployed, "outbound")
    finally:
        clouds.outbound_mail(True)
    assert found["status"] == "fail"
    assert f"unblock outgoing ports 25 and 465 for {deployed.outputs()['ipv4']}" in found["remedy"]


EXPIRED = (
    "openssl req -x509 -newkey rsa:2048 -noenc -subj /CN=expired -addext subjectAltName=DNS:" + HOST + " "
    "-not_before 20250101000000Z -not_after 20250201000000Z -keyout /tmp/server.key -out /tmp/server.crt 2>/dev/null"
)


def test_expired_certificate_is_red_on_every_port(deployed: Stack) -> None:
    keep = "cp -p server.key server.crt /root"
    put = "cat /tmp/server.key >server.key && cat /tmp/server.crt >server.crt"
    back = "cp -p /root/server.key /root/server.crt ."
    restart = "docker restart -t 5 poste >/dev/null"
    folder = "cd /data/ssl"
    fault = f"{in_poste(f'{folder} && {keep} && {EXPIRED} && {put}')} && {restart}"
    with on_server(deployed, fault, f"{in_poste(f'{folder} && {back}')} && {restart}"):
        until_green(deployed, "ports.open")
        found = clouds.eventually(lambda: expired(deployed), 90)
        assert {result["check"] for result in found if result["status"] == "fail"} <= {"tls.expiry", "tls.trust"}
    until_green(deployed, "ports.open,tls,mail")


def expired(stack: Stack) -> list[dict[str, Any]]:
    """What is found of TLS where every port has an expired certificate. Raises AssertionError where one has not."""
    found = findings(stack, "tls")
    subjects = {result["subject"] for result in found if (result["check"], result["status"]) == ("tls.expiry", "fail")}
    assert len(subjects) == 9, subjects
    return found


def test_open_relay_is_red_on_both_families(deployed: Stack) -> None:
    config, restart = "/etc/exim4/exim4.conf", "s6-svc -r /run/s6/services/haraka-smtp"
    fault = (
        f'cp {config} /tmp/kept && sed -i "/^acl_recipient:/a accept domains = !+local_domains" {config} && {restart}'
    )
    with on_server(deployed, in_poste(fault), in_poste(f"cp /tmp/kept {config} && {restart}")):
        # The server of before may still be ending.
        shows(lambda: wrong(deployed, "smtp"), {("smtp.no-relay", "IPv4"), ("smtp.no-relay", "IPv6")})


def commands_of(remedy: str) -> list[str]:
    """The commands of Pulumi that a remedy names."""
    found = re.findall(r"pulumi (.+? --stack [\w-]+)", remedy)
    assert found, remedy
    return found


def heal(stack: Stack, remedy: str) -> None:
    """Run the commands of Pulumi that a remedy names, one after the other, as whoever reads it would."""
    for command in commands_of(remedy):
        stack.run(*command.split(), *["--yes", "--skip-preview"] * command.startswith("up"))


def heals(stack: Stack, check: str, found: str = "") -> None:
    """The check is red for this reason, and what it advises makes it green."""
    failing = clouds.eventually(lambda: failures(stack, check), 90)
    assert any(found in result["found"] for result in failing), failing
    heal(stack, failing[0]["remedy"])
    until_green(stack, check)


def failures(stack: Stack, only: str) -> list[dict[str, Any]]:
    """The results that are red."""
    return [result for result in findings(stack, only) if result["status"] == "fail"]


POSTE = "docker exec poste poste"


@pytest.mark.parametrize(
    "faults",
    [
        {
            in_poste(f"rm /opt/haraka-smtp/config/dkim/{DOMAIN}"): "haraka-smtp does not find the key",
            f"{POSTE} domain:dkim --create {SECOND}": "made anew in Poste",
            "nft delete table inet mail_host": "not loaded",
        },
        {
            f"{POSTE} domain:dkim --remove {DOMAIN}": "has no key",
            "nft 'add chain inet mail_host input { policy accept; }'": "input accept",
        },
    ],
    ids=["lost", "changed"],
)
def test_what_was_changed_on_the_server_is_healed_by_running_the_scripts_again(
    deployed: Stack, faults: dict[str, str]
) -> None:
    for fault in faults:
        deployed.on_server(fault)
    # What a plain up does not see, it does not heal: so it is not what is advised.
    deployed.up()
    shows(lambda: len(failures(deployed, "container.dkim,server.firewall")), len(faults))
    failing = failures(deployed, "container.dkim,server.firewall")
    for found in faults.values():
        assert any(found in result["found"] for result in failing), failing
    (advice,) = {tuple(commands_of(result["remedy"])) for result in failing}
    assert advice[0].startswith("config set rerun")
    heal(deployed, failing[0]["remedy"])
    # Who has asked for the former key's record has it for a while.
    clouds.forget_answers()
    until_green(deployed, "dns,container,server,mail")


def test_what_was_changed_at_the_clouds_is_healed_by_looking_there_first(deployed: Stack) -> None:
    client = clouds.hetzner()
    wall = client.firewalls.get_by_name(f"poste-mail-{NAME}-mail")
    assert wall is not None
    for action in wall.set_rules([rule for rule in wall.rules or [] if rule.port != "4190"]):
        action.wait_until_finished()
    zone = clouds.zone_id(DOMAIN)
    with clouds.cloudflare_dns() as cloudflare:
        records = cloudflare.dns.records
        (mx,) = [entry for entry in records.list(zone_id=zone) if (entry.type, entry.name) == ("MX", DOMAIN)]
        changed: Any = {"type": "MX", "name": DOMAIN, "content": "mx.other.example", "priority": 10, "ttl": 60}
        records.edit(mx.id, zone_id=zone, **changed)
    shows(lambda: red(deployed, "dns.mx,ports.open"), {"dns.mx", "ports.open"})
    heals(deployed, "dns.mx", "mx.other.example")
    clouds.forget_answers()
    until_green(deployed, "dns,ports")


def test_reboot_that_is_due_is_noted(deployed: Stack) -> None:
    note = "echo linux-image-amd64 >/run/reboot-required.pkgs; touch /run/reboot-required"
    with on_server(deployed, note, "rm /run/reboot-required /run/reboot-required.pkgs"):
        (found,) = findings(deployed, "server.reboot")
        assert (found["status"], found["found"]) == ("warn", "due for linux-image-amd64")
    assert [result["status"] for result in findings(deployed, "server.reboot")] == ["ok"]


def test_listing_is_red_but_only_recommended(deployed: Stack) -> None:
    reverse = dns.reversename.from_address(deployed.outputs()["ipv4"]).to_text().split(".in-addr")[0]
    keys = dns.tsigkeyring.from_text(dict([world.UPDATE_KEY]))

    def update(*record: Any) -> None:
        change = dns.update.Update("bl.spamcop.net", keyring=keys, keyalgorithm="hmac-sha256")
        change.delete(reverse)
        if record:
            change.add(reverse, *record)
        assert dns.query.tcp(change, clouds.AUTHORITATIVE[0], timeout=30).rcode() == 0
        clouds.forget_answers()

    update(60, "A", "127.0.0.2")
    try:
        shows(lambda: not_ok(deployed, "reputation"), ["listed (127.0.0.2)"])
        assert verify(deployed, "--only", "reputation").returncode == 0
    finally:
        update()


def not_ok(stack: Stack, only: str) -> list[str]:
    """What was found where it is not well."""
    return [str(result["found"]) for result in findings(stack, only) if result["status"] != "ok"]


def test_watch_waits_until_the_repair_shows(deployed: Stack) -> None:
    python = str(warm_python().interpreter)
    command = [python, "-m", "operate", "verify", "--stack", deployed.name, "--only", "dns.mx", "--watch", "180"]
    with edited({("MX", DOMAIN): "mx.other.example"}):
        watching = subprocess.Popen(
            command,
            cwd=deployed.folder,
            env=deployed.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert watching.stderr is not None
        assert "not yet: dns.mx" in watching.stderr.readline()
    output, _ = watching.communicate(timeout=240)
    assert watching.returncode == 0, output
    assert "The mail server works" in output


def test_client_set_up_is_printed_without_a_password(deployed: Stack) -> None:
    text = deployed.python("operate", "clients", "--stack", deployed.name, "--write", "files")
    assert f"IMAP {HOST}  port 993" in text
    assert (deployed.folder / f"files/{DOMAIN}.autoconfig.xml").exists()
    for secret in deployed.secrets():
        assert secret not in text


def test_after_all_repairs_the_server_is_green_again(deployed: Stack) -> None:
    # The watch's own last round may have been in the middle of a fault.
    deployed.on_server("systemctl start poste-watch.service")
    until_green(deployed, "")
    shows(lambda: red(deployed), set())
