"""Reading a stack, choosing checks, and what people and machines get to see."""

import io
import json
import os
import plistlib
import re
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from rich.console import Console

from model import accounts_file
from model.autoconfig import autoconfig
from model.client_account import Account, account
from model.client_settings import client_settings
from model.mobileconfig import mobileconfig
from operate.errors import StackError
from operate.verify import clients, command
from operate.verify.checks import CHECKS, is_selected, jobs
from operate.verify.client_guides import PATHS, guide
from operate.verify.context import Context
from operate.verify.mailbox import tls_for
from operate.verify.remedies import ADDRESS, NAME, REFRESH, RERUN, UP, filled
from operate.verify.remedies import HOST as HOST_NAME
from operate.verify.result import Check, Finding, Result, Status, fail, ok, unknown, warn
from operate.verify.runner import Shared
from operate.verify.stack import Stack, make_stack
from operate.verify.table import as_json, plain, show, verdict
from tests.support.examples import PASSWORD, RELAY, STORAGE_BOX, VALUES, settings
from tests.support.verify_world import DOMAIN, HOST, IPV4, IPV6, Records, make_certificate, stack

OUTPUTS: dict[str, Any] = {
    "ipv4": IPV4,
    "ipv6": IPV6,
    "domains": {DOMAIN: {"dkimName": f"s1._domainkey.{DOMAIN}", "dkimValue": "v=DKIM1; p=x"}},
    "clientSettings": client_settings(HOST, settings().ports),
}


def config(**own: str) -> dict[str, Any]:
    """Configuration as `pulumi config --json --show-secrets` prints it."""
    entries: dict[str, Any] = {
        f"poste-mail:{key}": {"value": json.dumps(value), "objectValue": value}
        if isinstance(value, list)
        else {"value": value}
        for key, value in VALUES.items()
    }
    # Pulumi.yaml declares optional keys with an empty default; other namespaces are none of our business.
    empty: dict[str, Any] = {"value": ""}
    entries |= {"poste-mail:elasticsearch": empty, "poste-mail:ownerId": empty}
    entries |= {"hcloud:token": {"value": "x", "secret": True}}
    return entries | {f"verify:{key}": {"value": value} for key, value in own.items()}


def names_of(stack: Stack, *only: str, domains: int = 1) -> list[tuple[str, str]]:
    """Check and subject of each job for a stack."""
    selected = stack.domains * domains
    context = Context(stack, Records({}), Shared(), selected)
    return [(job.check.name, job.subject) for job in jobs(context, only)]


def test_stack_is_read_from_outputs_and_configuration() -> None:
    found = make_stack("test", OUTPUTS, config(resolver="198.51.100.54", allowSelfSigned="true"))
    assert (found.mail_host, found.ipv4, found.domains[0].name) == (HOST, IPV4, DOMAIN)
    assert (found.own.resolver, found.own.allow_self_signed) == ("198.51.100.54", True)
    assert found.settings.ports == settings().ports


def test_mailboxes_of_the_file_of_accounts_are_among_the_stacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accounts_file, "FOLDER", tmp_path)
    (tmp_path / "test.yaml").write_text(f"{DOMAIN}: {{mailboxes: [{{address: ann@{DOMAIN}}}]}}\n")
    found = make_stack("test", OUTPUTS, config())
    assert [box.address for box in found.settings.mailboxes] == [f"ann@{DOMAIN}"]


def test_secrets_do_not_show_when_a_stack_is_printed() -> None:
    found = make_stack("test", OUTPUTS, config(otherPassword="Other-Secret-1"))
    assert PASSWORD not in repr(found)
    assert "Other-Secret-1" not in repr(found)
    assert "PRIVATE KEY" not in repr(found)


def test_stack_that_is_not_deployed_says_what_to_do() -> None:
    with pytest.raises(StackError, match="pulumi up --stack test"):
        make_stack("test", {}, config())


def test_account_at_the_authority_is_known_where_the_deploy_got_a_certificate() -> None:
    account = "https://acme-v02.api.letsencrypt.org/acme/acct/1"
    assert make_stack("test", OUTPUTS | {"certificateAccount": account}, config()).account == account
    assert make_stack("test", OUTPUTS, config()).account == ""


def test_ds_records_are_known_where_the_deploy_had_a_zone_signed() -> None:
    told = {DOMAIN: f"{DOMAIN}. 3600 IN DS 2371 13 2 AB"}
    assert make_stack("test", OUTPUTS | {"dnssec": told}, config()).delegations == told
    assert make_stack("test", OUTPUTS, config()).delegations == {}


def test_domain_that_was_taken_out_of_the_settings_and_is_still_deployed_has_the_defaults() -> None:
    left = make_stack("test", OUTPUTS, config()).mail_domain("left.example")
    assert (left.name, left.receive, left.bimi) == ("left.example", True, None)


def test_further_authorities_are_read_by_their_path_from_the_projects_root(tmp_path: Path) -> None:
    make_certificate(tmp_path, [HOST])
    file = tmp_path / f"{HOST}90.pem"
    root = Path(__file__).parents[2]
    written = os.path.relpath(file, root)
    found = make_stack("test", OUTPUTS, config(authorities=written)).own.authorities
    assert found
    assert found.resolve() == file.resolve()


@pytest.mark.parametrize(("text", "reason"), [(None, "No such file"), ("", "NO_CERTIFICATE"), ("x", "NO_CERTIFICATE")])
def test_file_that_holds_no_authorities_is_named_with_its_setting(
    tmp_path: Path, text: str | None, reason: str
) -> None:
    file = tmp_path / "authorities.pem"
    if text is not None:
        file.write_text(text)
    with pytest.raises(StackError, match=reason) as caught:
        make_stack("test", OUTPUTS, config(authorities=str(file)))
    assert f"verify:authorities is {file}" in str(caught.value)


def test_passwords_go_to_authorities_of_ones_own_only_where_the_configuration_says_so(tmp_path: Path) -> None:
    make_certificate(tmp_path, [HOST])
    plain = make_stack("test", OUTPUTS, config())
    own = make_stack("test", OUTPUTS, config(authorities=str(tmp_path / f"{HOST}90.pem")))
    more = tls_for(own).cert_store_stats()["x509"] - tls_for(plain).cert_store_stats()["x509"]
    assert more == 1
    assert tls_for(own).check_hostname


@pytest.mark.parametrize("resolver", ["dns.google", "9.9.9.9:53"])
def test_a_resolver_is_an_address_and_nothing_else(resolver: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(StackError, match="verify:resolver: expected the address of a resolver"):
        make_stack("test", OUTPUTS, config(resolver=resolver))
    with pytest.raises(SystemExit):
        command.arguments().parse_args(["--stack", "test", "--resolver", resolver])
    assert "--resolver: expected the address of a resolver, for example 9.9.9.9" in capsys.readouterr().err
    assert command.arguments().parse_args(["--stack", "test"]).resolver is None


def test_typing_mistake_in_own_settings_is_named_without_its_value() -> None:
    with pytest.raises(StackError, match="resolvr") as caught:
        make_stack("test", OUTPUTS, config(resolvr="secret-value"))
    assert "secret-value" not in str(caught.value)


def test_every_check_has_a_reason_a_remedy_and_a_name_of_its_own() -> None:
    assert len({check.name for check in CHECKS}) == len(CHECKS)
    for check in CHECKS:
        assert check.why.endswith("."), check.name
        assert check.remedy.endswith("."), check.name
        assert check.deadline <= 120, check.name


def test_readme_lists_every_check() -> None:
    text = (Path(__file__).parents[2] / "operate/verify/README.md").read_text()
    for check in CHECKS:
        kind = "required" if check.required else "recommended"
        assert f"| `{check.name}` | {kind} | {check.title} | {check.why} |" in text


def test_every_check_has_work_for_a_full_stack() -> None:
    own = stack().own.model_copy(update={"other_mailbox": "user@other.example"})
    logo = {"name": DOMAIN, "dmarc": {"policy": "reject"}, "bimi": {"logo": f"https://{DOMAIN}/logo.svg"}}
    several = stack(**STORAGE_BOX, formerMailHosts=["mx.example.com"], domains=[logo])
    through_a_relay = stack(relay=RELAY)
    full = Stack(**{**vars(several), "own": own})
    looked_at = {name for name, _ in names_of(full)} | {name for name, _ in names_of(through_a_relay)}
    assert looked_at == {check.name for check in CHECKS}


def test_a_smart_host_of_before_is_told_what_took_its_place() -> None:
    with pytest.raises(StackError) as error:
        make_stack("prod", OUTPUTS, config(smartHost="smtp.relay.example:587"))
    assert "verify:smartHost: is no setting any more. Set poste-mail:relay" in str(error.value)


def test_nothing_is_expected_back_while_the_administrators_domain_receives_elsewhere() -> None:
    def directions(*, receive: bool) -> set[str]:
        plain = stack(domains=[{"name": DOMAIN, "receive": receive}])
        own = plain.own.model_copy(update={"other_mailbox": "user@other.example"})
        return {name for name, _ in names_of(Stack(**{**vars(plain), "own": own}), "mail.out", "mail.back")}

    assert directions(receive=True) == {"mail.out", "mail.back"}
    assert directions(receive=False) == {"mail.out"}


def test_records_of_the_former_provider_are_right_while_a_domain_is_being_prepared() -> None:
    def looked_at(*, receive: bool) -> set[str]:
        moving = stack(domains=[{"name": DOMAIN, "receive": receive}])
        return {name for name, _ in names_of(moving, *of_domain, "dns.tlsa")}

    of_domain = {"dns.mta-sts", "dns.tls-reports", "dns.client-setup", "dns.srv", "clients.autoconfig"}
    assert looked_at(receive=True) == of_domain | {"dns.tlsa"}
    assert looked_at(receive=False) == {"dns.tlsa"}


def test_only_chooses_by_group_or_check() -> None:
    assert {name.split(".")[0] for name, _ in names_of(stack(), "dns")} == {"dns"}
    assert {name for name, _ in names_of(stack(), "tls.trust", "dns.mx")} == {"tls.trust", "dns.mx"}
    assert not is_selected("dns.mx", "dn")


def test_closed_optional_ports_are_not_asked_for_mail() -> None:
    few = names_of(stack(optionalPorts=[]))
    assert not any(name in ("mail.pop3", "mail.sieve") or "110" in subject for name, subject in few)


def test_behind_a_reverse_proxy_the_web_is_not_looked_at_from_outside() -> None:
    behind = names_of(stack(https=False, reverseProxyCidrs=["198.51.100.9/32"], certificate="none"))
    assert not [name for name, subject in behind if name.startswith("web.") or "http" in subject]


def test_bridge_mode_serves_ipv4_only() -> None:
    subjects = [subject for _, subject in names_of(stack(networkMode="bridge"))]
    assert not any("IPv6" in subject or IPV6 in subject for subject in subjects)


def advice(text: str, **changes: object) -> str:
    """What a remedy says for a stack."""
    given = Check("a.check", "A check", "It matters.", text)
    return filled(Result(given, "", fail("x", remedy=text)), stack(**changes)).remedy


def test_remedies_name_the_commands_of_the_stack_at_hand() -> None:
    assert advice(f"{UP}.") == "pulumi up --stack test."
    assert advice(f"{REFRESH}.") == "pulumi up --refresh --stack test."
    again = "pulumi config set rerun {} --stack test, then pulumi up --stack test."
    assert advice(f"{RERUN}.") == again.format(1)
    assert advice(f"{RERUN}.", rerun=4) == again.format(5)
    assert advice(f"{ADDRESS} is {HOST_NAME}, of {NAME}.") == f"{IPV4} is {HOST}, of test."


def test_no_remedy_advises_a_plain_up_for_what_it_does_not_see() -> None:
    # A plain up carries out what is new in the configuration; what was changed by hand it neither sees nor heals.
    healed_by_configuration = {
        "container.image", "container.disk", "container.memory", "smtp.greeting", "smtp.no-relay", "tls.floor",
        "web.redirect", "web.webmail", "mail.webmail", "dkim.age", "dkim.rotation",
        "outbound.port-25", "relay.sign-in",
    }  # fmt: skip
    assert {check.name for check in CHECKS if UP in check.remedy} == healed_by_configuration
    for check in CHECKS:
        assert "pulumi up" not in check.remedy, check.name
        assert "pulumi refresh" not in check.remedy, check.name
        assert not set(re.findall(r"{\w*}", check.remedy)) - {UP, REFRESH, RERUN, ADDRESS, HOST_NAME, NAME}, check.name


REQUIRED = Check("dns.mx", "MX record", "It matters.", "Do this.")
RECOMMENDED = Check("dns.dnssec", "DNSSEC", "It is good.", "Do that.", required=False)


@pytest.mark.parametrize(
    ("check", "finding", "holds"),
    [
        (REQUIRED, ok("x"), True),
        (REQUIRED, warn("x"), True),
        (REQUIRED, fail("x"), False),
        (REQUIRED, unknown("x"), False),  # what could not be proven is not proven
        (RECOMMENDED, fail("x"), True),
        (RECOMMENDED, unknown("x"), True),
    ],
)
def test_only_required_checks_decide(check: Check, finding: Finding, holds: bool) -> None:
    assert Result(check, "", finding).holds is holds


RESULTS = [
    Result(REQUIRED, "a.example", ok("mail.a.example", "mail.a.example")),
    Result(REQUIRED, "b.example", fail("nothing", "mail.b.example")),
    Result(REQUIRED, "c.example", ok("mail.c.example", "mail.c.example")),
    Result(RECOMMENDED, "a.example", warn("not signed", "signed", "Sign [it].")),
]


def shown(width: int) -> str:
    """What a terminal of this width shows."""
    console = Console(file=io.StringIO(), width=width, force_terminal=True, no_color=True, highlight=False)
    show(console, RESULTS, 1.0)
    file = console.file
    assert isinstance(file, io.StringIO)
    return file.getvalue()


@pytest.mark.parametrize("width", [40, 80, 200])
def test_table_fits_the_terminal_and_says_all_five_things(width: int) -> None:
    text = shown(width)
    bare = text.replace("\x1b[1m", "").replace("\x1b[2m", "").replace("\x1b[0m", "")
    assert all(len(line) <= width for line in bare.splitlines())
    for part in ("MX record", "b.example", "nothing", "mail.b.example", "It matters.", "Do this.", "Sign [it]."):
        assert part in bare


def test_what_is_well_of_several_subjects_stands_in_one_row() -> None:
    assert shown(200).count("MX record") == 2
    assert "a.example, c.example" in shown(200)


def test_piped_output_is_plain() -> None:
    console = Console(file=io.StringIO(), width=80)
    show(console, RESULTS, 1.0)
    file = console.file
    assert isinstance(file, io.StringIO)
    assert "\x1b" not in file.getvalue()
    assert "fail    dns.mx  b.example: nothing" in file.getvalue()
    assert list(plain(RESULTS[:1])) == ["ok      dns.mx  a.example: mail.a.example"]


def test_verdict_tells_broken_from_improvable() -> None:
    assert str(verdict(RESULTS, 1)).startswith("1 required not met; 1 could be better")
    assert str(verdict(RESULTS[:1], 1)).startswith("The mail server works")


def test_json_has_every_result_with_its_remedy() -> None:
    rows = as_json(RESULTS)
    assert len(rows) == len(RESULTS)
    assert rows[1] == {
        "check": "dns.mx",
        "subject": "b.example",
        "status": Status.FAIL,
        "required": True,
        "found": "nothing",
        "expected": "mail.b.example",
        "why": "It matters.",
        "remedy": "Do this.",
    }
    assert rows[0]["remedy"] == ""


def mailbox() -> Account:
    """A mailbox of a stack with all ports."""
    return account(f"ann@{DOMAIN}", OUTPUTS["clientSettings"])


def test_guide_names_every_program_and_no_password() -> None:
    text = "\n".join(guide(mailbox()))
    for program in PATHS:
        assert program in text
    assert f"IMAP {HOST}  port 993" in text
    assert f"SMTP {HOST}  port 465" in text
    assert PASSWORD not in text


def test_autoconfig_follows_mozillas_format() -> None:
    root = ET.fromstring(autoconfig(mailbox()))  # noqa: S314 - our own text
    assert (root.tag, root.get("version")) == ("clientConfig", "1.1")
    (provider,) = root
    assert [child.tag for child in provider][:3] == ["domain", "displayName", "displayShortName"]
    kinds = {"incomingServer": {"imap", "pop3"}, "outgoingServer": {"smtp"}}
    servers = [child for child in provider if child.tag in kinds]
    assert servers[0].get("type") == "imap"
    for server in servers:
        assert server.get("type") in kinds[server.tag]
        found = {child.tag: child.text for child in server}
        assert list(found) == ["hostname", "port", "socketType", "username", "authentication"]
        assert found["socketType"] in ("SSL", "STARTTLS")
        assert found["username"] == "%EMAILADDRESS%"
        assert (found["socketType"] == "SSL") == (found["port"] in ("465", "993", "995"))


def test_mobileconfig_has_what_apple_requires_of_a_mail_payload() -> None:
    profile = plistlib.loads(mobileconfig(mailbox()))
    (mail,) = profile["PayloadContent"]
    for payload, kind in ((profile, "Configuration"), (mail, "com.apple.mail.managed")):
        assert (payload["PayloadType"], payload["PayloadVersion"]) == (kind, 1)
        assert payload["PayloadIdentifier"]
        assert payload["PayloadUUID"]
    assert profile["PayloadUUID"] != mail["PayloadUUID"]
    assert mail["EmailAccountType"] == "EmailTypeIMAP"
    for side, number in (("Incoming", 993), ("Outgoing", 465)):
        assert mail[f"{side}MailServerHostName"] == HOST
        assert mail[f"{side}MailServerPortNumber"] == number
        assert mail[f"{side}MailServerUseSSL"] is True
        assert mail[f"{side}MailServerAuthentication"] == "EmailAuthPassword"
        assert mail[f"{side}MailServerUsername"] == f"ann@{DOMAIN}"
    assert not any("Password" in key and not isinstance(value, bool) for key, value in mail.items())
    assert mobileconfig(mailbox()) == mobileconfig(mailbox())


def test_files_are_written_where_asked(tmp_path: Path) -> None:
    files = clients.write(mailbox(), tmp_path / "new")
    assert {file.name for file in files} == {f"{DOMAIN}.autoconfig.xml", f"ann@{DOMAIN}.mobileconfig"}
    assert all(file.stat().st_size for file in files)


def test_each_mailbox_of_the_stack_that_is_not_disabled_gets_its_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    boxes = [{"address": f"ann@{DOMAIN}"}, {"address": f"ben@{DOMAIN}", "disabled": True}]
    deployed = make_stack("test", OUTPUTS, config())
    changed = replace(deployed, settings=settings(domains=[{"name": DOMAIN, "mailboxes": boxes}]))

    async def read(*_: str) -> Stack:
        return changed

    monkeypatch.setattr(clients, "read_stack", read)
    assert clients.main(["--stack", "test", "--json", "--write", str(tmp_path)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [mailbox["address"] for mailbox in told["mailboxes"]] == [f"admin@{DOMAIN}", f"ann@{DOMAIN}"]
    assert [Path(file).name for file in told["written"]] == [
        f"{DOMAIN}.autoconfig.xml",
        f"admin@{DOMAIN}.mobileconfig",
        f"ann@{DOMAIN}.mobileconfig",
    ]
