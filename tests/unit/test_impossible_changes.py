"""What is refused before the first step, told from what stands at Hetzner; and what is not."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from model.impossible_changes import impossible_changes, lost
from model.survey import Survey
from tests.support.examples import HOST_KEY, IMAGE, LOGIN_KEY, openssh_key, settings

LABELS = {"managed-by": "pulumi", "project": "poste-mail", "stack": "prod"}
SETTINGS = settings()


@dataclass(frozen=True)
class Thing:
    """Anything at Hetzner, with what Hetzner tells of it."""

    id: int = 7
    name: str = "poste-mail-prod"
    labels: dict[str, str] = field(default_factory=lambda: dict(LABELS))
    location: str = "nbg1"
    server_type: str = "cx23"
    delete_protection: bool = True
    size: int = 20
    ip_address: str = "198.51.100.7"
    public_key: str = SETTINGS.ssh_public_key


def survey(**changes: Any) -> Survey:
    """A project with all that a stack makes."""
    everything: dict[str, Any] = {
        "servers": [Thing()],
        "volumes": [Thing()],
        "primary_ips": [Thing(), Thing(ip_address="2001:db8:100:1::")],
        "ssh_keys": [Thing()],
        "firewalls": [Thing(labels=LABELS | {"poste": "2.5.11"})],
    }
    return Survey(LABELS, **{"known": set()} | everything | changes)


OTHER_KEY = openssh_key()
NEWER = IMAGE.replace("2.5.11", "2.5.12")
OLDER = IMAGE.replace("2.5.11", "2.5.9")


@pytest.mark.parametrize(
    ("changes", "found", "sentences"),
    [
        ({}, {}, []),
        ({"location": "fsn1"}, {}, ["location fsn1: what this stack has is in nbg1"]),
        # Even where nothing is protected: the volume would go.
        ({"location": "fsn1", "protect": False}, {}, ["location fsn1"]),
        ({"location": "fsn1"}, {"servers": [], "volumes": [], "primary_ips": []}, []),
        ({"volumeSize": 10}, {}, ["volumeSize 10: the volume has 20 GB"]),
        ({"volumeSize": 30}, {}, []),
        ({"posteImage": NEWER}, {}, []),
        ({"posteImage": OLDER}, {}, ["is older than 2.5.11"]),
        # A tag that names no full version may be anything.
        ({"posteImage": IMAGE.replace("2.5.11", "2")}, {}, []),
        ({"posteImage": IMAGE.replace("2.5.11", "latest")}, {}, []),
        ({"posteImage": IMAGE.replace("2.5.11", "2.4")}, {}, ["is older than 2.5.11"]),
        ({"posteImage": OLDER}, {"firewalls": [Thing()]}, []),
        ({"sshPrivateKey": OTHER_KEY}, {}, ["Expected the old one in previousSshPrivateKey"]),
        ({"sshPrivateKey": OTHER_KEY, "previousSshPrivateKey": LOGIN_KEY}, {}, []),
        ({"sshPrivateKey": OTHER_KEY}, {"servers": []}, []),
        ({"sshHostKey": OTHER_KEY}, {}, []),
        ({"sshHostKey": OTHER_KEY}, {"servers": [Thing(labels=LABELS | {"host-key": "0" * 16})]},
         ["a new one comes with a new server: raise serverRevision to 1, too"]),
        ({"serverRevision": 1}, {}, ["serverRevision 1 replaces the server, which is protected"]),
        ({"serverRevision": 1, "unprotected": ["server"]}, {}, ["which is still protected at Hetzner"]),
        ({"serverRevision": 1, "unprotected": ["server"], "sshHostKey": OTHER_KEY, "sshPrivateKey": HOST_KEY},
         {"servers": [Thing(delete_protection=False)]}, []),
        ({"serverRevision": 1}, {"servers": [Thing(labels=LABELS | {"revision": "1"})]}, []),
        # What another stack has in the same project is none of this one's business.
        ({"location": "fsn1", "volumeSize": 10},
         {kind: [Thing(labels=LABELS | {"stack": "staging"})] for kind in ("servers", "volumes", "primary_ips")}, []),
    ],
)  # fmt: skip
def test_a_change_is_refused_where_it_cannot_be_made_and_nowhere_else(
    changes: dict[str, Any], found: dict[str, Any], sentences: list[str]
) -> None:
    told = list(impossible_changes(survey(**found), settings(**changes)))
    assert len(told) == len(sentences), told
    for sentence, expected in zip(told, sentences, strict=True):
        assert expected in sentence


def state(*kinds: str) -> set[tuple[str, str]]:
    """A state that knows things of these kinds."""
    return {(kind, "7") for kind in kinds}


def test_what_the_state_does_not_know_is_told_with_the_command_that_brings_it_back() -> None:
    told = list(lost(survey(known=state("Server", "Volume", "PrimaryIp", "SshKey")), "prod"))
    assert len(told) == 1
    assert told[0].startswith("The firewall poste-mail-prod (id 7) is this stack's by its labels")
    assert told[0].endswith("./run mail repair --stack prod")


def test_the_same_number_of_another_kind_is_another_thing() -> None:
    told = list(lost(survey(known=state("Volume"), primary_ips=[], ssh_keys=[], firewalls=[]), "prod"))
    assert [sentence.split()[1] for sentence in told] == ["server"]


def test_what_the_state_knows_is_the_stacks_whatever_its_labels_say() -> None:
    renamed = Thing(labels=LABELS | {"stack": "old"})
    found = survey(known=state("Server", "Volume", "SshKey"), servers=[renamed], volumes=[renamed],
                   ssh_keys=[renamed])  # fmt: skip
    assert found.foreign_key(SETTINGS.ssh_public_key) is None
    assert [sentence.split()[0] for sentence in impossible_changes(found, settings(volumeSize=10))] == ["volumeSize"]
    assert len(list(impossible_changes(found, settings(location="fsn1")))) == 1


def test_nothing_is_lost_where_the_state_knows_all() -> None:
    assert not list(lost(survey(known=state("Server", "Volume", "PrimaryIp", "SshKey", "Firewall")), "prod"))
