"""Well-known senders by the domains of their servers' reverse names, and of the signatures of their own."""

from typing import NamedTuple


class Provider(NamedTuple):
    """Who that is, and whether it sends for its customers, rather than having mailboxes, which also forward mail."""

    name: str
    for_customers: bool


SENDING = {
    "Amazon SES": "amazonses.com",
    "Brevo": "sendinblue.com brevo.com sender-sib.com mailin.fr",
    "Campaign Monitor": "createsend.com cmail19.com cmail20.com",
    "CleverReach": "cleverreach.com crsend.com",
    "Constant Contact": "constantcontact.com ccsend.com",
    "Freshworks": "freshdesk.com freshemail.io",
    "HubSpot": "hubspot.com hubspotemail.net hubspotservers.com",
    "Klaviyo": "klaviyomail.com",
    "Mailchimp": "mcsv.net mcdlv.net rsgsv.net mandrillapp.com mailchimp.com",
    "Mailgun": "mailgun.net mailgun.org mailgun.us",
    "Mailjet": "mailjet.com",
    "MailerLite and MailerSend": "mailerlite.com mlsend.com mailersend.net",
    "Oracle (Dyn)": "dynect.net rsys2.com responsys.net oracleemaildelivery.com",
    "Postmark": "mtasv.net postmarkapp.com",
    "Resend": "resend.com",
    "Salesforce": "salesforce.com exacttarget.com",
    "Scaleway": "tem.scw.cloud",
    "SendGrid": "sendgrid.net sendgrid.com",
    "SMTP2GO": "smtp2go.com smtpcorp.com",
    "SparkPost": "sparkpostmail.com messagebird.com",
    "Zendesk": "zendesk.com zdsys.com",
}
MAILBOXES = {
    "Apple iCloud": "icloud.com apple.com",
    "Fastmail": "messagingengine.com fastmail.com",
    "GMX and web.de": "gmx.net gmx.com web.de",
    "Google": "google.com googlemail.com",
    "Hetzner": "your-server.de",
    "IONOS": "kundenserver.de ionos.com perfora.net",
    "Mailbox.org": "mailbox.org",
    "Microsoft": "outlook.com hotmail.com protection.outlook.com",
    "Mimecast": "mimecast.com",
    "OVHcloud": "ovh.net",
    "Proofpoint": "pphosted.com ppe-hosted.com",
    "Proton": "protonmail.ch proton.ch",
    "Strato": "rzone.de strato.de",
    "Yahoo": "yahoo.com yahoodns.net",
    "Zoho": "zoho.com zoho.eu",
}
TABLE = {
    domain: Provider(name, for_customers)
    for names, for_customers in ((SENDING, True), (MAILBOXES, False))
    for name, domains in names.items()
    for domain in domains.split()
}


def provider(host: str) -> Provider | None:
    """Whose a name is, if that is known."""
    labels = host.lower().split(".")
    return next((TABLE[name] for place in range(len(labels)) if (name := ".".join(labels[place:])) in TABLE), None)
