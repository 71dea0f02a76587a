"""Reports as receivers send them, made to order: DMARC (RFC 9990, RFC 7489) and TLS (RFC 8460), however wrapped."""

import gzip
import io
import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from typing import Any

NOW = datetime(2024, 3, 1, 12, tzinfo=UTC)
DOMAIN = "example.com"
OWN = "198.51.100.130"
DAY = 86_400


def day(back: int) -> int:
    """The beginning of a day that many days before, in seconds since 1970."""
    return int((NOW - timedelta(days=back)).replace(hour=0).timestamp())


@dataclass(frozen=True)
class Row:
    """One record of an aggregate report."""

    source: str = OWN
    count: str = "1"
    spf: str = "pass"
    dkim: str = "pass"
    disposition: str = "none"
    author: str = DOMAIN
    reasons: Sequence[str] = ()
    signed: Sequence[str] = ()
    """Domains whose signatures are valid."""

    def xml(self) -> str:
        """The record in the form that all namespaces share."""
        reasons = "".join(f"<reason><type>{kind}</type><comment/></reason>" for kind in self.reasons)
        results = "".join(
            f"<dkim><domain>{domain}</domain><selector>s1</selector><result>pass</result></dkim>"
            for domain in self.signed
        )
        return f"""
  <record>
    <row>
      <source_ip>{self.source}</source_ip>
      <count>{self.count}</count>
      <policy_evaluated>
        <disposition>{self.disposition}</disposition><dkim>{self.dkim}</dkim><spf>{self.spf}</spf>{reasons}
      </policy_evaluated>
    </row>
    <identifiers><header_from>{self.author}</header_from></identifiers>
    <auth_results>{results}<spf><domain>{self.author}</domain><result>{self.spf}</result></spf></auth_results>
  </record>"""


def aggregate(
    *rows: Row,
    reporter: str = "Receiver",
    identifier: str = "1",
    back: int = 1,
    root: str = "<feedback>",
    declaration: str = '<?xml version="1.0" encoding="UTF-8"?>',
    domain: str = DOMAIN,
) -> str:
    """A whole report of one day."""
    return f"""{declaration}
{root}
  <report_metadata>
    <org_name>{reporter}</org_name>
    <email>dmarc@{reporter.lower()}.example</email>
    <report_id>{identifier}</report_id>
    <date_range><begin>{day(back)}</begin><end>{day(back) + DAY - 1}</end></date_range>
  </report_metadata>
  <policy_published><domain>{domain}</domain><p>none</p></policy_published>{"".join(row.xml() for row in rows)}
</feedback>
"""


def tls_report(back: int = 1, reporter: str = "Sender", failures: Sequence[dict[str, Any]] = (), **counts: Any) -> str:
    """A TLS report of one day."""
    begin = datetime.fromtimestamp(day(back), UTC)
    end = begin + timedelta(seconds=DAY - 1)
    return json.dumps(
        {
            "organization-name": reporter,
            "date-range": {
                "start-datetime": f"{begin:%Y-%m-%dT%H:%M:%SZ}",
                "end-datetime": f"{end:%Y-%m-%dT%H:%M:%SZ}",
            },
            "contact-info": "tls@sender.example",
            "report-id": f"{back}",
            "policies": [
                {
                    "policy": {"policy-type": "sts", "policy-domain": DOMAIN, "mx-host": ["mail.example.com"]},
                    "summary": {
                        "total-successful-session-count": counts.get("succeeded", 10),
                        "total-failure-session-count": counts.get("failed", 0),
                    },
                    "failure-details": list(failures),
                }
            ],
        }
    )


def zipped(
    *texts: bytes, names: Sequence[str] = ("report.xml", "second.xml"), method: int = zipfile.ZIP_DEFLATED
) -> bytes:
    """A zip archive of some files."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        for name, text in zip(names, texts, strict=False):
            archive.writestr(name, text)
    return packed.getvalue()


def gzipped(text: str) -> bytes:
    """A gzip archive."""
    return gzip.compress(text.encode())


def mail(
    attached: bytes | None = None,
    media_type: str = "application/gzip",
    name: str = "",
    subject: str = f"Report Domain: {DOMAIN} Submitter: receiver.example Report-ID: <1@receiver.example>",
    text: str = "This is a report.",
) -> EmailMessage:
    """A message with a text, and a file attached."""
    message = EmailMessage()
    message["From"] = "dmarc@receiver.example"
    message["To"] = f"postmaster@{DOMAIN}"
    message["Subject"] = subject
    message.set_content(text)
    if attached is not None:
        maintype, _, subtype = media_type.partition("/")
        message.add_attachment(attached, maintype=maintype, subtype=subtype, filename=name or None)
    return message
