"""Secrets are found however they are written."""

import base64
import gzip
import html
import json
import urllib.parse
import zlib

import pytest

from model.cloud_init import user_data
from model.ssh_keys import ssh_public_key
from policy.disguises import gives_away
from tests.support.examples import HOST_KEY, LOGIN_KEY, PASSWORD

BYTES = PASSWORD.encode()


def base64_of(content: bytes | str) -> str:
    return base64.b64encode(content.encode() if isinstance(content, str) else content).decode()


@pytest.mark.parametrize(
    "text",
    [
        PASSWORD,
        f"login --password={PASSWORD};",
        base64_of(PASSWORD),
        base64_of(f"x{PASSWORD}"),
        base64_of(f"xy{PASSWORD} and more"),
        base64_of(PASSWORD).rstrip("="),
        "\n".join((base64_of(PASSWORD)[:7], base64_of(PASSWORD)[7:])),
        f"echo{base64_of(PASSWORD)}",
        f"p{base64_of(PASSWORD)}",
        f"0a{BYTES.hex()}0",
        f"A{base64.b32encode(BYTES).decode()}",
        f"echo {base64_of(PASSWORD)} | base64 -d",
        base64.urlsafe_b64encode(b"\xff\xfe\xfb" + BYTES).decode(),
        base64_of(base64_of(PASSWORD)),
        base64_of(json.dumps({"key": base64_of(PASSWORD)})),
        base64_of(PASSWORD.encode("utf-16-le")),
        base64_of(gzip.compress(f"#cloud-config {PASSWORD}".encode(), mtime=0)),
        base64_of(zlib.compress(BYTES)),
        base64.b32encode(BYTES).decode(),
        BYTES.hex(),
        BYTES.hex().upper(),
        BYTES.hex(":"),
        f"0x{BYTES.hex()}",
        "".join(f"\\x{byte:02x}" for byte in BYTES),
        "".join(f"\\{byte:03o}" for byte in BYTES),
        "".join(f"\\u{byte:04x}" for byte in BYTES),
        "".join(f"%{byte:02X}" for byte in BYTES),
        urllib.parse.quote(urllib.parse.quote("".join(f"%{byte:02X}" for byte in BYTES))),
        "".join(f"&#{byte};" for byte in BYTES),
        json.dumps(json.dumps({"password": PASSWORD})),
        "'Guide-'\"Rule-10\"",
        "Guide-\\\nRule-10",
    ],
)
def test_a_password_is_found(text: str) -> None:
    assert gives_away(text, PASSWORD)


@pytest.mark.parametrize("special", ['a"b\\c d&e<f>%g+h', "Grüße-aus-Köln-26"])
def test_a_password_of_special_characters_is_found_escaped(special: str) -> None:
    for text in (
        json.dumps(special),
        json.dumps(json.dumps(special)),
        html.escape(special),
        urllib.parse.quote(special),
        urllib.parse.quote_plus(special),
        base64_of(json.dumps(special)),
    ):
        assert gives_away(text, special), text


@pytest.mark.parametrize(
    "written",
    [HOST_KEY, json.dumps(HOST_KEY), base64_of(HOST_KEY), HOST_KEY.replace("\n", " ")],
    ids=["as it is", "JSON", "base64", "one line"],
)
def test_a_key_is_found_however_its_lines_are_broken(written: str) -> None:
    assert gives_away(f"key: {written}", HOST_KEY)
    assert not gives_away(f"key: {written}", LOGIN_KEY)


@pytest.mark.parametrize("text", ["", "Guide-Rule-1", "Guide Rule 10", base64_of("Other-Rule-11"), BYTES[::-1].hex()])
def test_other_texts_do_not_give_it_away(text: str) -> None:
    assert not gives_away(text, PASSWORD)


@pytest.mark.parametrize("short", ["", "\n", "secret7", "a b c d e f g"])
def test_what_is_too_short_to_be_told_from_other_texts_is_left_alone(short: str) -> None:
    assert not gives_away(f"x{short}x", short)


def test_user_data_gives_away_its_own_key_only() -> None:
    text = user_data(HOST_KEY, ssh_public_key(HOST_KEY), 0)
    assert gives_away(text, HOST_KEY)
    assert not gives_away(text, LOGIN_KEY)
    assert not gives_away(text, PASSWORD)
