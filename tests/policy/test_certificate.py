"""The rules for the mail host's certificate."""

import json
from dataclasses import replace
from typing import Any

import pytest

from model.server_folders import CERTIFICATES
from model.settings import AUTHORITIES
from policy.model import COMMAND, COPY, COPY_FILE, LOCAL_COMMAND, UNKNOWN, Resource
from tests.support.case import PROD, Case, holds, sentence, stack

OTHER = "https://acme.example.net/directory"
TRIALS = AUTHORITIES["staging"]
ACCOUNT = f"{CERTIFICATES}/acme.example.net-directory/config/accounts/acme.example.net/directory/1/private_key.json"


def script(authority: Any = AUTHORITIES["letsencrypt"], create: Any = "", **props: Any) -> Resource:
    """The command that gets a certificate."""
    line = create or "python3 /opt/poste-mail/certificate.py # script 0123456789ab, rerun 0, container 7"
    told = {"names": ["mail.example.com"], "authority": authority, "folder": CERTIFICATES}
    return Resource(COMMAND, "certificate", {"create": line, "stdin": json.dumps(told)} | props, "certificate")


def command(**props: Any) -> Resource:
    return Resource(COMMAND, "x", props, "x")


def local(**props: Any) -> Resource:
    return Resource(LOCAL_COMMAND, "x", props, "x")


VOLUME = command(create="python3 /opt/poste-mail/volume.py")

TRUSTED = [
    Case("a certificate of Let's Encrypt", "certificate-in-protected-stack", [script(), VOLUME]),
    Case(
        "a certificate of another authority",
        "certificate-in-protected-stack",
        [script(OTHER)],
        stack=stack(acmeServer=OTHER),
    ),
    Case("a command that is not known yet", "certificate-in-protected-stack", [script(create=UNKNOWN), VOLUME]),
    Case("no command at all", "certificate-in-protected-stack", [VOLUME], "Nothing has the server get a certificate"),
    *(
        Case(f"a command that runs {line}", "certificate-in-protected-stack", [script(create=line)], "Nothing has")
        for line in ("true # python3 certificate.py", "cat certificate.py", "python3 /opt/x/other_certificate.py")
    ),
    Case(
        "one for trials",
        "certificate-in-protected-stack",
        [script(TRIALS)],
        "which no client trusts",
        stack=stack(certificate="staging"),
    ),
    *(
        Case(
            f"one for trials as {directory}",
            "certificate-in-protected-stack",
            [script(directory)],
            "which no client trusts",
            stack=stack(acmeServer=directory),
        )
        for directory in (TRIALS, f"{TRIALS}?x", TRIALS.replace("acme-s", "ACME-S"))
    ),
    Case("one for trials that the settings do not name", "certificate-in-protected-stack", [script(TRIALS)], TRIALS),
    Case(
        "one for trials in a stack that is not protected",
        "certificate-in-protected-stack",
        [script(TRIALS)],
        stack=stack(certificate="staging", protect=False),
    ),
    Case(
        "none, with the reason",
        "certificate-in-protected-stack",
        [VOLUME],
        stack=stack(certificate="none, since ours is put there by hand"),
    ),
    Case(
        "none, without a reason",
        "certificate-in-protected-stack",
        [VOLUME],
        "does not say why",
        stack=replace(PROD, settings=PROD.settings.model_copy(update={"certificate": "none"})),
    ),
    *(
        Case(
            f"none, behind a proxy ({' '.join(changes)})",
            "certificate-in-protected-stack",
            [VOLUME],
            stack=stack(certificate="none", reverseProxyCidrs=["198.51.100.80/32"], **changes),
        )
        for changes in ({}, {"https": False})
    ),
]

STAYS = [
    Case("the command that gets a certificate", "account-key-stays", [script(delete="python3 certificate.py stop")]),
    Case("a command that is not known yet", "account-key-stays", [command(create=UNKNOWN, stdin=UNKNOWN), local()]),
    *(
        Case(f"a {kind}", "account-key-stays", [Resource(kind, "x")], "in the state")
        for kind in (
            "acme:index/registration:Registration",
            "acme:index/certificate:Certificate",
            "tls:index/privateKey:PrivateKey",
            "tls:index/selfSignedCert:SelfSignedCert",
        )
    ),
    Case(
        "a certificate that is handed to a cloud with its key",
        "account-key-stays",
        [Resource("hcloud:index/uploadedCertificate:UploadedCertificate", "x", {"privateKey": "x"})],
        "privateKey is a key",
    ),
    Case(
        "the key of a connection, which is another one",
        "account-key-stays",
        [command(create="true", connection={"privateKey": "x"})],
    ),
    *(
        Case(f"the command {line}", "account-key-stays", [command(create=line)], "create reads")
        for line in (
            f"cat {ACCOUNT}",
            f"base64 -w0 {CERTIFICATES}/x/config/live/mail.example.com/privkey.pem",
            "cp /mnt/poste/data/ssl/server.key /dev/stdout",
            f"tar c {CERTIFICATES}",
            f"cd {CERTIFICATES} && tar c .",
            f"test -d {CERTIFICATES} && find {CERTIFICATES} -name '*.json' -exec cat {{}} +",
            "if true; then sudo /bin/cat /data/ssl/server.key; fi",
            f'echo "$(cat {ACCOUNT})"',
            f"echo $(<{ACCOUNT})",
            "ls | xargs cat /etc/letsencrypt/accounts/x",
            "openssl pkey -in privkey1.pem -pubout",
            f"F={CERTIFICATES}; cat $F/x",
        )
    ),
    Case("an update that does", "account-key-stays", [command(create="true", update=f"cat {ACCOUNT}")], "update reads"),
    Case("lines by standard input", "account-key-stays", [command(create="sh", stdin=f"cat {ACCOUNT}")], "stdin reads"),
    Case(
        "a copy to this machine",
        "account-key-stays",
        [local(create=f"scp -r root@mail.example.com:{CERTIFICATES} .")],
        "create reads",
    ),
    Case("a file that is taken into the state", "account-key-stays", [local(assetPaths=["privkey.pem"])], "assetPaths"),
    *(
        Case(f"the command {line}", "account-key-stays", [command(create=line), local(create=line)])
        for line in (
            f"cat {CERTIFICATES}/status.json",
            f"openssl x509 -in {CERTIFICATES}/x/config/live/mail.example.com/cert.pem -noout -enddate",
            f"rm -rf {CERTIFICATES}/old",
            "test -f /data/ssl/server.key && chmod 600 /data/ssl/server.key",
            "ls /mnt/poste/data/ssl",
        )
    ),
    Case("a script that is copied", "account-key-stays", [Resource(COPY, "x", {"source": "remote/certificate.py"})]),
    Case(
        "a key that is copied from elsewhere",
        "account-key-stays",
        [Resource(COPY_FILE, "x", {"localPath": "live/privkey.pem", "remotePath": "/root/x"})],
        "localPath is",
    ),
    Case(
        "a file that is copied to where a key lies",
        "account-key-stays",
        [Resource(COPY, "x", {"source": "x", "remotePath": "/mnt/poste/data/ssl/server.key"})],
        "remotePath is",
    ),
]

CASES = [*TRUSTED, *STAYS]


@pytest.mark.parametrize("case", CASES, ids=sentence)
def test_the_rule_finds_what_the_row_says(case: Case) -> None:
    holds(case)
