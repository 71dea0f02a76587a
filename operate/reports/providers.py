"""Well-known senders by the domains of their servers' reverse names, and of the signatures of their own."""

DOMAINS = {
    "Amazon SES": "amazonses.com",
    "Apple iCloud": "icloud.com apple.com",
    "Brevo": "sendinblue.com brevo.com sender-sib.com mailin.fr",
    "Campaign Monitor": "createsend.com cmail19.com cmail20.com",
    "CleverReach": "cleverreach.com crsend.com",
    "Constant Contact": "constantcontact.com ccsend.com",
    "Fastmail": "messagingengine.com fastmail.com",
    "Freshworks": "freshdesk.com freshemail.io",
    "GMX and web.de": "gmx.net gmx.com web.de",
    "Google": "google.com googlemail.com",
    "Hetzner": "your-server.de",
    "HubSpot": "hubspot.com hubspotemail.net hubspotservers.com",
    "IONOS": "kundenserver.de ionos.com perfora.net",
    "Klaviyo": "klaviyomail.com",
    "Mailbox.org": "mailbox.org",
    "Mailchimp": "mcsv.net mcdlv.net rsgsv.net mandrillapp.com mailchimp.com",
    "MailerLite and MailerSend": "mailerlite.com mlsend.com mailersend.net",
    "Mailgun": "mailgun.net mailgun.org mailgun.us",
    "Mailjet": "mailjet.com",
    "Microsoft": "outlook.com hotmail.com protection.outlook.com",
    "Mimecast": "mimecast.com",
    "Oracle (Dyn)": "dynect.net rsys2.com responsys.net oracleemaildelivery.com",
    "OVHcloud": "ovh.net",
    "Postmark": "mtasv.net postmarkapp.com",
    "Proofpoint": "pphosted.com ppe-hosted.com",
    "Proton": "protonmail.ch proton.ch",
    "Resend": "resend.com",
    "Salesforce": "salesforce.com exacttarget.com",
    "Scaleway": "tem.scw.cloud",
    "SendGrid": "sendgrid.net sendgrid.com",
    "SMTP2GO": "smtp2go.com smtpcorp.com",
    "SparkPost": "sparkpostmail.com messagebird.com",
    "Strato": "rzone.de strato.de",
    "Yahoo": "yahoo.com yahoodns.net",
    "Zendesk": "zendesk.com zdsys.com",
    "Zoho": "zoho.com zoho.eu",
}
PROVIDERS = {domain: name for name, domains in DOMAINS.items() for domain in domains.split()}


def provider(host: str) -> str | None:
    """Whose a name is, if that is known."""
    labels = host.lower().split(".")
    parents = (".".join(labels[place:]) for place in range(len(labels)))
    return next((PROVIDERS[name] for name in parents if name in PROVIDERS), None)
