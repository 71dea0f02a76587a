"""What another provider's fields say of our mail, and signatures of messages as they arrive."""

import asyncio
import base64
import hashlib
import socket
from email import message_from_string, policy
from pathlib import Path

import dkim  # type: ignore[import-untyped]
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from model.records import dkim as dkim_text
from operate.verify.authentication import authentication_results
from operate.verify.conversation import unverified
from operate.verify.letter import letter
from operate.verify.mailbox import Mailbox, MailboxError, Server
from operate.verify.names import LookupFailedError
from operate.verify.other_provider import came_directly, judged, other_mailbox, senders, through_relay
from operate.verify.result import Finding, Status
from operate.verify.signature import signature
from tests.support.examples import RELAY
from tests.support.verify_world import DOMAIN, HOST, LOOPBACK, Records, make_certificate, server, stack

OK, FAIL, UNKNOWN = Status.OK, Status.FAIL, Status.UNKNOWN

OURS = f"""\
DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d={DOMAIN}; s=s20260101123; h=from:to; bh=eA==; b=eA==
Received: from laptop ([203.0.113.9])
 by {HOST} (Haraka) with ESMTPSA id 1 for <user@other.example>
{{forged}}From: admin@{DOMAIN}
To: user@other.example
Subject: verify-1

text
"""
"""What our server hands over: above the author's fields its own."""

GMAIL = """\
Received: by 2002:a05:6a10:1:b0:1:2:3 with SMTP id x1; Wed, 25 Nov 2026 10:00:01 -0800 (PST)
ARC-Authentication-Results: i=1; mx.google.com; dkim=pass; spf=pass; dmarc=pass
Return-Path: <admin@example.com>
Received: from mail.example.com (mail.example.com. [198.51.100.130])
        by mx.google.com with ESMTPS id x2 for <user@gmail.example>
        (version=TLS1_3 cipher=TLS_AES_256_GCM_SHA384 bits=256/256);
Received-SPF: pass (google.com: domain of admin@example.com designates 198.51.100.130 as permitted sender)
Authentication-Results: mx.google.com;
       dkim={dkim} header.i=@example.com header.s=s20260101123 header.b="Ab/cd+1=";
       spf={spf} (google.com: domain of admin@example.com designates 198.51.100.130 as permitted sender; dmarc=pass)
        smtp.mailfrom=admin@example.com;
       dmarc={dmarc} (p=REJECT sp=REJECT dis=NONE) header.from=example.com
"""
"""The results stand below the field of the server that took the message."""

FASTMAIL = """\
Return-Path: <admin@example.com>
Received: from phl-compute-01.internal ([10.0.0.1])
  by slots1.internal (Cyrus 3.11) with LMTPA; Wed, 25 Nov 2026 13:00:02 -0500
Received: from phl-mx-03.messagingengine.com ([10.0.0.2])
  by phl-compute-01.internal (MEProxy); Wed, 25 Nov 2026 13:00:01 -0500
Authentication-Results: phl-mx-03.messagingengine.com;
    x-csa=none;
    x-me-sender=none;
    x-ptr=pass smtp.helo=mail.example.com policy.ptr=mail.example.com
Authentication-Results: phl-mx-03.messagingengine.com;
    bimi=skipped (DMARC did not pass)
Authentication-Results: phl-mx-03.messagingengine.com;
    dkim={dkim} (2048-bit rsa key sha256) header.d=example.com
    header.i=@example.com header.b=Ab/cd header.a=rsa-sha256
    header.s=s20260101123 x-bits=2048;
    dmarc={dmarc} policy.published-domain-policy=reject
    policy.applied-disposition=none policy.evaluated-disposition=none
    (p=reject,d=none,d.eval=none) policy.policy-from=p
    header.from=example.com;
    iprev=pass smtp.remote-ip=198.51.100.130 (mail.example.com)
Authentication-Results: phl-mx-03.messagingengine.com;
    spf={spf} smtp.mailfrom=admin@example.com smtp.helo=mail.example.com
Received: from mail.example.com (mail.example.com [198.51.100.130])
    by phl-mx-03.messagingengine.com (Postfix) with ESMTPS id 1
"""
"""One field for each group of methods."""

ICLOUD = """\
Received: from p00-icloudmta-asmtp-us-1 by p00-icloudmailws-1.icloud.com with LMTP (25.1)
Authentication-Results: bimi.icloud.com; bimi=skipped reason="insufficient dmarc"
Authentication-Results: arc.icloud.com; arc=none
Authentication-Results: dmarc.icloud.com; dmarc={dmarc} header.from=example.com
Authentication-Results: dkim-verifier.icloud.com;
    dkim={dkim} (2048-bit key) header.d=example.com header.i=@example.com header.b=AbCd
Authentication-Results: spf.icloud.com;
    spf={spf} (spf.icloud.com: domain of admin@example.com designates 198.51.100.130 as permitted sender)
    smtp.mailfrom=admin@example.com
Received-SPF: pass (spf.icloud.com: domain of admin@example.com)
Received: from mail.example.com (mail.example.com [198.51.100.130]) by p00-icloudmta-01 (Postfix) with ESMTPS id 2
"""
"""One field for each method, each under another name."""

OUTLOOK = """\
Received: from AM0EUR02.prod.outlook.com (2603:10a6::1) by AS8EUR05.prod.outlook.com (2603:10a6::2)
 with Microsoft SMTP Server (version=TLS1_3) id 15.20; Wed, 25 Nov 2026 18:00:02 +0000
Authentication-Results: spf={spf} (sender IP is 198.51.100.130)
 smtp.mailfrom=example.com; dkim={dkim} (signature was verified)
 header.d=example.com;dmarc={dmarc} action=none
 header.from=example.com;compauth=pass reason=100
Received-SPF: Pass (protection.outlook.com: domain of example.com designates 198.51.100.130 as permitted sender)
Received: from mail.example.com (198.51.100.130) by AM0EUR02FT011.mail.protection.outlook.com (10.0.0.3)
 with Microsoft SMTP Server
"""
"""Without the name that RFC 8601 demands."""

PROVIDERS = {
    "gmail": (GMAIL, ["gmail-smtp-in.l.google.com", "imap.gmail.com"]),
    "fastmail": (FASTMAIL, ["in1-smtp.messagingengine.com", "imap.fastmail.com"]),
    "icloud": (ICLOUD, ["mx01.mail.icloud.com", "imap.mail.me.com"]),
    "outlook": (OUTLOOK, ["outlook-com.olc.protection.outlook.com", "outlook.office365.com"]),
}
PASSED = {"spf": "pass", "dkim": "pass", "dmarc": "pass"}


def arrived(top: str, forged: str = "", **results: str) -> bytes:
    """A message of ours as the provider keeps it, with these results."""
    return (top.format(**(PASSED | results)) + OURS.format(forged=forged)).encode()


def verdict(raw: bytes, receiving: list[str], signed: str = "valid") -> Finding:
    """What the check makes of it."""
    return judged(raw, signed, [HOST], receiving)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_results_of_each_large_provider_are_read(provider: str) -> None:
    top, receiving = PROVIDERS[provider]
    assert verdict(arrived(top), receiving).status is OK
    for method in PASSED:
        for result in ("fail", "none", "permerror"):
            finding = verdict(arrived(top, **{method: result}), receiving)
            assert (finding.status, f"{method} {result}" in finding.found) == (FAIL, True)


def test_receiver_that_says_nothing_is_unknown_whatever_the_sender_wrote_himself() -> None:
    plain = "Received: from mail.example.com by mx.other.example (Postfix) with ESMTPS id 1\n"
    claim = "Authentication-Results: mx.other.example; spf=pass; dkim=pass; dmarc=pass\n"
    for forged in ("", claim):
        finding = verdict(arrived(plain, forged), ["mx.other.example"])
        assert finding.status is UNKNOWN
        assert finding.found.startswith("spf not said, dkim not said, dmarc not said")


def test_forged_field_below_the_receivers_does_not_count() -> None:
    partly = (
        "Authentication-Results: mx.other.example; spf=pass smtp.mailfrom=example.com; dkim=pass header.d=example.com\n"
    )
    claim = "Authentication-Results: mx.other.example; dmarc=pass header.from=example.com\n"
    assert verdict(arrived(partly, claim), ["mx.other.example"]).status is UNKNOWN


def test_field_of_a_server_that_is_not_the_receivers_does_not_count() -> None:
    relay = "Authentication-Results: mx.stranger.example; spf=pass; dkim=pass; dmarc=pass\n"
    assert verdict(arrived(relay), ["mx.other.example"]).status is UNKNOWN


def test_smart_hosts_own_findings_do_not_count() -> None:
    relayed = (
        "Received: from a1.relay.example by mx.other.example with ESMTPS id 1\n"
        "Received: from mail.example.com by in.relay.example with ESMTPSA id 1\n"
        "Authentication-Results: in.relay.example; spf=pass; dkim=pass; dmarc=pass\n"
    )
    hosts = senders(stack(relay=RELAY))
    assert judged(arrived(relayed), "valid", hosts, ["mx.other.example"]).status is UNKNOWN


RELAYED = """\
Received: from a1.relay.example (a1.relay.example [198.51.100.71]) by mx.other.example with ESMTPS id 1
Authentication-Results: mx.other.example; spf=pass smtp.mailfrom=b1@bounces.relay.example;
 dkim={dkim} header.d=example.com; dmarc={dmarc} header.from=example.com
Received: from mail.example.com by in.relay.example with ESMTPSA id 1
"""
"""Without an SPF result of ours: the envelope is the relay's."""
OWN, ITS = "s20260101123", "relay1"


def relayed(signed: dict[str, str], **results: str) -> Finding:
    """What the check makes of a message that came through a relay, with these signatures of our domain."""
    raw = arrived(RELAYED, **results)
    return through_relay(raw, signed, [OWN], senders(stack(relay=RELAY)), ["mx.other.example"])


def test_through_a_relay_one_aligned_signature_that_holds_is_enough_and_spf_is_not_asked_for() -> None:
    ours = relayed({OWN: "valid"})
    assert (ours.status, ours.found) == (OK, f"dkim pass, dmarc pass; signature valid of {OWN}")
    assert relayed({ITS: "valid", OWN: "invalid"}).status is OK


def test_a_relay_that_rewrites_bodies_is_told_and_is_well_only_with_a_signature_of_its_own_for_our_domain() -> None:
    broken = "invalid (body hash mismatch (got b'x', expected b'y'))"
    saved = relayed({ITS: "valid", OWN: broken})
    assert (saved.status, saved.found.partition("; ")[2]) == (
        OK, f"signature valid of {ITS}, the relay rewrites bodies, so that ours does not hold",
    )  # fmt: skip
    lost = relayed({OWN: broken}, dkim="fail", dmarc="fail")
    assert (lost.status, "rewrites bodies" in lost.found, "relay.records" in lost.remedy) == (FAIL, True, True)
    assert relayed({}).status is FAIL


def test_mail_that_fails_dmarc_behind_a_relay_is_red_whatever_is_signed() -> None:
    assert relayed({OWN: "valid"}, dmarc="fail").status is FAIL


def test_mail_that_the_other_provider_took_from_ourselves_did_not_come_through_the_relay() -> None:
    own = (HOST, "198.51.100.130", "2001:db8::1")
    assert came_directly(arrived(GMAIL), own, PROVIDERS["gmail"][1])
    assert not came_directly(arrived(RELAYED), own, ["mx.other.example"])


def test_signature_that_does_not_hold_is_red_though_the_provider_passes_it() -> None:
    assert verdict(arrived(GMAIL), PROVIDERS["gmail"][1], "invalid").status is FAIL


@pytest.mark.parametrize(
    ("fields", "results"),
    [
        pytest.param(["mx.other.example; none"], {}, id="none means no results (RFC 8601, section 2.2)"),
        pytest.param(["mail.club.example; dkim=pass"], {}, id="another server's word"),
        pytest.param(["mx.other.example 1; SPF/1 = Pass (a (nested) one)"], {"spf": "pass"}, id="versions and case"),
        pytest.param(["mx.other.example; spf=pass;"], {"spf": "pass"}, id="a semicolon at the end"),
        pytest.param(
            ["mx.other.example; dkim=fail header.d=example.com; dkim=pass header.d=example.com"],
            {"dkim": "pass"},
            id="one good signature is enough",
        ),
        pytest.param(
            ["mx.other.example; dkim=fail header.d=example.com; dkim=pass header.d=relay.example"],
            {"dkim": "fail"},
            id="a relay's signature is not ours",
        ),
        pytest.param(
            ["mx.other.example; spf=pass smtp.helo=mail.example.com; spf=fail smtp.mailfrom=a@example.com"],
            {"spf": "fail"},
            id="the HELO name is not the sender",
        ),
        pytest.param(
            ["mx.other.example; dmarc=pass header.from=example.com", "mx.other.example; dmarc=fail"],
            {"dmarc": "fail"},
            id="of two servers the stricter",
        ),
        pytest.param(
            ["mx.other.example; dkim=none", "mx.other.example; dmarc=pass"], {"dkim": "none", "dmarc": "pass"}
        ),
        pytest.param(["mx.other.example spf=pass"], {}, id="what cannot be read"),
        pytest.param([], {}, id="no field"),
    ],
)
def test_results_are_read_as_in_rfc_8601(fields: list[str], results: dict[str, str]) -> None:
    text = "".join(f"Authentication-Results: {field}\n" for field in fields) + OURS.format(forged="")
    message = message_from_string(text, policy=policy.SMTP)
    assert authentication_results(message, [HOST], ["mx.other.example"]) == results


KEY = rsa.generate_private_key(65537, 2048)
PRIVATE = KEY.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
PUBLIC = base64.b64encode(KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()
LONG = f"{'a' * 40}.{'b' * 40}.example.com"


TEXT = (
    f"From: admin@{LONG}\r\nTo: user@{'x' * 60}.other.example\r\nSubject: verify-1\r\n"
    f"Message-ID: <1.{'2' * 40}@{LONG}>\r\n\r\nA text,  with blanks \r\n\r\n"
).encode()
HOP = b"Received: from mail.example.com by mx.other.example\r\n"


def signed_simply(domain: str, c_tag: str) -> bytes:
    """A message signed in the simple canonicalization: each byte counts (RFC 6376, sections 3.4.1 and 3.4.3)."""
    head, _, body = TEXT.partition(b"\r\n\r\n")
    digest = base64.b64encode(hashlib.sha256(body.rstrip(b"\r\n") + b"\r\n").digest()).decode()
    # Exim folds a long name like any other long value.
    name = domain if len(domain) < 76 else f"{domain[:70]}\r\n\t {domain[70:]}"
    field = f"DKIM-Signature: v=1; a=rsa-sha256; {c_tag}s=s1;\r\n\td={name};\r\n\th=From:To; bh={digest};\r\n\tb="
    covered = b"".join(line + b"\r\n" for line in head.split(b"\r\n")[:2]) + field.encode()
    proof = base64.b64encode(KEY.sign(covered, PKCS1v15(), SHA256()))
    return HOP + field.encode() + proof + b"\r\n" + TEXT


def holds(raw: bytes, domain: str, *texts: str) -> str:
    """What the check of signatures says, with these records at the selector."""
    names = Records({(f"s1._domainkey.{domain}", "TXT"): texts or (dkim_text(PUBLIC),)})
    return asyncio.run(signature(names, raw, domain))


@pytest.mark.parametrize("domain", [DOMAIN, LONG], ids=["short", "over 76 characters"])
@pytest.mark.parametrize("c_tag", ["", "c=simple/simple; ", "c=simple; "], ids=["absent", "both", "header"])
def test_signature_over_every_byte_is_valid_and_a_changed_byte_is_not(domain: str, c_tag: str) -> None:
    raw = signed_simply(domain, c_tag)
    assert holds(raw, domain) == "valid"
    assert holds(raw.replace(b"A text,  with", b"A text, with"), domain).startswith("invalid")
    assert holds(raw.replace(b"To: user", b"To:  user"), domain).startswith("invalid")


@pytest.mark.parametrize("header", [b"simple", b"relaxed"])
@pytest.mark.parametrize("body", [b"simple", b"relaxed"])
def test_valid_signature_is_valid_in_every_canonicalization(header: bytes, body: bytes) -> None:
    field: bytes = dkim.DKIM(TEXT).sign(b"s1", DOMAIN.encode(), PRIVATE, canonicalize=(header, body))
    assert holds(HOP + field + TEXT, DOMAIN) == "valid"


def test_any_valid_signature_of_the_domain_is_enough_and_a_relays_is_none() -> None:
    def sign(domain: str, text: bytes) -> bytes:
        return bytes(dkim.DKIM(text).sign(b"s1", domain.encode(), PRIVATE))

    ours = sign(DOMAIN, TEXT)
    broken = sign(DOMAIN, TEXT.replace(b"verify-1", b"verify-2"))
    assert holds(HOP + broken + ours + TEXT, DOMAIN) == "valid"
    assert holds(HOP + sign("relay.example", TEXT) + ours + TEXT, DOMAIN) == "valid"
    assert holds(HOP + sign("relay.example", TEXT) + TEXT, DOMAIN) == "missing"
    assert holds(HOP + broken + TEXT, DOMAIN).startswith("invalid")


def test_signature_is_judged_by_the_key_in_dns() -> None:
    raw = signed_simply(DOMAIN, "")
    other = rsa.generate_private_key(65537, 2048).public_key()
    text = dkim_text(base64.b64encode(other.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode())
    assert holds(raw, DOMAIN, text) == "invalid"
    assert holds(raw, DOMAIN, text, dkim_text(PUBLIC)) == "valid"
    assert asyncio.run(signature(Records({}), raw, DOMAIN)) == "invalid (no key in DNS)"


class MailServer:
    """Sees what a mail program sends to log in, and lets it in by the credentials that it knows."""

    def __init__(self, password: str, mechanisms: str = "PLAIN LOGIN") -> None:
        self.secret = base64.b64encode(f"\0admin@{DOMAIN}\0{password}".encode()).decode()
        self.mechanisms = mechanisms
        self.tag = ""

    def smtp(self, line: str) -> str | None:
        verb = line.split(maxsplit=1)[0].upper()
        if verb == "EHLO":
            return f"250-{HOST}\r\n250 AUTH {self.mechanisms}\r\n"
        if line.startswith("AUTH LOGIN"):
            return "334 UGFzc3dvcmQ6\r\n"
        if verb == "AUTH":
            return "235 ok\r\n" if line == f"AUTH PLAIN {self.secret}" else "535 wrong\r\n"
        return {"MAIL": "450 logged in\r\n", "QUIT": "221 bye\r\n"}.get(verb, "250 ok\r\n")

    def imap(self, line: str) -> str | None:
        if " " not in line:  # what answers the challenge
            return f"{self.tag} {'OK in' if line == self.secret else 'NO wrong'}\r\n"
        self.tag, command, *rest = line.split(" ")
        if command == "AUTHENTICATE" and rest == ["PLAIN"]:
            return "+ \r\n"
        answers = {
            "CAPABILITY": "* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n",
            "SEARCH": "* SEARCH\r\n",
            "LOGOUT": "* BYE\r\n",
        }
        return f"{answers.get(command, '')}{self.tag} OK done\r\n"


def log_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, password: str, known: str = "", mechanisms: str = "PLAIN LOGIN"
) -> list[str]:
    """Send a message and look into the inbox with a password; the problems of both."""
    tls, machine = make_certificate(tmp_path, [HOST]), MailServer(known or password, mechanisms)
    here = Server(HOST, LOOPBACK)
    box = Mailbox(f"admin@{DOMAIN}", password, here, here, unverified())
    connect = socket.create_connection

    async def run() -> list[str]:
        async with (
            server("220 x\r\n", machine.smtp, tls, direct=True) as smtp,
            server("* OK x\r\n", machine.imap, tls, direct=True) as imap,
        ):
            ports = {465: smtp, 993: imap}
            monkeypatch.setattr(
                "operate.verify.dialled.socket.create_connection",
                lambda at, timeout: connect((at[0], ports[at[1]]), timeout),
            )
            done = await asyncio.gather(
                box.send(letter(box.address, box.address)), box.remove("verify-1"), return_exceptions=True
            )
            assert all(result is None or isinstance(result, MailboxError) for result in done), done
            return [str(result) for result in done if result]

    return asyncio.run(run())


@pytest.mark.parametrize("password", ["Guide-Rule-10", "Grüße-aus-Köln-26", 'quote"back\\slash-1A', "пароль-Secret-1"])
def test_every_password_logs_in_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, password: str) -> None:
    problems = log_in(tmp_path, monkeypatch, password)
    assert ["logged in" in problem for problem in problems] == [True], problems


def test_wrong_password_is_said_to_be_wrong_and_not_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    problems = log_in(tmp_path, monkeypatch, "Grüße-aus-Köln-26", known="Guide-Rule-10")
    assert len(problems) == 2
    assert not any("Grüße" in problem for problem in problems)
    assert "535" in problems[0]


def test_server_without_a_way_for_the_password_is_said_to_have_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    problems = log_in(tmp_path, monkeypatch, "Grüße-aus-Köln-26", mechanisms="LOGIN")
    assert ["beyond ASCII" in problem for problem in problems] == [True]


def test_reading_and_sending_may_have_a_server_each() -> None:
    def mailbox(**own: object) -> Mailbox:
        plain = stack()
        values = {"otherMailbox": "user@other.example", "otherPassword": "Other-Secret-1", **own}
        changed = type(plain)(**{**vars(plain), "own": plain.own.model_validate(values)})
        names = Records({("imap.other.example", "A"): ["198.51.100.81"], ("mx.other.example", "A"): ["198.51.100.80"]})
        return asyncio.run(other_mailbox(names, changed))

    one = Server("mx.other.example", "198.51.100.80")
    imap = Server("imap.other.example", "198.51.100.81")
    both = mailbox(otherHost=one.host)
    assert (both.reading, both.sending) == (one, one)
    for own in (
        {"otherHost": one.host, "otherImapHost": imap.host},
        {"otherSubmissionHost": one.host, "otherImapHost": imap.host},
    ):
        apart = mailbox(**own)
        assert (apart.reading, apart.sending) == (imap, one)
    with pytest.raises(LookupFailedError, match="verify:otherSubmissionHost"):
        mailbox(otherImapHost=imap.host)
