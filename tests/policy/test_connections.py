"""The rule for connections over SSH."""

import json
from typing import Any

import pytest

from policy.model import COMMAND, COPY, COPY_FILE, DOCKER_PROVIDER, UNKNOWN, Resource
from tests.support.case import Case, findings, holds, sentence

PINNED = {"host": "198.51.100.140", "hostKey": "ssh-ed25519 AAAA", "user": "root"}
TRUSTING = {"host": "198.51.100.140", "user": "root"}
SSH = "ssh://root@198.51.100.140:22"
STRICT, KNOWN = "StrictHostKeyChecking=yes", "UserKnownHostsFile=.state/known_hosts"


def command(**props: Any) -> Resource:
    return Resource(COMMAND, "script", props)


def docker(**props: Any) -> Resource:
    return Resource(DOCKER_PROVIDER, "poste", props)


def options(*values: str) -> str:
    return json.dumps([part for value in values for part in ("-o", value)])


def over_ssh(*arguments: str) -> Resource:
    return docker(host=SSH, sshOpts=json.dumps(arguments))


CHECKING = options(STRICT, KNOWN)

CASES = [
    Case(
        "a connection that pins the host key",
        "host-key-pinned",
        [command(connection=PINNED), Resource(COPY, "file", {"connection": PINNED})],
    ),
    Case("a command that trusts any server", "host-key-pinned", [command(connection=TRUSTING)], "the host's key"),
    Case(
        "a copy that trusts any server",
        "host-key-pinned",
        [Resource(COPY, "file", {"connection": TRUSTING})],
        "the host's key",
    ),
    Case(
        "a copy by the older resource that trusts any server",
        "host-key-pinned",
        [Resource(COPY_FILE, "file", {"connection": TRUSTING})],
        "the host's key",
    ),
    Case(
        "a proxy that is trusted unseen",
        "host-key-pinned",
        [command(connection=PINNED | {"proxy": TRUSTING})],
        "the proxy's key",
    ),
    Case(
        "a connection to where is not known yet, its key pinned",
        "host-key-pinned",
        [command(connection=PINNED | {"host": UNKNOWN}), command(connection=PINNED | {"hostKey": UNKNOWN})],
    ),
    Case(
        "a connection to where is not known yet, its key not pinned",
        "host-key-pinned",
        [command(connection=TRUSTING | {"host": UNKNOWN})],
        "the host's key",
    ),
    Case(
        "a connection that is not known yet",
        "host-key-pinned",
        [command(connection=UNKNOWN)],
    ),
    Case(
        "Docker over SSH that checks the host key",
        "host-key-pinned",
        [docker(host=SSH, sshOpts=CHECKING), docker(host=UNKNOWN, sshOpts=CHECKING)],
    ),
    Case(
        "Docker over SSH that does not ask",
        "host-key-pinned",
        [docker(host=SSH, sshOpts='["-o","StrictHostKeyChecking=no"]')],
        "server's key",
    ),
    Case(
        "Docker over SSH with nothing said",
        "host-key-pinned",
        [docker(host=SSH)],
        "server's key",
    ),
    Case(
        "Docker over SSH to where is not known yet that does not ask",
        "host-key-pinned",
        [docker(host=UNKNOWN, sshOpts='["-o","StrictHostKeyChecking=no"]')],
        "server's key",
    ),
    Case(
        "Docker to where is not known yet, with nothing said", "host-key-pinned", [docker(host=UNKNOWN)], "server's key"
    ),
    Case(
        "Docker with options that are not known yet",
        "host-key-pinned",
        [docker(host=UNKNOWN, sshOpts=UNKNOWN), docker(host=SSH, sshOpts=["-o", UNKNOWN])],
    ),
    Case("a blank host key", "host-key-pinned", [command(connection=TRUSTING | {"hostKey": " "})], "the host's key"),
    *(
        Case(
            f"Docker at {host}", "host-key-pinned", [docker(host=host, sshOpts=CHECKING)], f"reached at {host}, not by"
        )
        for host in (
            "tcp://198.51.100.140:2375",
            "TCP://198.51.100.140:2376",
            "http://198.51.100.140:2375",
            "unix:///var/run/docker.sock",
            "npipe:////./pipe/docker_engine",
            "SSH://root@198.51.100.140:22",
            "Ssh://root@198.51.100.140",
            "ssh:/root@198.51.100.140",
            "ssh://-oProxyCommand=id/",
            "ssh://root@198.51.100.140/run/docker.sock",
            " ssh://root@198.51.100.140",
            "198.51.100.140:2375",
        )
    ),
    Case("Docker at no place at all", "host-key-pinned", [docker(sshOpts=CHECKING)], "whatever the environment says"),
    Case(
        "Docker in a context",
        "host-key-pinned",
        [docker(host=SSH, context="other", sshOpts=CHECKING)],
        "comes from a context",
    ),
    *(
        Case(
            f"Docker over SSH with {first} first",
            "host-key-pinned",
            [docker(host=SSH, sshOpts=options(first, STRICT, KNOWN))],
            "key",
        )
        for first in (
            "StrictHostKeyChecking=no",
            "StrictHostKeyChecking=off",
            "StrictHostKeyChecking=accept-new",
            "StrictHostKeyChecking=ask",
            "stricthostkeychecking=no",
            "StrictHostKeyChecking no",
            "StrictHostKeyChecking = no",
            'StrictHostKeyChecking="no"',
            " StrictHostKeyChecking\tno",
            "UserKnownHostsFile=/dev/null",
            "UserKnownHostsFile none",
        )
    ),
    *(
        Case(
            f"Docker over SSH with {extra}",
            "host-key-pinned",
            [docker(host=SSH, sshOpts=options(STRICT, KNOWN, extra))],
            "none of the options",
        )
        for extra in (
            "ProxyCommand=nc evil 22",
            "ProxyJump=evil.example",
            "KnownHostsCommand=/bin/echo",
            "HostName=evil.example",
            "NoHostAuthenticationForLocalhost=yes",
            "VerifyHostKeyDNS=yes",
            "ControlPath=/tmp/socket",
            "PermitLocalCommand=yes",
            "nonsense",
        )
    ),
    Case(
        "an option without a blank after -o",
        "host-key-pinned",
        [over_ssh("-oStrictHostKeyChecking=no", "-o", STRICT, "-o", KNOWN)],
        "server's key",
    ),
    Case("a configuration file", "host-key-pinned", [over_ssh("-F", "file", "-o", STRICT, "-o", KNOWN)], "has -F"),
    Case("a jump host", "host-key-pinned", [over_ssh("-o", STRICT, "-o", KNOWN, "-Jevil")], "has -Jevil"),
    Case("options in one bundle", "host-key-pinned", [over_ssh("-vo", STRICT, "-o", KNOWN)], "has -vo"),
    Case(
        "options that are no list", "host-key-pinned", [docker(host=SSH, sshOpts=f"-o {STRICT} -o {KNOWN}")], "has -o"
    ),
    Case("an option cut off", "host-key-pinned", [over_ssh("-o", STRICT, "-o", KNOWN, "-o")], "has -o"),
    Case(
        "options written without a blank, with one, and in another case",
        "host-key-pinned",
        [
            over_ssh(f"-o{STRICT}", f"-o{KNOWN}"),
            docker(
                host=SSH, sshOpts=options("stricthostkeychecking yes", "USERKNOWNHOSTSFILE = file", "ConnectTimeout=5")
            ),
            docker(host="ssh://[2001:db8::1]:22", sshOpts=CHECKING),
            docker(host="ssh://mail.example.com", sshOpts=["-o", STRICT, "-o", KNOWN]),
        ],
    ),
]


@pytest.mark.parametrize("case", CASES, ids=sentence)
def test_the_rule_finds_what_the_row_says(case: Case) -> None:
    holds(case)


def test_a_connection_that_the_command_plugin_blanks_because_part_of_it_is_not_known_waits_for_the_update() -> None:
    blank = {"host": "", "user": "root", "port": 22, "dialErrorLimit": 10, "perDialTimeout": 15}
    assert findings(Case("", "host-key-pinned", [command(connection=blank)])) == []
