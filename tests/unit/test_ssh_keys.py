"""SSH keys as they come out of settings, judged by the real ssh-keygen."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from model.ssh_keys import canonical_ssh_key, ssh_public_key
from tests.support.examples import LOGIN_KEY

KINDS = {
    "ed25519": ("-t", "ed25519"),
    "ecdsa": ("-t", "ecdsa", "-b", "384"),
    "rsa": ("-t", "rsa", "-b", "2048"),
    "rsa as PEM": ("-t", "rsa", "-b", "2048", "-m", "PEM"),
    "ecdsa as PEM": ("-t", "ecdsa", "-m", "PEM"),
    "rsa as PKCS #8": ("-t", "rsa", "-b", "2048", "-m", "PKCS8"),
}
DAMAGES: dict[str, Callable[[str], str]] = {
    "none": lambda text: text,
    "last newline lost": lambda text: text.rstrip("\n"),
    "newlines of Windows": lambda text: text.replace("\n", "\r\n"),
    "newlines turned to blanks": lambda text: text.replace("\n", " "),
    "all newlines lost": lambda text: text.replace("\n", ""),
    "newlines escaped": lambda text: text.replace("\n", "\\n"),
    "blanks ahead of each line": lambda text: re.sub("^", "    ", text, flags=re.MULTILINE),
    "blanks after each line": lambda text: text.replace("\n", "  \n"),
    "in quotes": lambda text: f'"{text}"',
    "quoted as in a letter": lambda text: re.sub("^", "> ", text, flags=re.MULTILINE),
    "text before and after": lambda text: f"my key:\n{text}\nsee above",
    "a byte order mark": lambda text: f"\ufeff{text}",
}


def made(folder: Path, *options: str, passphrase: str = "") -> str:
    """A new key of ssh-keygen's."""
    file = folder / "made"
    subprocess.run(["ssh-keygen", "-q", "-N", passphrase, *options, "-f", file], check=True)
    return file.read_text()


@pytest.mark.parametrize("kind", KINDS)
def test_a_key_is_written_as_openssh_reads_it_whatever_became_of_its_blanks_and_newlines(
    kind: str, tmp_path: Path
) -> None:
    text = made(tmp_path, *KINDS[kind])
    public = (tmp_path / "made.pub").read_text().split()[:2]
    written = tmp_path / "written"
    for damage, harm in DAMAGES.items():
        written.touch(mode=0o600)
        written.write_text(canonical_ssh_key(harm(text)))
        shown = subprocess.run(["ssh-keygen", "-y", "-f", written], capture_output=True, text=True, check=False)
        assert shown.stdout.split()[:2] == public, damage
        assert ssh_public_key(harm(text)).split() == public, damage


def test_a_key_is_the_same_text_in_each_run() -> None:
    assert canonical_ssh_key(LOGIN_KEY) == canonical_ssh_key(canonical_ssh_key(LOGIN_KEY)) == LOGIN_KEY


@pytest.mark.parametrize(
    ("options", "passphrase", "reason"),
    [
        (("-t", "rsa", "-b", "1024"), "", "this is an RSA key of 1024 bits, and 2048 are the least"),
        (("-t", "rsa", "-b", "1024", "-m", "PEM"), "", "this is an RSA key of 1024 bits, and 2048 are the least"),
        (("-t", "ed25519"), "a passphrase", "this one has a passphrase"),
        (("-t", "rsa", "-m", "PEM"), "a passphrase", "this one has a passphrase"),
        (("-t", "rsa", "-m", "PKCS8"), "a passphrase", "this one has a passphrase"),
    ],
)
def test_a_key_that_cannot_serve_is_refused_in_one_sentence(
    options: tuple[str, ...], passphrase: str, reason: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=f"^Expected an OpenSSH private key without a passphrase, but {reason}. Such"):
        canonical_ssh_key(made(tmp_path, *options, passphrase=passphrase))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "there is none from BEGIN to END"),
        ("~/.ssh/id_ed25519", "there is none from BEGIN to END"),
        (LOGIN_KEY[:200], "there is none from BEGIN to END"),
        (LOGIN_KEY + LOGIN_KEY, "there are 2"),
        (LOGIN_KEY.replace(LOGIN_KEY[100:110], ""), "this one is damaged"),
        (LOGIN_KEY.replace("OPENSSH PRIVATE KEY", "PRIVATE KEY"), "this one is damaged"),
        (LOGIN_KEY.replace("OPENSSH PRIVATE KEY", "CERTIFICATE"), "this one is damaged"),
        (ssh_public_key(LOGIN_KEY), "this is the public half of one"),
        ("PuTTY-User-Key-File-3: ssh-ed25519", "this is one of PuTTY's"),
    ],
    ids=["none", "path", "cut off", "two", "damaged", "other kind", "certificate", "public half", "PuTTY"],
)
def test_what_is_no_key_is_refused_with_what_it_is_and_is_not_shown(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match="Expected an OpenSSH private key") as caught:
        canonical_ssh_key(text)
    assert reason in str(caught.value)
    assert LOGIN_KEY[60:100] not in str(caught.value)


@pytest.mark.parametrize("command", ["genpkey -algorithm ed448", "ecparam -name secp256k1 -genkey -noout"])
def test_a_kind_of_key_that_openssh_does_not_know_is_refused_in_one_sentence(command: str) -> None:
    text = subprocess.run(["openssl", *command.split()], capture_output=True, text=True, check=True).stdout
    with pytest.raises(ValueError, match=r"but this one is of .*OpenSSH does not"):
        canonical_ssh_key(text)
