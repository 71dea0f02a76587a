"""The rules for MTA-STS: announcement, policy and certificate."""

from dataclasses import replace
from typing import Any

import pytest

from model.mta_sts import policy, record, record_name
from model.records import txt
from model.settings import AUTHORITIES
from model.worker import script
from policy.model import COMMAND, DNS_RECORD, UNKNOWN, WORKER, WORKER_HOST, Resource
from policy.stack import Stack
from tests.support.case import PROD, Case, holds, sentence, stack

TESTING, ENFORCE = stack(mtaSts="testing"), stack(mtaSts="enforce")
BOTH = stack(mtaSts="testing", domains=[{"name": "example.com"}, {"name": "example.org", "mtaSts": "enforce"}])
MOVING = stack(mtaSts="testing", domains=[{"name": "example.com", "receive": False}])
FORMER = stack(mtaSts="testing", formerMailHosts=["mx.example.com"])
ONE_OF_TWO = "const TEXTS = " + '{"policies": {"testing": 7}, "mode": "testing", "modes": {}};'
PLACE = record_name("example.com")
FORM, SERVED, TRUSTED = "mta-sts-well-formed", "mta-sts-served", "mta-sts-enforced-when-trusted"


def text(content: Any, name: Any = PLACE) -> Resource:
    known = txt(content) if isinstance(content, str) else content
    return Resource(DNS_RECORD, str(name), {"type": "TXT", "name": name, "content": known}, str(name))


def announced(held: Stack, domain: str = "example.com") -> Resource:
    """What the program announces for a domain."""
    (mode,) = (held.settings.mta_sts_mode(found) for found in held.settings.domains if found.name == domain)
    assert mode
    return text(record(policy(mode, held.settings.certificate_names)), record_name(domain))


def worker(held: Stack = TESTING, **props: Any) -> Resource:
    return Resource(WORKER, "worker", {"content": script(held.settings)} | props, "worker")


def host(name: Any = "mta-sts.example.com") -> Resource:
    return Resource(WORKER_HOST, str(name), {"hostname": name}, str(name))


def mx(exchange: Any, domain: Any = "example.com") -> Resource:
    return Resource(DNS_RECORD, "mx", {"type": "MX", "name": domain, "content": exchange}, f"{domain} {exchange}")


def command(argument: str = "", urn: str = "certificate", **props: Any) -> Resource:
    line = f"python3 /opt/poste-mail/certificate.py{argument} # script 0123456789ab, rerun 0"
    return Resource(COMMAND, urn, {"create": line} | props, urn)


def after(*urns: str) -> Resource:
    """An announcement that comes after these."""
    return replace(announced(ENFORCE), urn="text", after=frozenset(urns))


def told(*urns: str) -> list[Resource]:
    """The Worker, which comes after these, and the host that comes after it."""
    return [replace(worker(ENFORCE), after=frozenset(urns)), replace(host(), urn="host", after=frozenset({"worker"}))]


MX = mx("mail.example.com")
OURS = [announced(TESTING), worker(), host(), MX]


def hands_out(text: str) -> Resource:
    """A Worker with another policy."""
    ours = policy("testing", ["mail.example.com"]).replace("\r\n", "\\r\\n")
    changed = script(TESTING.settings).replace(ours, text.replace("\r\n", "\\r\\n"))
    assert changed != script(TESTING.settings)
    return worker(content=changed)


def other(text_of_policy: str, finds: str | None, sentence: str) -> Case:
    """A policy that is not the program's, announced by the id that fits it."""
    return Case(sentence, SERVED, [text(record(text_of_policy)), hands_out(text_of_policy), host(), MX], finds, TESTING)


CASES = [
    Case("the program's own announcement", FORM, [announced(TESTING), text("v=STSv1; id=20260101T000000;")]),
    Case("a text elsewhere", FORM, [text("v=STSv1", "example.com")]),
    Case("a text that is not known yet", FORM, [text(UNKNOWN), text("v=STSv1", UNKNOWN)]),
    *(
        Case(f"the text {content}", FORM, [text(content)], "no v=STSv1 record with an id")
        for content in (
            "",
            "v=STSv1",
            "v=STSv1; id=",
            "v=STSv1; id=2026-01-01",
            f"v=STSv1; id={'a' * 33}",
            "v=STSv2; id=1",
            "v=stsv1; id=1",
            "id=1; v=STSv1",
            "v=STSv1; id=1; id=2",
        )
    ),
    Case("a policy that is announced and served", SERVED, OURS, stack=TESTING),
    Case(
        "two domains with policies of their own",
        SERVED,
        [
            *(announced(BOTH, domain) for domain in ("example.com", "example.org")),
            *(host(f"mta-sts.{domain}") for domain in ("example.com", "example.org")),
            *(mx("mail.example.com", domain) for domain in ("example.com", "example.org")),
            worker(BOTH),
        ],
        stack=BOTH,
    ),
    Case(
        "an MX host of before",
        SERVED,
        [announced(FORMER), worker(FORMER), host(), MX, mx("mx.example.com")],
        None,
        FORMER,
    ),
    Case("nothing where no policy is wanted", SERVED, [MX]),
    Case("nothing where a policy is wanted", SERVED, [worker(), host(), MX], "which nothing announces", TESTING),
    Case("an announcement that no setting asks for", SERVED, OURS, "have no MTA-STS policy for example.com", PROD),
    Case("an announcement while the mail goes elsewhere", SERVED, OURS, "no MTA-STS policy for example.com", MOVING),
    Case(
        "an announcement for a domain of others",
        SERVED,
        [*OURS, text("v=STSv1; id=1", record_name("example.net"))],
        "no MTA-STS policy for example.net",
        TESTING,
    ),
    Case(
        "an announcement without a host that serves the policy",
        SERVED,
        [announced(TESTING), worker(), host("mta-sts.example.org"), MX],
        "Nothing serves mta-sts.example.com",
        TESTING,
    ),
    *(
        Case(
            f"a script that holds {content}",
            SERVED,
            [announced(TESTING), worker(content=content), host(), MX],
            "has no MTA",
            TESTING,
        )
        for content in ("", "no texts", "const TEXTS = {", "const TEXTS = []", "const TEXTS = {}", ONE_OF_TWO)
    ),
    Case(
        "the script of other settings",
        SERVED,
        [text(record(policy("none", ["mail.example.com"]))), worker(stack(mtaSts="none")), host(), MX],
        "has the mode none; the settings say testing",
        TESTING,
    ),
    Case(
        "an MX host that the policy leaves out",
        SERVED,
        [*OURS, mx("mx.example.net")],
        "leaves out its MX host",
        TESTING,
    ),
    other("mode: testing\r\nmx: *.example.com\r\n", None, "a policy with an asterisk"),
    other("mode: testing\r\nmx: *.com\r\n", "leaves out its MX host mail.example.com", "an asterisk for two labels"),
    other("mode: testing\r\nmax_age: 86400\r\n", "leaves out its MX host", "a policy without MX hosts"),
    other("mx: mail.example.com\r\n", "has the mode ; the settings say testing", "a policy without a mode"),
    Case(
        "another policy under the same id",
        SERVED,
        [announced(TESTING), hands_out("mode: testing\r\nmx: mail.example.com\r\n"), host(), MX],
        "is not that of its MTA-STS policy",
        TESTING,
    ),
    Case(
        "another id for the same policy",
        SERVED,
        [text("v=STSv1; id=1"), worker(), host(), MX],
        "is not that of its MTA-STS policy",
        TESTING,
    ),
    Case(
        "what is not known yet",
        SERVED,
        [
            text(UNKNOWN),
            worker(),
            worker(content=UNKNOWN),
            host(UNKNOWN),
            mx(UNKNOWN),
            mx("x", UNKNOWN),
            text("x", UNKNOWN),
        ],
        stack=TESTING,
    ),
    Case(
        "a policy that is enforced when the certificate is there",
        TRUSTED,
        [after("host"), *told("certificate"), command()],
        stack=ENFORCE,
    ),
    Case(
        "a policy that is not enforced, before that", TRUSTED, [announced(TESTING), *told(), command()], stack=TESTING
    ),
    Case(
        "a command that is not known yet",
        TRUSTED,
        [after("host"), *told("x"), command(urn="x", create=UNKNOWN)],
        stack=ENFORCE,
    ),
    *(
        Case(sentence, TRUSTED, resources, "before the server has its certificate", ENFORCE)
        for sentence, resources in (
            ("a policy that is announced at once", [after(), *told("certificate"), command()]),
            ("a policy that is announced after itself", [after("text"), *told("certificate"), command()]),
            ("a policy that is served at once", [after("certificate"), *told(), command()]),
            (
                "a policy that is served after something else",
                [after("certificate"), *told("x"), command(), command("_x.py", "x")],
            ),
            (
                "a policy that is served when there is an account",
                [after("certificate"), *told("x"), command(), command(" account", "x")],
            ),
        )
    ),
    *(
        Case(
            f"a policy that is enforced where {what}",
            TRUSTED,
            [after("host"), *told("certificate"), command()],
            "do not trust",
            held,
        )
        for what, held in {
            "there is no certificate": stack(mtaSts="enforce", certificate="none, in tests"),
            "it is one for trials": stack(mtaSts="enforce", certificate="staging"),
            "its authority is one for trials": stack(mtaSts="enforce", acmeServer=AUTHORITIES["staging"]),
        }.items()
    ),
]


@pytest.mark.parametrize("case", CASES, ids=sentence)
def test_the_rule_finds_what_the_row_says(case: Case) -> None:
    holds(case)
