"""The evidence on which a new version of Poste is judged, against small servers on loopback."""

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from components import remote_scripts
from tests.support.engine_socket import Engine
from tests.support.mail_loop import MailLoop
from tests.support.poste_api import PosteApi, serving_api
from tests.support.verify_world import make_certificate

ADMIN, PASSWORD = "admin@example.com", "Admin-Rule-10"
SIGNATURE = "DKIM-Signature: v=1; a=rsa-sha256; d=example.com;\r\n s=s20261128123; h=from; bh=x; b=y\r\n"
PEM = "-----BEGIN PUBLIC KEY-----\nAAAA\nBBBB\n-----END PUBLIC KEY-----\n"

RUN = """
import json, pathlib, sys
import administrator, engine, evidence, proof_mail
here, told = pathlib.Path.cwd(), json.load(sys.stdin)
engine.SOCKET, administrator.FILE = str(here / "engine"), here / "administrator.json"
proof_mail.SUBMISSION, proof_mail.IMAPS = told["ports"]["submission"], told["ports"]["imaps"]
proof_mail.SMTP = proof_mail.SUBMISSION
evidence.DEADLINE, evidence.SURE, evidence.NAP = told["deadline"], told["sure"], 0.05
if told["what"] == "signs":
    print(json.dumps(evidence.signs_to_itself()))
elif told["what"] == "queued":
    print(json.dumps(evidence.queued("poste")))
else:
    print(json.dumps(evidence.Evidence("poste", here / "data", told["url"], told["keys"], *told["before"]).gather()))
"""


class World:
    """A Poste that works, and one who gathers evidence of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("tools", "data/domains/example.com", "data/queue/input"):
            (folder / name).mkdir(parents=True)
        (folder / "administrator.json").write_text(json.dumps({"address": ADMIN, "password": PASSWORD}))
        (folder / "data/domains/example.com/selector").write_text("s20261128123\n")
        (folder / "data/domains/example.com/public").write_text(PEM)
        self.signers("")
        self.engine = Engine(images={"sha256:1": []})
        self.engine.run("poste", "sha256:1")
        self.mail = MailLoop(make_certificate(folder, ["mail.example.com"]), PASSWORD, SIGNATURE)
        self.api = PosteApi(domains={"example.com": {"name": "example.com"}})
        self.before: tuple[bool, int | None] = (True, 0)
        self.keys = {"example.com": {"selector": "s20261128123", "public_key": "AAAABBBB"}}

    def signers(self, blind: str) -> None:
        """What the container tells of signers without a key; of its queue it tells what lies there."""
        (self.folder / "tools/docker").write_text(
            f"""#!/bin/sh
case $5 in *config/dkim*) printf "{blind}"; exit ;; esac
[ ! -e "{self.folder}/down" ] || {{ echo "container $2 is not running" >&2; exit 1; }}
exec sh -c "$(echo "$5" | sed 's#/data/#{self.folder}/data/#; s#/opt/#{self.folder}/opt/#g')"
"""
        )
        (self.folder / "tools/docker").chmod(0o755)

    def queue(self, messages: int) -> None:
        """So many wait to leave, each in three files."""
        folder = self.folder / "data/queue/input"
        shutil.rmtree(folder)
        folder.mkdir()
        for number in range(messages):
            for part in "HDJ":
                (folder / f"{number}-{part}").touch()

    def gather(self, what: str = "all", *, deadline: float = 1.5, sure: float = 0.3) -> Any:
        """What is found to be wrong."""
        with (
            self.engine.serving(self.folder / "engine"),
            self.mail.serving() as ports,
            serving_api(self.api) as url,
        ):
            told = {
                "what": what, "url": url, "ports": ports, "keys": self.keys, "before": self.before,
                "deadline": deadline, "sure": sure,
            }  # fmt: skip
            done = subprocess.run(
                [sys.executable, "-c", RUN],
                cwd=self.folder,
                input=json.dumps(told),
                capture_output=True,
                text=True,
                check=False,
                timeout=110,
                env=os.environ
                | {
                    "PATH": f"{self.folder / 'tools'}:{os.environ['PATH']}",
                    "PYTHONPATH": str(remote_scripts.SOURCE),
                },
            )
        assert done.returncode == 0, done.stderr
        assert PASSWORD not in done.stdout + done.stderr
        return json.loads(done.stdout)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_nothing_is_wrong_with_a_poste_that_works_and_its_inbox_is_left_as_it_was(world: World) -> None:
    mine = b"Subject: mine\r\n\r\nhello\r\n"
    world.mail.folders["INBOX"][100] = mine
    world.mail.marked.add(100)
    assert world.gather() == []
    assert world.mail.folders == {"INBOX": {100: mine}, "Junk": {}}
    assert world.mail.taken == 1


def test_the_message_is_found_where_a_filter_has_put_it(world: World) -> None:
    world.mail.arrives_in = "Junk"
    assert world.gather() == []
    assert world.mail.folders == {"INBOX": {}, "Junk": {}}


def test_an_earlier_proof_is_cleared_and_not_taken_for_this_one(world: World) -> None:
    world.mail.folders["Junk"][100] = b"X-Poste-Mail-Proof: an earlier one\r\n\r\nhello\r\n"
    assert world.gather() == []
    assert world.mail.folders == {"INBOX": {}, "Junk": {}}
    assert world.mail.taken == 1


def test_a_password_that_mail_does_not_take_is_named_for_reading_and_for_sending(world: World) -> None:
    world.mail.password = "another"
    assert world.gather() == [
        f"IMAP does not let {ADMIN} in: [AUTHENTICATIONFAILED] Authentication failed.",
        f"submission does not let {ADMIN} in: 535 Incorrect authentication data",
    ]


def test_a_clear_no_is_believed_long_before_the_deadline_and_not_at_once(world: World) -> None:
    world.mail.password = "another"
    began = time.monotonic()
    assert world.gather(deadline=100, sure=1)
    assert 1 < time.monotonic() - began < 100


def test_a_message_that_does_not_arrive_is_waited_for_until_the_deadline(world: World) -> None:
    world.mail.loses = True
    began = time.monotonic()
    assert world.gather(deadline=2, sure=0.1) == [f"a message from {ADMIN} to itself was taken and has not arrived"]
    assert time.monotonic() - began > 2
    assert world.mail.taken == 1


@pytest.mark.parametrize(
    ("domain", "selector", "signed"),
    [
        ("example.com", "s1", "example.com with selector s1"),
        ("example.net", "s20261128123", "example.net with selector s20261128123"),
    ],
)
def test_a_message_with_another_signature_is_bad(world: World, domain: str, selector: str, signed: str) -> None:
    world.mail.signature = SIGNATURE.replace("example.com", domain).replace("s20261128123", selector)
    wanted = "example.com with selector s20261128123"
    assert world.gather() == [f"a message arrives signed for {signed}, not for {wanted}"]


def test_a_message_without_a_signature_is_bad_only_where_the_old_version_signed(world: World) -> None:
    world.mail.signature = ""
    assert world.gather() == ["a message of example.com arrives unsigned"]
    world.before = (False, 0)
    assert world.gather() == []


def test_what_the_old_version_signed_is_told(world: World) -> None:
    assert world.gather("signs") is True
    for signature in ("", SIGNATURE.replace("example.com", "example.net")):
        world.mail.signature = signature
        assert world.gather("signs") is False
    world.mail.password = "another"
    assert world.gather("signs") is False


def test_a_refused_sign_in_to_the_api_is_named(world: World) -> None:
    world.api.refuses["GET"] = (401, "Invalid credentials")
    assert world.gather() == [f"the API answers 401 when {ADMIN} signs in (Invalid credentials)"]


def test_a_container_that_does_not_keep_running_is_named(world: World) -> None:
    world.engine.containers[0]["State"]["Restarting"] = True
    assert world.gather() == ["the container does not keep running (docker logs poste says why)"]


def test_a_dkim_key_that_is_another_or_gone_is_named(world: World) -> None:
    key = world.folder / "data/domains/example.com/public"
    key.write_text(PEM.replace("AAAA", "CCCC"))
    assert world.gather() == ["the DKIM key of example.com is another than before, and than the one in DNS"]
    key.unlink()
    assert "the DKIM key of example.com is gone" in world.gather()[0]


def test_a_signer_that_does_not_find_its_key_is_named(world: World) -> None:
    world.signers("haraka-smtp: example.com\\n")
    assert world.gather() == ["a signer does not find its DKIM key: haraka-smtp: example.com"]


def test_a_queue_that_grows_is_named(world: World) -> None:
    world.queue(60)
    assert world.gather() == ["the queue grows: 60 messages wait to leave, and 0 before"]
    world.before = (True, 20)
    assert world.gather() == []


def test_mail_that_comes_meanwhile_and_waits_is_nothing_wrong_however_many_files_it_takes(world: World) -> None:
    world.queue(50)
    assert len(list((world.folder / "data/queue").rglob("*-[HDJ]"))) == 150
    assert world.gather() == []


def test_a_queue_that_shrinks_while_the_evidence_is_gathered_is_nothing_wrong(world: World) -> None:
    world.queue(60)
    drained = threading.Timer(3, world.queue, [0])
    drained.start()
    assert world.gather(deadline=80) == []
    drained.join()


def test_a_queue_is_not_held_against_a_version_whose_forerunner_did_not_run(world: World) -> None:
    world.queue(60)
    world.before = (True, None)
    assert world.gather() == []


def test_a_queue_that_cannot_be_counted_is_none(world: World) -> None:
    world.queue(2)
    assert world.gather("queued") == 2
    (world.folder / "down").touch()
    assert world.gather("queued") is None


def test_who_ends_the_program_is_not_taken_for_something_that_is_wrong() -> None:
    code = "import evidence, exclusive\ndef look(): raise exclusive.Ended('ended')\nevidence._tried(look)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=remote_scripts.SOURCE, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (1, "ended\n")
