"""The rules for the Worker and the hosts that it serves."""

from typing import Any

import pytest

from model.worker import COMPATIBILITY_DATE, MAIN_MODULE, script
from policy.model import UNKNOWN, WORKER, WORKER_HOST, Resource
from tests.support.case import Case, holds, sentence, stack

ACCOUNT, NAME = "a" * 32, "poste-mail-prod-01234567"
FULL = stack(
    mtaSts="testing", clientSetup=True, domains=[{"name": "example.com"}, {"name": "example.org", "receive": False}]
)
PLAIN, HOSTS, SCRIPT = "worker-plain", "worker-own-hosts", "worker-own-script"


def worker(**props: Any) -> Resource:
    known = {
        "accountId": ACCOUNT,
        "scriptName": NAME,
        "content": script(FULL.settings),
        "mainModule": MAIN_MODULE,
        "compatibilityDate": COMPATIBILITY_DATE,
    }
    return Resource(WORKER, NAME, known | props, "worker")


def host(name: Any = "mta-sts.example.com", **props: Any) -> Resource:
    known = {"accountId": ACCOUNT, "hostname": name, "service": NAME}
    return Resource(WORKER_HOST, str(name), known | props, str(name))


CASES = [
    Case("the program's own script", PLAIN, [worker(), worker(bindings=[], keepBindings=None)]),
    Case("no main module", PLAIN, [worker(mainModule=None)], "no main module"),
    Case("no compatibility date", PLAIN, [worker(compatibilityDate=None)], "no compatibility date"),
    Case("a compatibility date that is none", PLAIN, [worker(compatibilityDate="latest")], "no compatibility date"),
    Case("more than a date", PLAIN, [worker(compatibilityDate=f"{COMPATIBILITY_DATE}T00:00")], "no compatibility date"),
    *(
        Case(f"a script with {name}", PLAIN, [worker(**{name: value})], f"has {name}")
        for name, value in {
            "bindings": [{"name": "TOKEN", "type": "secret_text", "text": "x"}],
            "keepBindings": ["secret_text"],
            "tailConsumers": [{"service": "other"}],
        }.items()
    ),
    Case(
        "a script that is not known yet",
        PLAIN,
        [worker(content=UNKNOWN, mainModule=UNKNOWN, compatibilityDate=UNKNOWN, bindings=UNKNOWN)],
    ),
    Case(
        "hosts that the settings ask for",
        HOSTS,
        [host(), host("autoconfig.example.com"), host("autodiscover.example.com")],
        stack=FULL,
    ),
    *(
        Case(f"the host {name}", HOSTS, [host(name)], "no setting asks for", stack=FULL)
        for name in ("example.com", "mail.example.com", "mta-sts.example.org", "mta-sts.example.net", "www.example.com")
    ),
    Case("a host where nothing is to be served", HOSTS, [host()], "no setting asks for"),
    Case("a host that is not known yet", HOSTS, [host(UNKNOWN)], stack=FULL),
    Case("hosts that lead to the stack's script", SCRIPT, [worker(), host(), host("autoconfig.example.com")]),
    Case(
        "hosts in two accounts",
        SCRIPT,
        [worker(), host(), worker(accountId="b" * 32), host("mta-sts.example.org", accountId="b" * 32)],
    ),
    Case("a host that leads to another script", SCRIPT, [worker(), host(service="other")], "leads to other, which is"),
    Case("a host in an account without the script", SCRIPT, [worker(), host(accountId="b" * 32)], "no script of the"),
    Case("a host and no script", SCRIPT, [host()], "no script of the stack"),
    Case("a script that is not known yet", SCRIPT, [worker(scriptName=UNKNOWN), host(service=UNKNOWN)]),
]


@pytest.mark.parametrize("case", CASES, ids=sentence)
def test_the_rule_finds_what_the_row_says(case: Case) -> None:
    holds(case)
