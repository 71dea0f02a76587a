"""The small DNS client of the scripts on the server, against name servers on loopback."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from components import remote_scripts
from tests.support.name_servers import NameServer, patience, serving_names

RUN = """
import json, pathlib, sys, name_servers
name_servers.PORT, name_servers.RESOLVERS = int(sys.argv[1]), pathlib.Path(sys.argv[2])
print(json.dumps(name_servers.wrong(*sys.argv[3:])))
"""
NAME, TEXT = "s1._domainkey.mail.example.com", "v=DKIM1; k=rsa; p=" + "A" * 392
CHUNKS = f'"{TEXT[:255]}" "{TEXT[255:]}"'
ZONE = {
    ("example.com", "NS"): ["ns1.example.com.", "ns2.other.net."],
    ("ns1.example.com", "A"): ["127.0.0.1"],
    ("ns2.other.net", "A"): ["127.0.0.2"],
    ("mail.example.com", "A"): ["192.0.2.1"],
}


@pytest.fixture
def servers() -> dict[str, NameServer]:
    first = NameServer({**ZONE, (NAME, "TXT"): [CHUNKS]})
    return {"127.0.0.1": first, "127.0.0.2": NameServer({(NAME, "TXT"): [CHUNKS]})}


def wrong(servers: dict[str, NameServer], folder: Path, text: str = TEXT, resolvers: str = "127.0.0.1") -> Any:
    """What is not as it should be."""
    (folder / "resolv.conf").write_text("".join(f"nameserver {address}\n" for address in resolvers.split()))
    with serving_names(servers) as port:
        done = subprocess.run(
            [sys.executable, "-c", patience(servers) + RUN, str(port), str(folder / "resolv.conf"), NAME, text],
            cwd=remote_scripts.SOURCE, capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_each_name_server_of_the_closest_zone_is_asked_itself(servers: dict[str, NameServer], tmp_path: Path) -> None:
    assert wrong(servers, tmp_path) == []
    assert [asked for asked in servers["127.0.0.2"].asked if asked[1] == "TXT"] == [(NAME, "TXT", "udp")]


def test_an_answer_that_is_too_long_for_udp_comes_by_tcp(servers: dict[str, NameServer], tmp_path: Path) -> None:
    text = TEXT + "A" * 344
    for server in servers.values():
        server.records[(NAME, "TXT")] = [f'"{text[:255]}" "{text[255:510]}" "{text[510:]}"']
    assert wrong(servers, tmp_path, text) == []
    assert (NAME, "TXT", "tcp") in servers["127.0.0.2"].asked


def test_a_server_with_another_text_or_a_second_one_is_named(servers: dict[str, NameServer], tmp_path: Path) -> None:
    servers["127.0.0.2"].records[(NAME, "TXT")] = [CHUNKS, '"v=DKIM1; p=x"']
    assert wrong(servers, tmp_path) == ["ns2.other.net (127.0.0.2) serves 2 other records"]
    servers["127.0.0.2"].records = {}
    assert wrong(servers, tmp_path) == ["ns2.other.net (127.0.0.2) serves 0 other records"]


def test_a_silent_server_is_named(servers: dict[str, NameServer], tmp_path: Path) -> None:
    servers["127.0.0.2"].silent = True
    assert wrong(servers, tmp_path) == ["ns2.other.net (127.0.0.2) does not answer"]


def test_a_server_without_an_address_is_named(servers: dict[str, NameServer], tmp_path: Path) -> None:
    del servers["127.0.0.1"].records[("ns2.other.net", "A")]
    assert wrong(servers, tmp_path) == ["ns2.other.net does not answer"]


def test_the_next_resolver_is_asked_where_one_is_silent(servers: dict[str, NameServer], tmp_path: Path) -> None:
    servers["127.0.0.3"] = NameServer(silent=True)
    assert wrong(servers, tmp_path, resolvers="127.0.0.3 127.0.0.1") == []
    (reason,) = wrong(servers, tmp_path, resolvers="127.0.0.3")
    assert "127.0.0.3 does not answer" in reason


def test_a_name_in_no_zone_has_nobody_who_serves_it(servers: dict[str, NameServer], tmp_path: Path) -> None:
    del servers["127.0.0.1"].records[("example.com", "NS")]
    assert wrong(servers, tmp_path) == [f"no name server of {NAME} is found"]
