"""Checks of ports, TLS, SMTP and web against servers on loopback: each goes red on its fault, and never hangs."""

import asyncio
import ssl
import warnings
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from model.ports import TABLE
from operate.verify import ports, smtp, tls, web
from operate.verify.certificates import Look, Presented, covers, presented
from operate.verify.conversation import ConversationError
from operate.verify.open_relay import relay
from operate.verify.recipients import Replies, nobody, recipients, refuses
from operate.verify.result import Check, Finding, Result, Status, ok
from operate.verify.runner import Job, Shared, carry_out, run_all
from operate.verify.trust import trusting
from tests.support.verify_world import (
    DOMAIN,
    HOST,
    LOOPBACK,
    make_certificate,
    port,
    server,
    shut_port,
    smtp_replies,
)

OK, WARN, FAIL, UNKNOWN = Status.OK, Status.WARN, Status.FAIL, Status.UNKNOWN
OURS = {f"postmaster@{DOMAIN}", f"abuse@{DOMAIN}"}


def strict(address: str) -> bool:
    """Takes our role addresses only."""
    return address in OURS


def with_smtp(use: Callable[[int], Awaitable[Finding]], **replies: object) -> Finding:
    """Run a check against an SMTP server on loopback."""
    takes = replies.pop("takes", strict)

    async def run() -> Finding:
        async with server(f"220 {replies.pop('greets', HOST)} ESMTP\r\n", smtp_replies(takes, **replies)) as number:  # type: ignore[arg-type]
            return await use(number)

    return asyncio.run(run())


def test_port_greets_in_its_protocol() -> None:
    async def look(greeting: str, service: str) -> Status:
        async with server(greeting, lambda _: None) as number:
            return (await ports.greets(LOOPBACK, port(number, service, "STARTTLS"))).status

    assert asyncio.run(look("220 mail ESMTP\r\n", "smtp")) is OK
    assert asyncio.run(look("* OK ready\r\n", "imap")) is OK
    assert asyncio.run(look("+OK ready\r\n", "pop3")) is OK
    assert asyncio.run(look('"SIEVE" "fileinto"\r\nOK ready\r\n', "sieve")) is OK
    assert asyncio.run(look("554 go away\r\n", "smtp")) is FAIL
    assert asyncio.run(look("-ERR\r\n", "pop3")) is FAIL
    assert asyncio.run(look("SSH-2.0-x\r\n", "smtp")) is FAIL


def test_closed_port_is_red_where_it_should_be_open_and_green_where_it_should_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ports, "KNOCK_TIMEOUT", 60)

    async def look() -> None:
        with shut_port() as number:
            assert (await ports.greets(LOOPBACK, port(number, "smtp", "STARTTLS"))).status is FAIL
            assert (await ports.closed(LOOPBACK, [number])).status is OK
        async with server("", lambda _: None) as number:
            finding = await ports.closed(LOOPBACK, [number])
            assert (finding.status, finding.found) == (FAIL, f"open: {number}")

    asyncio.run(look())


def test_suspects_are_what_the_stack_does_not_open() -> None:
    every_row = {row.number for row in TABLE}
    assert not every_row & set(ports.suspects({22, *every_row}))
    assert 4190 in ports.suspects({22, *every_row} - {4190})
    assert set(ports.INNER) < set(ports.suspects({22}))
    assert 22 not in ports.suspects({22})


def look_at(
    folder: Path, names: list[str], days: float = 90, *, direct: bool = True, lifetime: float = 100
) -> Presented:
    """What a server with such a certificate presents."""

    async def look() -> Presented:
        context = make_certificate(folder, names, days, lifetime)
        service = "imaps" if direct else "smtp"
        async with server("220 x\r\n", smtp_replies(strict), context, direct=direct) as number:
            return await presented(LOOPBACK, port(number, service, "TLS" if direct else "STARTTLS"), HOST)

    return asyncio.run(look())


def seen(what: Presented) -> Look:
    """A look that has been taken."""

    async def look() -> Presented:
        return what

    return look


def trust(what: Presented, *, allow_self_signed: bool = False, for_trials: bool = False) -> Finding:
    """The check of who has signed it."""
    return asyncio.run(tls.trust(seen(what), allow_self_signed=allow_self_signed, for_trials=for_trials))


def test_authority_that_the_configuration_adds_is_trusted_and_none_beside_it(tmp_path: Path) -> None:
    authorities, other = tmp_path / "authorities.pem", tmp_path / "other.pem"

    async def look(file: Path) -> Presented:
        context = make_certificate(tmp_path, [HOST])
        (tmp_path / f"{HOST}90.pem").rename(authorities)
        make_certificate(tmp_path, [HOST])
        (tmp_path / f"{HOST}90.pem").rename(other)
        async with server("", smtp_replies(strict), context, direct=True) as number:
            return await presented(LOOPBACK, port(number, "imaps", "TLS"), HOST, file)

    assert trust(asyncio.run(look(authorities))).status is OK
    trusting.cache_clear()
    assert trust(asyncio.run(look(other))).status is FAIL


def test_certificate_for_trials_is_red_and_says_what_to_set(tmp_path: Path) -> None:
    found = look_at(tmp_path, [HOST])
    for allowed in (False, True):
        finding = trust(found, allow_self_signed=allowed, for_trials=True)
        assert finding.status is FAIL
        assert "Set certificate to letsencrypt" in finding.remedy


def test_certificate_has_to_be_for_the_former_names_too_where_it_was_asked_for_them(tmp_path: Path) -> None:
    former = "mx.example.com"
    one, both = look_at(tmp_path, [HOST]), look_at(tmp_path, [HOST, former])
    assert asyncio.run(tls.name(seen(both), [HOST, former], allow_self_signed=False)).status is OK
    assert asyncio.run(tls.name(seen(one), [HOST, former], allow_self_signed=True)).status is FAIL


@pytest.mark.parametrize("direct", [True, False], ids=["TLS", "STARTTLS"])
def test_certificate_is_read_and_distrusted_when_self_signed(tmp_path: Path, direct: bool) -> None:
    found = look_at(tmp_path, [HOST], direct=direct)
    assert found.names == [HOST]
    assert found.version == "TLSv1.3"
    finding = trust(found)
    assert (finding.status, finding.found) == (FAIL, "self-signed certificate")
    assert trust(found, allow_self_signed=True).status is WARN
    assert asyncio.run(tls.name(seen(found), [HOST], allow_self_signed=False)).status is OK


def test_certificate_for_another_name_is_red_even_where_self_signed_ones_are_allowed(tmp_path: Path) -> None:
    found = look_at(tmp_path, ["other.example"])
    assert asyncio.run(tls.name(seen(found), [HOST], allow_self_signed=True)).status is FAIL


@pytest.mark.parametrize(
    ("lifetime", "left", "status", "shown"),
    [
        (90, 30, OK, "30 days"),
        (90, 23, OK, "23 days"),
        (90, 22, WARN, "22 days"),
        (47, 12, OK, "12 days"),
        (6, 1.6, OK, "38 hours"),
        (6, 1.4, WARN, "34 hours"),
        (90, -3, FAIL, "expired 3 days ago"),
        (6, -0.5, FAIL, "expired 12 hours ago"),
    ],
)
def test_certificate_past_its_renewal_is_noted_by_its_own_lifetime_and_an_expired_one_is_red(
    tmp_path: Path, lifetime: float, left: float, status: Status, shown: str
) -> None:
    finding = asyncio.run(tls.expiry(seen(look_at(tmp_path, [HOST], left, lifetime=lifetime))))
    assert (finding.status, finding.found) == (status, shown)


def test_name_is_covered_by_itself_or_a_wildcard_of_one_label() -> None:
    assert covers([HOST], HOST)
    assert covers(["*.example.com"], HOST)
    assert not covers(["*.example.com"], "a.mail.example.com")
    assert not covers(["example.com"], HOST)


def test_different_certificates_on_two_ports_are_red(tmp_path: Path) -> None:
    one, other = look_at(tmp_path, [HOST]), look_at(tmp_path, [HOST])
    assert asyncio.run(tls.same([seen(one), seen(one)], [465, 993])).status is OK
    assert asyncio.run(tls.same([seen(one), seen(other)], [465, 993])).status is FAIL


def test_old_tls_is_red(tmp_path: Path) -> None:
    async def look(minimum: ssl.TLSVersion) -> Finding:
        context = make_certificate(tmp_path, [HOST])
        context.set_ciphers("ALL:@SECLEVEL=0")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = minimum
        async with server("", smtp_replies(strict), context, direct=True) as number:
            row = port(number, "imaps", "TLS")
            return await tls.floor(LOOPBACK, row, HOST, lambda: presented(LOOPBACK, row, HOST))

    assert asyncio.run(look(ssl.TLSVersion.TLSv1_2)).status is OK
    assert asyncio.run(look(ssl.TLSVersion.TLSv1)).status is FAIL


def test_missing_starttls_is_red() -> None:
    async def look(number: int) -> Finding:
        row = port(number, "smtp", "STARTTLS")
        with pytest.raises(ConversationError):
            await presented(LOOPBACK, row, HOST)
        return await tls.starttls(lambda: presented(LOOPBACK, row, HOST))

    assert with_smtp(look, starttls=False).status is FAIL


def meeting(number: int) -> smtp.Meet:
    """A meeting with the server on a port."""
    return lambda: smtp.introduction(LOOPBACK, number)


def test_greeting_and_ehlo_name_are_the_mail_hosts() -> None:
    def look(number: int) -> Awaitable[Finding]:
        return smtp.greeting(meeting(number), HOST)

    assert with_smtp(look).status is OK
    assert with_smtp(look, greets="mail.example.net").status is FAIL
    assert with_smtp(look, name="localhost").status is FAIL


def test_password_before_tls_is_red() -> None:
    assert with_smtp(lambda number: smtp.auth(meeting(number))).status is OK
    assert with_smtp(lambda number: smtp.auth(meeting(number)), auth=True).status is FAIL


def test_small_message_limit_is_noted() -> None:
    assert with_smtp(lambda number: smtp.size(meeting(number))).status is OK
    assert with_smtp(lambda number: smtp.size(meeting(number)), size=1_000_000).status is WARN


@pytest.mark.parametrize(
    ("takes", "status"),
    [
        (strict, OK),
        (lambda _: True, FAIL),
        (lambda address: address.endswith("@example.net"), FAIL),
        (lambda address: "%" in address, FAIL),  # the percent hack
        (lambda address: address.startswith("@"), FAIL),  # source routes
        (lambda address: "!" in address, FAIL),  # UUCP
        (lambda address: address.endswith(f"@{DOMAIN}"), OK),  # a catch-all is no relay
    ],
    ids=["strict", "anything", "foreign domain", "percent", "source route", "uucp", "catch-all"],
)
def test_open_relay_is_red_in_each_form(takes: Callable[[str], bool], status: Status) -> None:
    assert with_smtp(lambda number: relay(LOOPBACK, number, DOMAIN, HOST), takes=takes).status is status


@pytest.mark.parametrize(
    ("takes", "unknown", "roles"),
    [
        (strict, OK, OK),
        (lambda _: True, FAIL, OK),  # catch-all
        (lambda address: address.startswith("postmaster"), OK, FAIL),  # abuse is missing
    ],
    ids=["strict", "catch-all", "no abuse"],
)
def test_unknown_mailbox_is_refused_and_role_addresses_are_taken(
    takes: Callable[[str], bool], unknown: Status, roles: Status
) -> None:
    def ask(number: int) -> Callable[[], Awaitable[Replies]]:
        return lambda: recipients(LOOPBACK, number, [DOMAIN])

    finding = with_smtp(lambda number: smtp.unknown_mailbox(ask(number), DOMAIN), takes=takes)
    assert finding.status is unknown
    assert with_smtp(lambda number: smtp.roles(ask(number), DOMAIN), takes=takes).status is roles
    assert nobody(DOMAIN).endswith(f"@{DOMAIN}")


def test_report_mailbox_that_the_server_does_not_have_is_refused() -> None:
    async def look(number: int) -> Finding:
        assert await refuses(LOOPBACK, number, f"nobody@{DOMAIN}")
        assert not await refuses(LOOPBACK, number, f"abuse@{DOMAIN}")
        return ok("")

    assert with_smtp(look).status is OK


def test_server_that_cannot_be_asked_refuses_nothing() -> None:
    async def look() -> bool:
        with shut_port() as number:
            return await refuses(LOOPBACK, number, f"nobody@{DOMAIN}")

    assert asyncio.run(look()) is False


def with_page(answer: str, check: Callable[[web.Fetch], Awaitable[Finding]]) -> Finding:
    """Run a check against a web server that answers so."""

    async def run() -> Finding:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer.encode())
            await writer.drain()
            writer.close()

        running = await asyncio.start_server(serve, LOOPBACK, 0)
        async with running:
            number = running.sockets[0].getsockname()[1]
            return await check(web.Site(LOOPBACK, number, HOST, tls=False).fetch)

    return asyncio.run(run())


FORM = 'HTTP/1.0 200 OK\r\n\r\n<input name="install[superAdmin]">'
LOGIN = "HTTP/1.0 302 Found\r\nLocation: /admin/login\r\n\r\n"
SECURE = "HTTP/1.0 301 Moved\r\nLocation: https://mail.example.com/\r\n\r\n"
DENIED = "HTTP/1.0 401 Unauthorized\r\n\r\n"
PLAIN = "HTTP/1.0 200 OK\r\n\r\n[]"
BROKEN = "HTTP/1.0 502 Bad Gateway\r\n\r\n"


@pytest.mark.parametrize(
    ("answer", "check", "status"),
    [
        (LOGIN, web.installer, OK),
        (FORM, web.installer, FAIL),
        (FORM.replace("superAdmin", "administrator"), web.installer, FAIL),  # whatever its fields are called
        (LOGIN.replace("/admin/login", "https://mail.example.com/admin/install/server"), web.installer, FAIL),
        (LOGIN.replace("/admin/login", "https://mail.example.com/admin/login"), web.installer, OK),
        (BROKEN, web.installer, UNKNOWN),
        ("", web.installer, UNKNOWN),  # nothing seen is no proof
        (DENIED, web.api, OK),
        (PLAIN, web.api, FAIL),
        (BROKEN, web.api, UNKNOWN),
        (SECURE, web.redirect, OK),
        (PLAIN, web.redirect, WARN),
        (PLAIN, lambda fetch: web.answers(fetch, "/webmail/"), OK),
        (BROKEN, lambda fetch: web.answers(fetch, "/webmail/"), FAIL),
        ("", lambda fetch: web.answers(fetch, "/webmail/"), FAIL),
    ],
)
def test_web_checks(answer: str, check: Callable[[web.Fetch], Awaitable[Finding]], status: Status) -> None:
    assert with_page(answer, check).status is status


def test_a_check_that_hangs_or_breaks_takes_nobody_with_it() -> None:
    def check(name: str) -> Check:
        return Check(name, name, "why", "remedy", deadline=0.2)

    async def hangs() -> Finding:
        await asyncio.sleep(60)
        return ok("never")

    async def breaks() -> Finding:
        raise ValueError("surprise")

    async def works() -> Finding:
        return ok("fine")

    jobs = [Job(check("a.hangs"), "", hangs), Job(check("a.breaks"), "", breaks), Job(check("a.works"), "", works)]
    results = asyncio.run(_all(jobs))
    assert [result.finding.status for result in results] == [UNKNOWN, UNKNOWN, OK]
    assert "within 0 s" in results[0].finding.found
    assert "surprise" in results[1].finding.found


def test_what_other_servers_say_is_a_line_that_cannot_move_the_cursor() -> None:
    async def told() -> Finding:
        return ok("250 \x1b[2J\u202eno\r\nmore\ud800")

    (result,) = asyncio.run(_all([Job(Check("a.told", "a", "why", "remedy"), "", told)]))
    assert result.finding.found == "250 [2Jno  more"


async def _all(jobs: list[Job]) -> list[Result]:
    return list(await run_all(jobs))


def test_shared_work_is_done_once_and_survives_whoever_gives_up_on_it() -> None:
    calls = []

    async def run() -> tuple[Status, Status]:
        shared, given_up = Shared(), asyncio.Event()

        async def work() -> str:
            calls.append(1)
            await given_up.wait()
            return "answer"

        async def ask() -> Finding:
            return ok(await shared.once("key", work))

        hasty = Check("a.hasty", "", "", "", deadline=0.1)
        patient = Check("a.patient", "", "", "", deadline=60)
        other = asyncio.create_task(carry_out(Job(patient, "", ask)))
        one = await carry_out(Job(hasty, "", ask))
        given_up.set()
        return one.finding.status, (await other).finding.status

    assert asyncio.run(run()) == (UNKNOWN, OK)
    assert len(calls) == 1
