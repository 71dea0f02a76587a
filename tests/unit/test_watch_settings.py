"""The settings watch and heartbeat: which thresholds and addresses are taken, and what is said of the others."""

from typing import Any

import pytest
from pydantic import ValidationError

from model.contradictions import contradictions
from model.watch import Heartbeat, Watch
from tests.support.examples import settings

DISCORD = "https://discord.com/api/webhooks/1234/Geheim"


@pytest.mark.parametrize(
    ("channel", "address"),
    [
        ("url", "https://hc-ping.com/0f6b"),
        ("url", "https://hc.example.net/ping/0f6b/"),
        ("url", "https://kuma.example.net:3001/api/push/0f6b?status=up&msg=OK&ping="),
        ("url", "https://hc-ping.com/ping-key/mail-server?create=1"),
        ("url", "https://uptime.betterstack.com/api/v1/heartbeat/0f6b"),
        ("url", "https://cronitor.link/p/key/mail?state=complete"),
        ("url", "https://cronitor.link/p/key/mail?host=mail&state=complete"),
        ("url", "https://[2001:db8::5]:8443/ping/0f6b"),
        ("ntfy", "https://ntfy.example.net/topic?auth=QmVhcmVyIHRr"),
        ("webhook", "https://hooks.example.net/services/T0/B0/x"),
        ("webhook", f"{DISCORD}/slack"),
    ],
)
def test_an_address_is_taken_as_the_service_shows_it(channel: str, address: str) -> None:
    assert Heartbeat.model_validate({channel: address}).addresses[channel] == address


@pytest.mark.parametrize(
    ("channel", "address", "right"),
    [
        ("url", "http://hc-ping.com/Geheim", "Expected an https address"),
        ("url", "https://ann:Geheim@hc-ping.com/0f6b", "without user, password, blanks and #"),
        ("url", "https://hc-ping.com/Geheim\n", "without user, password, blanks and #"),
        ("url", "https://kuma.example.net/api/push/Geheim", "with ?status=up behind it"),
        ("url", "https://hc-ping.com/Geheim/fail", "without /fail or /start behind it"),
        ("url", "https://hc-ping.com/Geheim/start", "without /fail or /start behind it"),
        ("url", "https://uptime.betterstack.com/api/v1/heartbeat/Geheim/fail/", "without /fail or /start behind it"),
        ("url", "https://hc-ping.com/Geheim/mail/fail?create=1", "without /fail or /start behind it"),
        ("url", "https://cronitor.link/p/Geheim/mail", "Expected ?state=complete behind it"),
        ("url", "https://cronitor.link/p/Geheim/mail?state=run", "Expected ?state=complete behind it"),
        ("ntfy", "https://ntfy.sh", "Expected a topic behind the host, for example https://ntfy.sh/"),
        ("ntfy", "https://ntfy.sh/?auth=Geheim", "Expected a topic behind the host"),
        ("webhook", DISCORD, "Expected /slack behind it"),
        ("webhook", f"{DISCORD}?thread_id=7", "Expected /slack behind it, before a question mark"),
        ("webhook", DISCORD.replace("discord.com/api", "ptb.discordapp.com/api/v10"), "Expected /slack behind it"),
    ],
)
def test_an_address_at_which_nobody_would_hear_is_refused_and_never_shown(
    channel: str, address: str, right: str
) -> None:
    with pytest.raises(ValidationError) as error:
        Heartbeat.model_validate({channel: address})
    assert right in str(error.value)
    assert "Geheim" not in str(error.value)


@pytest.mark.parametrize("host", ["mail.example.com", "MX.example.com", "localhost", "127.0.0.1", "[::1]"])
def test_a_server_cannot_tell_itself_that_it_is_gone(host: str) -> None:
    chosen = settings(heartbeat={"url": f"https://{host}:3001/Geheim"}, formerMailHosts=["mx.example.com"])
    (place, text), *others = contradictions(chosen)
    assert (place, others) == (("heartbeat", "url"), [])
    assert "is this mail server itself" in text
    assert "Geheim" not in text


@pytest.mark.parametrize("hours", [-1, 0, 24])
def test_a_backup_a_night_is_never_late_within_the_day(hours: int) -> None:
    with pytest.raises(ValidationError, match="greater than or equal to 25"):
        Watch.model_validate({"backupHours": hours})


@pytest.mark.parametrize("wrong", [{"diskPercent": 100}, {"diskPercent": "85%"}, {"restarts": 0}, {"queue": 5}])
def test_a_threshold_that_means_nothing_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Watch.model_validate(wrong)
