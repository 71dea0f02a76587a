"""Which records must not go by a mere change of the settings, as a pure function."""

from model.records import is_report_consent, is_revoked_dkim, txt_value
from model.relay import ITS_RECORD

SENDS, SENDS_NOT = HOST_POLICIES = ("v=spf1 a -all", "v=spf1 -all")
"""The SPF policies of the mail host and of hosts that send no mail."""

NO_MAIL = "."
"""The exchange of a null MX: mail to the name is refused at once, not retried for days (RFC 7505)."""

PASSING = ("_mta-sts.", "_smtp._tls.", "default._bimi.")
"""How the names begin of texts without which mail goes on."""


def is_lasting(resource: str, kind: str, name: str, content: str | None) -> bool:
    """Whether mail, or a mail host, is lost without a record of this resource's name, type, name and content.

    All else helps senders and mail programs, who go on without it, or belongs to a relay, and comes and goes with its
    setting.
    """
    if ITS_RECORD.fullmatch(resource):
        return False
    match kind:
        case "TXT":
            text = txt_value(content or "")
            passes = name.startswith(PASSING) or is_report_consent(name) or text in HOST_POLICIES
            return not (passes or ("._domainkey." in name and is_revoked_dkim(text)))
        case "MX":
            return content != NO_MAIL
        case _:
            return kind in ("A", "AAAA", "CNAME")
