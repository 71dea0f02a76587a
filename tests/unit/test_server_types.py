"""A server type that does not fit is refused with the reason and the way out."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from model.server_types import unfit
from tests.support.examples import settings


@dataclass
class Place:
    name: str
    available: bool = True
    is_deprecated: bool = False


@dataclass
class Type:
    name: str = "cx23"
    architecture: str = "x86"
    memory: float = 4
    locations: list[Place] = field(default_factory=lambda: [Place("nbg1")])


def test_a_fitting_type_is_accepted() -> None:
    assert unfit(Type(), settings()) == []


@pytest.mark.parametrize(
    ("changes", "server_type", "reason"),
    [
        ({}, Type(memory=2), "has 2 GB of memory, ClamAV needs 4"),
        ({}, Type(architecture="arm"), "architecture arm"),
        ({"location": "fsn1"}, Type(), "is not available in fsn1; it is in: nbg1"),
        ({}, Type(locations=[Place("nbg1", available=False)]), "not available in nbg1; it is in: no location"),
        ({}, Type(locations=[Place("nbg1", is_deprecated=True)]), "not available in nbg1"),
    ],
)
def test_an_unfit_type_is_refused(changes: dict[str, Any], server_type: Type, reason: str) -> None:
    (sentence,) = unfit(server_type, settings(**changes))
    assert reason in sentence


def test_without_clamav_two_gigabytes_are_enough() -> None:
    assert unfit(Type(memory=2), settings(disable_clamav=True)) == []
