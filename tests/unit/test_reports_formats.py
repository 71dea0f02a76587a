"""Reports in the shapes in which they come: every receiver has its own way to write and to wrap them."""

import base64
import json
import time
import zipfile
from collections.abc import Callable
from email.message import EmailMessage

import pytest

from operate.reports import aggregate as dmarc
from operate.reports import archives, tls
from operate.reports.aggregate import AggregateReport
from operate.reports.archives import RefusedError
from operate.reports.messages import Found, read
from operate.reports.tls import TlsReport
from tests.support.reports import DAY, DOMAIN, NOW, OWN, Row, aggregate, day, gzipped, mail, tls_report, zipped

PLAIN = aggregate(Row(count="3"), Row("2001:db8:0:0::25", "2", spf="fail", dkim="fail"))
NAME = f"receiver.example!{DOMAIN}!{day(1)}!{day(1) + DAY - 1}"
OLD = "http://dmarc.org/dmarc-xml/0.1"
NEW = "urn:ietf:params:xml:ns:dmarc-2.0"


def parsed(text: str | bytes) -> AggregateReport:
    """A DMARC report."""
    return dmarc.parse(text if isinstance(text, bytes) else text.encode(), NOW)


def bare(body: bytes, media_type: str, disposition: str) -> EmailMessage:
    """A message that is nothing but the archive."""
    message = EmailMessage()
    message["Subject"] = f"Report domain: {DOMAIN} Submitter: google.com Report-ID: 1234"
    message.set_content(body, *media_type.split("/"), disposition="attachment", filename=disposition)
    return message


def forwarded() -> EmailMessage:
    """A report that a person forwarded as it was."""
    message = mail(subject="Fwd: have a look")
    message.add_attachment(mail(gzipped(PLAIN), "application/gzip", f"{NAME}.xml.gz"))
    return message


def in_text() -> EmailMessage:
    """A report that is the text of the message, in base64."""
    message = EmailMessage()
    message["Subject"] = "=?utf-8?q?Report_Domain=3A_example=2Ecom_Submitter=3A_receiver=2Eexample?="
    message.set_content(PLAIN, cte="base64")
    return message


@pytest.mark.parametrize(
    "message",
    [
        bare(zipped(PLAIN.encode()), "application/zip", f"google.com!{DOMAIN}!1!2.zip"),
        mail(gzipped(PLAIN), "application/gzip", f"{NAME}.xml.gz"),
        mail(gzipped(PLAIN), "application/x-gzip", f"{NAME}!77.xml.gz"),
        mail(gzipped(PLAIN), "application/octet-stream", "report.dat"),
        mail(gzipped(PLAIN), "application/zip", "mislabelled.zip"),
        mail(zipped(PLAIN.encode()), "application/x-zip-compressed", f"{NAME}.zip"),
        mail(zipped(b"x", PLAIN.encode(), names=("__MACOSX/._report.xml", "report.xml")), "application/zip", "mac.zip"),
        mail(zipped(PLAIN.encode(), names=["./report.xml"]), "application/zip", "here.zip"),
        mail(zipped(PLAIN.encode(), names=["../../etc/report.xml"]), "application/zip", "above.zip"),
        mail(zipped(PLAIN.encode(), names=["..\\report.xml"]), "application/zip", "windows.zip"),
        mail(PLAIN.encode(), "text/xml", f"{NAME}.xml"),
        mail(PLAIN.encode(), "application/xml"),
        mail(b"\n\xef\xbb\xbf"[1:] + PLAIN.encode(), "text/xml", "mark.xml"),
        mail(gzipped(PLAIN) + gzipped("") + bytes(100), "application/gzip", "padded.xml.gz"),
        mail(gzipped(PLAIN), subject="Your DMARC weekly report"),
        mail(gzipped(PLAIN), subject="no word of it"),
        forwarded(),
        in_text(),
    ],
    ids=lambda message: message.get_content_type(),
)
def test_a_report_is_found_whatever_its_wrapping(message: EmailMessage) -> None:
    found = read(message.as_bytes(), NOW)
    assert found.refused == ()
    (report,) = found.reports
    assert isinstance(report, AggregateReport)
    assert [(record.source, record.count, record.spf) for record in report.records] == [
        (OWN, 3, True),
        ("2001:db8::25", 2, False),
    ]
    assert (report.domain, report.day.isoformat()) == (DOMAIN, "2024-02-29")


def test_a_message_may_hold_several_reports() -> None:
    message = mail(zipped(PLAIN.encode(), aggregate(identifier="2").encode()), "application/zip")
    message.add_attachment(gzipped(aggregate(identifier="3")), maintype="application", subtype="gzip")
    assert [report.identifier for report in read(message.as_bytes(), NOW).reports] == ["1", "2", "3"]


@pytest.mark.parametrize(
    ("root", "declaration"),
    [
        ("<feedback>", ""),
        ("<feedback>", '\n\n<?xml version="1.0"?>'),
        (f'<feedback xmlns="{OLD}">', '<?xml version="1.0"?>'),
        (f'<feedback xmlns="{NEW}">', '<?xml version="1.0" encoding="utf-8"?>'),
        ('<feedback xmlns:xsd="http://www.w3.org/2001/XMLSchema">', '<?xml version="1.0"?>'),
        ("<feedback><version>1.0</version>", '<?xml version="1.0" encoding="UTF-8" ?>'),
    ],
)
def test_the_namespace_does_not_matter(root: str, declaration: str) -> None:
    assert parsed(aggregate(Row(), root=root, declaration=declaration)).records[0].dkim


def test_a_prefix_does_not_matter() -> None:
    text = aggregate(Row(), declaration="").replace("</", "<!").replace("<", "<d:").replace("<d:!", "</d:")
    text = text.replace("<d:feedback>", f'<d:feedback xmlns:d="{NEW}">').replace("<d:comment/>", "")
    assert parsed(text).records[0].spf
    assert read(mail(text.encode(), "text/xml").as_bytes(), NOW).reports


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "iso-8859-1", "windows-1252"])
def test_any_encoding_that_xml_declares_is_read(encoding: str) -> None:
    declared = encoding.removesuffix("-sig")
    text = aggregate(reporter="Empfänger", declaration=f'<?xml version="1.0" encoding="{declared}"?>')
    found = read(mail(text.encode(encoding), "application/xml").as_bytes(), NOW)
    assert isinstance(found.reports[0], AggregateReport)
    assert found.reports[0].reporter == "Empfänger"


@pytest.mark.parametrize(
    ("text", "reporter"),
    [
        (aggregate(reporter="Empfänger", declaration='<?xml version="1.0" encoding="utf-16"?>').encode(), "Empfänger"),
        (aggregate(reporter="Empfänger", declaration='<?xml version="1.0" encoding="klingon"?>').encode(), "Empfänger"),
        (aggregate(reporter="Empfänger", declaration="").encode("windows-1252"), "Empf\ufffdnger"),
        (aggregate(reporter="A & B &lt;c&#62;").encode(), "A & B <c>"),
        (aggregate(reporter="A&nbsp;B &copy;").encode(), "A&nbsp;B &copy;"),
        (aggregate(reporter="A\0B\x0b\x1b[2J").encode(), "AB[2J"),
        (aggregate().encode() + bytes(3), "Receiver"),
        (aggregate(declaration="<!-- by hand -->").encode() + b"-- end --", "Receiver"),
    ],
)
def test_what_reporters_often_get_wrong_takes_no_report_away(text: bytes, reporter: str) -> None:
    assert parsed(text).reporter == reporter


@pytest.mark.parametrize(
    ("reason", "forwarded"),
    [
        ("forwarded", True),
        ("trusted_forwarder", True),
        ("local_policy</type><comment>arc=pass as[1].d=list.example as[1].s=x</comment><type>", True),
        ("local_policy</type><comment>arc=fail</comment><type>", False),
        ("local_policy", False),
        ("other</type><comment>arc=pass</comment><type>", False),
        ("", False),
    ],
)
def test_what_was_handed_on_is_told_by_the_reasons(reason: str, forwarded: bool) -> None:
    """Seals of forwarders stand in the comment (RFC 8617, section 7.2.2)."""
    text = aggregate(Row(reasons=[reason])).replace("<comment/>", "")
    assert parsed(text).records[0].forwarded is forwarded


@pytest.mark.parametrize(
    ("told", "disposition"), [("None", "none"), ("", "none"), ("pass", "pass"), ("delivered", "other")]
)
def test_what_receivers_did_is_one_of_a_few_words(told: str, disposition: str) -> None:
    """A thousand words of a stranger's make a line that nobody reads."""
    assert parsed(aggregate(Row(disposition=told))).records[0].disposition == disposition


RFC_9990 = f"""<?xml version="1.0" encoding="UTF-8"?>
<feedback xmlns="{NEW}" xmlns:ext="urn:example:arc">
  <version>1.0</version>
  <report_metadata>
    <org_name>Receiver</org_name>
    <email>dmarc@receiver.example</email>
    <extra_contact_info>https://receiver.example/dmarc</extra_contact_info>
    <report_id>&lt;3v98abbp8ya9n3va8yr8oa3ya@receiver.example&gt;</report_id>
    <date_range><begin>{day(2)}</begin><end>{day(1) - 1}</end></date_range>
    <error>two policies found</error>
    <generator>Reporter 2.1</generator>
  </report_metadata>
  <policy_published>
    <domain>{DOMAIN}</domain>
    <discovery_method>treewalk</discovery_method>
    <p>quarantine</p><sp>none</sp><np>reject</np><psd>n</psd><fo>1:d</fo>
    <adkim>r</adkim><aspf>s</aspf><testing>y</testing><t>y</t>
  </policy_published>
  <extension><ext:arc-override>never</ext:arc-override></extension>
  <record>
    <row>
      <source_ip>2001:DB8::25</source_ip>
      <count>1230</count>
      <policy_evaluated>
        <disposition>pass</disposition><dkim>pass</dkim><spf>fail</spf>
        <reason><type>policy_test_mode</type></reason>
        <reason><type>mailing_list</type><comment>list.example</comment></reason>
      </policy_evaluated>
    </row>
    <identifiers>
      <envelope_to>receiver.example</envelope_to><envelope_from/><header_from>news.{DOMAIN}.</header_from>
    </identifiers>
    <auth_results>
      <dkim><domain>{DOMAIN}</domain><selector>s1</selector><result>pass</result></dkim>
      <dkim><domain>list.example</domain><selector>s2</selector><result>fail</result>
        <human_result>body hash</human_result></dkim>
      <dkim><domain>Sender.Example</domain><result>pass</result></dkim>
      <spf><domain>bounces.list.example</domain><scope>mfrom</scope><result>pass</result></spf>
    </auth_results>
    <ext:arc-results><ext:i>1</ext:i></ext:arc-results>
  </record>
</feedback>
"""


def test_all_that_rfc_9990_knows_is_read_or_passed_over() -> None:
    report = parsed(RFC_9990)
    (record,) = report.records
    assert report.identifier == "3v98abbp8ya9n3va8yr8oa3ya@receiver.example"
    assert (record.source, record.count, record.author) == ("2001:db8::25", 1230, f"news.{DOMAIN}")
    assert (record.dkim, record.spf, record.forwarded, record.disposition) == (True, False, True, "pass")
    assert record.vouched == (DOMAIN, "sender.example", "bounces.list.example")


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("MÜLLER.Example.", "xn--mller-kva.example"),
        ("xn--MLLER-kva.example", "xn--mller-kva.example"),
        ("ü" * 80 + ".example", "ü" * 80 + ".example"),
    ],
)
def test_international_names_are_those_of_the_settings_however_they_are_written(written: str, name: str) -> None:
    report = parsed(aggregate(Row(author=written), domain=written))
    assert (report.domain, report.records[0].author) == (name, name)


SPARSE = f"""
<feedback>
  <report_metadata><email>noreply@receiver.example</email>
    <date_range><begin> {day(1)} </begin><end>{day(1)}.0</end></date_range></report_metadata>
  <policy_published><domain>{DOMAIN}</domain></policy_published>
  <record/>
  <record><row><source_ip>::ffff:198.51.100.7</source_ip><count> 4
    </count></row></record>
</feedback>"""


def test_what_is_missing_but_not_needed_does_no_harm() -> None:
    report = parsed(SPARSE)
    (record,) = report.records
    assert (report.reporter, report.identifier) == ("receiver.example", "")
    assert (record.source, record.count, record.disposition, record.spf) == ("198.51.100.7", 4, "none", False)


def test_a_record_may_have_several_rows() -> None:
    one, other = (aggregate(Row(source, "3")).partition("<row>")[2].partition("</row>")[0] for source in (OWN, "::1"))
    text = aggregate(Row(OWN, "3")).replace(f"{one}</row>", f"{one}</row><row>{other}</row>")
    assert [(record.source, record.author) for record in parsed(text).records] == [(OWN, DOMAIN), ("::1", DOMAIN)]


def test_a_count_may_have_a_point_and_a_record_of_no_message_is_none() -> None:
    report = parsed(aggregate(Row(count="3.0"), Row("192.0.2.9", count="0")))
    assert [(record.source, record.count) for record in report.records] == [(OWN, 3)]


def test_reports_without_an_identifier_are_the_same_only_if_they_say_the_same() -> None:
    one, other = aggregate(Row(), identifier=""), aggregate(Row("192.0.2.9"), identifier="")
    assert parsed(one).key == parsed(one).key != parsed(other).key
    assert tls.parse(tls_report().replace('"report-id": "1"', '"report-id": ""').encode(), NOW).key != (
        tls.parse(tls_report(succeeded=3).replace('"report-id": "1"', '"report-id": ""').encode(), NOW).key
    )


def test_a_report_without_records_still_says_that_nothing_was_sent() -> None:
    assert parsed(aggregate()).records == ()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("<feedback><report_metadata>", "is broken XML"),
        (aggregate(Row(author="a<b")), "is broken XML"),
        ("<feedback>" + "<record/>" * 200_001 + "</feedback>", "has more than 200000 records"),
        ("<html><feedback/></html>", "begins with html, not with feedback"),
        ("<feedback/>", "does not say about which domain"),
        (aggregate(reporter="").replace("dmarc@.example", ""), "does not say who reports"),
        (aggregate(Row(count="many")), "a count is many, which is no number"),
        (aggregate(Row(count="-4")), "a count is -4, which cannot be"),
        (aggregate(Row(count="9" * 5000)), "a count is 9+, which cannot be"),
        (aggregate(Row("here")), "here is no address"),
        (aggregate(back=-2), "is about 2024-03-03, which is to come"),
        (aggregate().replace(f"<end>{day(1) + DAY - 1}", f"<end>{day(2)}"), "ends before it begins"),
        (aggregate().replace(f"<end>{day(1) + DAY - 1}", f"<end>{day(-9)}"), "is about 2024-03-10, which is to come"),
        (aggregate().replace(f"<begin>{day(1)}", "<begin>1"), "is about [0-9]+ days"),
        (aggregate().replace(f"<begin>{day(1)}", "<begin>"), "its beginning is empty, which is no time"),
        (aggregate().replace(f"<begin>{day(1)}", f"<begin>{day(1)}000"), "its beginning is .* no time"),
        (aggregate(declaration='<!DOCTYPE f [<!ENTITY a "b">]>'), "document type or entities"),
        (aggregate(declaration='<!DOCTYPE f SYSTEM "file:///etc/passwd">'), "document type or entities"),
        ("<feedback>" + "<a>" * 30 + "</a>" * 30 + "</feedback>", "more than 20 elements in each other"),
        ("<feedback><record>" + "<a/>" * 10_001 + "</record></feedback>", "10000 in a record"),
    ],
)
def test_what_is_broken_or_cannot_be_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(RefusedError, match=reason):
        parsed(text)


def test_a_bomb_of_elements_is_refused_before_all_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dmarc, "IN_ALL", 40_000)
    with pytest.raises(RefusedError, match="10000 in a record, or 40000"):
        parsed("<feedback>" + f"<record>{'<a/>' * 9_900}</record>" * 5)


def test_entities_are_never_expanded() -> None:
    levels = "".join(f'<!ENTITY {new} "{f"&{old};" * 10}">' for old, new in zip("abcdefgh", "bcdefghi", strict=True))
    bomb = aggregate(reporter="&i;", declaration=f'<!DOCTYPE f [<!ENTITY a "ha">{levels}]>')
    began = time.process_time()
    with pytest.raises(RefusedError, match="entities"):
        parsed(bomb)
    assert time.process_time() - began < 1


@pytest.mark.parametrize(
    "text",
    ["<feedback><!--" + "x" * 40_000_000 + "-->", '<feedback a="' + "x" * 40_000_000 + '">'],
    ids=["comment", "attribute"],
)
def test_what_is_large_and_without_end_is_looked_at_once(text: str) -> None:
    """Parsers begin anew at each piece of it."""
    began = time.process_time()
    with pytest.raises(RefusedError):
        parsed(text)
    assert time.process_time() - began < 15


def test_parts_without_end_in_each_other_are_told_and_take_no_other_message_away() -> None:
    raw = b"Content-Type: message/rfc822\n\n" * 3000 + mail(gzipped(PLAIN)).as_bytes()
    assert read(raw, NOW) == Found(refused=("has too many parts in each other",))


@pytest.mark.parametrize("beside", [b"Please read this", b"<feedback>", gzipped(PLAIN)], ids=["text", "xml", "gzip"])
def test_what_lies_beside_reports_in_an_archive_takes_none_away(beside: bytes) -> None:
    packed = zipped(beside, PLAIN.encode(), names=("0.txt", "folder/1.xml"))
    found = read(mail(packed, "application/zip", f"{NAME}.zip").as_bytes(), NOW)
    assert len(found.reports) == 1
    assert len(found.refused) == 1


def test_what_strangers_write_cannot_move_the_cursor() -> None:
    told = tls_report(reporter="Evil\x1b[2J\u202e Sender")
    assert tls.parse(told.encode(), NOW).reporter == "Evil[2J Sender"
    # A zone may be any text, and means nothing elsewhere (RFC 4007, section 11).
    assert parsed(aggregate(Row("fe80::1%\u009b2J"))).records[0].source == "fe80::1"


def test_ten_thousand_records_are_read_within_five_seconds() -> None:
    rows = [Row(f"10.{place >> 8}.{place & 255}.1", "2", signed=[DOMAIN, "x.example"]) for place in range(10_000)]
    raw = mail(gzipped(aggregate(*rows)), name=f"{NAME}.xml.gz").as_bytes()
    began = time.process_time()
    (report,) = read(raw, NOW).reports
    assert time.process_time() - began < 5
    assert isinstance(report, AggregateReport)
    assert sum(record.count for record in report.records) == 20_000


def refusals(*attached: bytes, **told: str) -> Found:
    """What is said of a message with these attachments."""
    message = mail(**told)  # type: ignore[arg-type]
    for data in attached:
        message.add_attachment(data, maintype="application", subtype="octet-stream", filename=f"{NAME}.xml.gz")
    return read(message.as_bytes(), NOW)


def beginning_before_its_start(packed: bytes) -> bytes:
    """The zip archive with a directory that is said to be longer than all there is."""
    end = packed.index(archives.EMPTY_ZIP)
    return packed[: end + 16] + (10**6).to_bytes(4, "little") + packed[end + 20 :]


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: archives.GZIP + b"broken" * 9, "is a broken gzip archive"),
        (lambda: gzipped(PLAIN)[:-20], "is a gzip archive without its end"),
        (lambda: gzipped("\0" * (archives.UNPACKED + 1)), "unpacks to more than 50000000 bytes"),
        (lambda: zipped(bytes(archives.UNPACKED + 1)), "unpacks to more than 50000000 bytes"),
        (lambda: zipped(gzipped(PLAIN)), "is an archive in an archive"),
        (zipped, "is an empty zip archive"),
        (lambda: zipped(*[b"<a/>"] * 11, names=[f"{number}.xml" for number in range(11)]), "holds 11 files"),
        (lambda: archives.ZIP + b"broken" * 9, "is a broken zip archive"),
        (lambda: zipped(b"x", names=["ä.xml"]).replace("ä".encode(), b"\xc3("), "is a broken zip archive"),
        (lambda: beginning_before_its_start(zipped(b"x")), "is a broken zip archive"),
        (lambda: zipped(PLAIN.encode(), method=zipfile.ZIP_LZMA), "is a zip archive that is compressed in another way"),
        (lambda: bytes(archives.PACKED + 1), "has 10000001 bytes; more than 10000000 are not read"),
        (lambda: gzipped("hello"), "is neither XML nor JSON"),
        (lambda: b"hello", "is neither XML nor JSON"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_archive_that_is_broken_or_a_bomb_is_refused_and_the_rest_is_read(
    make: Callable[[], bytes], reason: str
) -> None:
    began = time.process_time()
    found = refusals(make(), gzipped(PLAIN))
    assert len(found.reports) == 1
    assert [line.removeprefix(f"{NAME}.xml.gz ").startswith(reason) for line in found.refused] == [True]
    assert time.process_time() - began < 5


def test_a_zip_that_lies_about_its_sizes_is_measured_by_what_comes_out() -> None:
    packed = zipped(bytes(archives.UNPACKED + 1))
    size = (archives.UNPACKED + 1).to_bytes(4, "little")
    assert packed.count(size) == 2
    with pytest.raises(RefusedError, match=r"broken zip|unpacks to more"):
        list(archives.unpack(packed.replace(size, (100).to_bytes(4, "little"))))


def test_a_file_without_a_name_in_a_zip_is_passed_over() -> None:
    packed = zipped(PLAIN.encode(), b"x", names=("report.xml", "@@@"))
    assert list(archives.unpack(packed.replace(b"@@@", bytes(3)))) == [PLAIN.encode()]


def test_a_gzip_of_very_many_members_is_given_up() -> None:
    """Each takes a copy of all behind it: of ten million bytes of empty ones, that would be minutes."""
    assert list(archives.unpack(gzipped(PLAIN) + gzipped("") * 99)) == [PLAIN.encode()]
    with pytest.raises(RefusedError, match="more than 100 members"):
        list(archives.unpack(gzipped("") * 101))


def test_what_a_file_is_called_makes_no_long_line() -> None:
    packed = zipped(PLAIN.encode(), names=["x" * 3000], method=zipfile.ZIP_STORED)
    with pytest.raises(RefusedError, match=r"Bad CRC-32.{,100}$"):
        list(archives.unpack(packed.replace(b"<count>3", b"<count>4")))


def test_the_files_of_a_zip_are_measured_together() -> None:
    with pytest.raises(RefusedError, match="unpacks to more than 50000000 bytes"):
        list(archives.unpack(zipped(bytes(30_000_000), bytes(30_000_000))))


def test_a_zip_with_a_password_is_refused() -> None:
    packed = bytearray(zipped(PLAIN.encode()))
    packed[6] |= 1
    packed[packed.index(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(RefusedError, match="with a password"):
        list(archives.unpack(bytes(packed)))


@pytest.mark.parametrize(
    "attached", [archives.GZIP + b"broken", zipped(b"an invoice"), b"<html>"], ids=["gzip", "zip", "html"]
)
def test_other_mail_is_none_of_our_business(attached: bytes) -> None:
    assert read(mail(attached, subject="Invoice", name="invoice.zip").as_bytes(), NOW) == Found()


@pytest.mark.parametrize("subject", ["=?utf-8?b?a?=", "=?klingon?q?a?=", "=?utf-8?b?//8=?="])
def test_a_subject_that_is_broken_takes_no_report_away(subject: str) -> None:
    """Spam is full of them, and lies in the same mailbox."""
    raw = mail(gzipped(PLAIN), subject="SUBJECT").as_bytes().replace(b"SUBJECT", subject.encode())
    assert len(read(raw, NOW).reports) == 1


@pytest.mark.parametrize("subject", ["Report Domain: a Submitter: b", "=?utf-8?q?Report_Domain=3A_a_Submitter=3A_b?="])
def test_a_message_that_only_says_to_be_a_report_is_told(subject: str) -> None:
    raw = mail().as_bytes().replace(b"Subject: Report Domain: example.com", f"Subject: {subject}\nX: y".encode())
    assert read(raw, NOW).refused == ("holds no report",)


def test_a_file_that_is_called_a_report_and_is_empty_is_told() -> None:
    found = read(mail(b"", name=f"{NAME}.xml.gz", subject="no word of it").as_bytes(), NOW)
    assert found.refused == (f"{NAME}.xml.gz is neither XML nor JSON",)


def test_a_report_from_a_forger_is_refused() -> None:
    """False reports could talk an owner into a policy, or out of it (RFC 9990, section 6.2)."""
    message = mail(gzipped(PLAIN))
    for verdict, refused in (("pass", False), ("fail", True)):
        del message["Authentication-Results"]
        message["Authentication-Results"] = f"mail.example.com; spf=pass; dmarc={verdict} header.from=receiver.example"
        for subject in (str(message["Subject"]), "no word of it"):
            message.replace_header("Subject", subject)
            found = read(message.as_bytes(), NOW)
            assert (bool(found.refused), bool(found.reports)) == (refused, not refused)


def test_a_message_of_more_parts_than_are_read_says_so() -> None:
    """Else it would be taken for one that was read whole, which may be deleted."""
    message = mail(gzipped(PLAIN))
    for number in range(49):
        message.add_attachment(gzipped(aggregate(identifier=f"{number}x")), maintype="application", subtype="gzip")
    found = read(message.as_bytes(), NOW)
    assert len(found.reports) == 48
    assert found.refused == ("has more than 50 parts, of which the others are not read",)


FAILED = {
    "result-type": "certificate-expired",
    "sending-mta-ip": "2001:db8:abcd::1",
    "receiving-mx-hostname": "mail.example.com",
    "failed-session-count": "7",
}


@pytest.mark.parametrize(
    ("media_type", "pack"),
    [
        ("application/tlsrpt+gzip", gzipped),
        ("application/tlsrpt+json", str.encode),
        ("application/gzip", gzipped),
        ("application/json", str.encode),
        ("application/octet-stream", lambda text: b"\xef\xbb\xbf" + text.encode()),
    ],
)
def test_a_tls_report_is_found_whatever_its_wrapping(media_type: str, pack: Callable[[str], bytes]) -> None:
    text = tls_report(failures=[FAILED], failed=7, succeeded="5")
    found = read(mail(pack(text), media_type, subject="Report Domain: x Submitter: y").as_bytes(), NOW)
    (report,) = found.reports
    assert isinstance(report, TlsReport)
    (sessions,) = report.sessions
    assert (sessions.domain, sessions.succeeded, sessions.failed) == (DOMAIN, 5, 7)
    assert [(one.kind, one.host, one.sessions) for one in sessions.failures] == [
        ("certificate-expired", "mail.example.com", 7)
    ]


def test_a_tls_report_may_leave_out_what_is_optional() -> None:
    told = json.loads(tls_report())
    told["policies"] = {"policy": {"policy-domain": f"{DOMAIN}.", "mx-host": "mail.example.com"}, "failure-details": {}}
    told["date-range"] = {"start-datetime": "2024-02-28T00:00:00+01:00", "end-datetime": "2024-02-28T22:59:59"}
    report = tls.parse(json.dumps(told).encode(), NOW)
    assert report.sessions[0].domain == DOMAIN
    assert report.day.isoformat() == "2024-02-28"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('": 0', '": null'),
        ('": 10', '": 10.0'),
        ('"failure-details": []', '"failure-details": null'),
        ("T00:00:00Z", "t00:00:00z"),
        ("T00:00:00Z", "T00:00:00.0000000Z"),
        ("}]}", "}]}\n\0\0"),
        ("}]}", "}]}\r\n-- \r\nlist footer"),
        ("Sender", "Sender\\ud800"),
    ],
)
def test_what_senders_write_in_their_own_way_is_read(old: str, new: str) -> None:
    text = tls_report()
    assert old in text
    report = tls.parse(text.replace(old, new).encode(), NOW)
    assert (report.reporter, report.day.isoformat()) == ("Sender", "2024-02-29")
    assert (report.sessions[0].succeeded, report.sessions[0].failed) == (10, 0)


def test_a_byte_in_no_encoding_takes_no_tls_report_away() -> None:
    assert tls.parse(tls_report(reporter="Empfänger").replace("\\u00e4", "ä").encode("latin-1"), NOW).sessions


def test_failures_that_were_not_added_up_are_counted() -> None:
    report = tls.parse(tls_report(failures=[FAILED, FAILED], failed=0).encode(), NOW)
    assert report.sessions[0].failed == 14


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "is broken JSON"),
        ("[" * 100_000, "is broken JSON"),
        ("[]", "is no JSON object"),
        ("{}", "does not say who reports"),
        (tls_report(failed=-1), "a number of sessions is -1"),
        (tls_report(failed=True), "a number of sessions is True"),
        (tls_report(back=-3), "which is to come"),
        (json.dumps(json.loads(tls_report()) | {"policies": None}), "does not say about which domain it is"),
        ('{"organization-name": "x"}', "its beginning is None, which is no time"),
        (json.dumps(json.loads(tls_report()) | {"policies": [{}] * 1001}), "has more than 1000 policies"),
    ],
)
def test_a_tls_report_that_is_broken_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(RefusedError, match=reason):
        tls.parse(text.encode(), NOW)


def test_a_part_with_broken_base64_takes_nothing_else_away() -> None:
    raw = mail(gzipped(PLAIN)).as_bytes()
    packed = base64.b64encode(gzipped(PLAIN))[:20]
    found = read(raw.replace(packed, b"!" + packed[1:]), NOW)
    assert found.reports == ()
    assert found.refused
