"""Record texts and names: what is published, byte for byte."""

import base64

import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rdtypes.ANY.TXT
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from model import records


def public_key(bits: int) -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=bits).public_key()
    return base64.b64encode(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()


@pytest.mark.parametrize(
    ("length", "strings"),
    [(0, [0]), (1, [1]), (254, [254]), (255, [255]), (256, [255, 1]), (510, [255, 255]), (511, [255, 255, 1])],
)
def test_txt_is_cut_into_quoted_strings_of_at_most_255_bytes(length: int, strings: list[int]) -> None:
    content = records.txt("x" * length)
    assert content == " ".join(f'"{"x" * size}"' for size in strings)


@pytest.mark.parametrize("text", ["v=spf1 -all", 'say "hi"', "back\\slash", "x" * 300, '"' * 300, ""])
def test_a_reader_of_txt_content_gets_the_text_that_went_in(text: str) -> None:
    content = records.txt(text)
    parsed = dns.rdata.from_text(dns.rdataclass.IN, dns.rdatatype.TXT, content)
    assert isinstance(parsed, dns.rdtypes.ANY.TXT.TXT)
    assert b"".join(parsed.strings).decode() == text
    assert all(len(string) <= 255 for string in parsed.strings)
    assert records.txt_value(content) == text


def test_txt_content_without_quotes_is_read_as_it_stands() -> None:
    assert records.txt_value("v=spf1 mx -all") == "v=spf1 mx -all"


@pytest.mark.parametrize("text", ["naïve", "tab\there", "new\nline"])
def test_txt_refuses_what_cloudflare_would_give_back_in_another_form(text: str) -> None:
    with pytest.raises(ValueError, match="printable ASCII"):
        records.txt(text)


@pytest.mark.parametrize(
    ("labels", "name"),
    [
        (("example.com",), "example.com"),
        (("_dmarc", "Example.COM."), "_dmarc.example.com"),
        (("", "example.com"), "example.com"),
        (("s1", "_domainkey", "a.example.com"), "s1._domainkey.a.example.com"),
    ],
)
def test_names_are_lower_case_without_a_trailing_dot(labels: tuple[str, ...], name: str) -> None:
    assert records.fqdn(*labels) == name


def test_spf_names_both_addresses_of_the_server() -> None:
    text = records.spf("198.51.100.7", "2001:db8::1", "-all")
    assert text == "v=spf1 a mx ip4:198.51.100.7 ip6:2001:db8::1 -all"


@pytest.mark.parametrize(
    ("rua", "ruf", "tags", "text"),
    [
        (["a@example.com"], ["a@example.com"], {"fo": "1"},
         "v=DMARC1; p=reject; rua=mailto:a@example.com; ruf=mailto:a@example.com; fo=1"),
        (["a@example.com", "b@example.org"], [], {},
         "v=DMARC1; p=reject; rua=mailto:a@example.com,mailto:b@example.org"),
        ([], [], {}, "v=DMARC1; p=reject"),
    ],
)  # fmt: skip
def test_dmarc_lists_only_the_parts_that_are_set(
    rua: list[str], ruf: list[str], tags: dict[str, str], text: str
) -> None:
    assert records.dmarc("reject", rua, ruf, tags) == text


def test_dkim_record_stands_under_its_selector() -> None:
    assert records.dkim_name("s20261125123", "example.com") == "s20261125123._domainkey.example.com"
    assert records.dkim("MIIB") == "v=DKIM1; k=rsa; p=MIIB"


@pytest.mark.parametrize("selector", ["", "two words", "semi;colon", "-leading", "dot."])
def test_a_selector_that_is_no_dns_label_is_refused(selector: str) -> None:
    with pytest.raises(ValueError, match="no DKIM selector"):
        records.dkim_name(selector, "example.com")


@pytest.mark.parametrize("bits", [2048, 4096])
def test_a_dkim_key_of_2048_bits_or_more_is_published(bits: int) -> None:
    key = public_key(bits)
    assert records.strong_dkim_key(key) == key


def test_a_dkim_key_of_1024_bits_is_refused() -> None:
    with pytest.raises(ValueError, match=r"has 1024 bits\. Expected 2048 or more"):
        records.strong_dkim_key(public_key(1024))


@pytest.mark.parametrize("text", ["", "not base64!", "MIIB", base64.b64encode(b"noise").decode()])
def test_what_is_no_public_key_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="DKIM public key"):
        records.dkim_bits(text)


def test_a_key_of_another_kind_than_the_record_says_is_refused() -> None:
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    text = base64.b64encode(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()
    with pytest.raises(ValueError, match="no RSA key"):
        records.dkim_bits(text)
