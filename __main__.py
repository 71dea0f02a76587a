"""A Poste mail server on Hetzner Cloud with its DNS at Cloudflare: the story, in the order in which it happens."""

import pulumi

from components.accounts import Accounts, Deletions
from components.backup import BackupStore, NightlyBackup, tell_no_backup
from components.certificate import Certificate
from components.dkim_key import DkimKey
from components.dkim_signers import DkimSigners
from components.dkim_switch import DkimSwitch
from components.existing.dkim_rotations import dkim_rotations
from components.existing.sender_policies import sender_policies
from components.existing.stack_config import load_settings
from components.existing.stack_state import state
from components.existing.survey import look, refuse_impossible_changes
from components.existing.who_leaves import tell_who_leaves
from components.existing.zones import Zones
from components.host import Host
from components.mail_domain import MailDomain
from components.mail_firewall import MailFirewall
from components.mail_host_records import MailHostRecords
from components.mail_server import MailServer
from components.policy_worker import PolicyWorker
from components.poste import Poste
from components.providers import cloudflare_dns, hetzner, ssh_commands
from components.relay import Relay, tell_the_block
from components.sender_policy import SenderPolicy
from components.watch import Watch, tell_nobody_is_told
from components.zone_signing import ZoneSigning
from model.client_settings import client_settings, web_addresses
from model.labels import stack_labels
from model.next_steps import next_steps

settings = load_settings()
project, stack = pulumi.get_project(), pulumi.get_stack()
title, labels = f"{project}-{stack}", stack_labels(project, stack)
hcloud, dns = hetzner(), cloudflare_dns()
clouds = pulumi.ResourceOptions(providers=[hcloud, dns, ssh_commands()])
held = state()
survey = look(labels, held, hcloud, storage_boxes=bool(settings.backup and settings.backup.storage_box))
refuse_impossible_changes(survey, settings)
tell_who_leaves(held, settings)
tell_no_backup(settings)
tell_the_block(settings, survey)
tell_nobody_is_told(settings)
policies = sender_policies(settings, held)
rotations = dkim_rotations(settings, held)
zones = Zones(settings, held, rotations, dns, survey.addresses)

server = MailServer(title, settings, survey, clouds)
addresses = [
    MailHostRecords(mail_host, settings, server, zones, clouds)
    for mail_host in (settings.mail_host, *settings.former_mail_hosts)
]
host = Host("host", settings, server, clouds)
store = BackupStore(title, settings, settings.backup, server, host, clouds) if settings.backup else None
poste = Poste("poste", settings, server, host, [store.filled] if store else [], clouds)
relay = Relay("relay", settings, host, poste, zones, opts=clouds) if settings.relay else None
firewall = MailFirewall(f"{title}-mail", settings, labels, poste, [relay.in_use] if relay else [], clouds)
relay = relay or Relay("relay", settings, host, poste, zones, [firewall], clouds)
keys = {
    domain.name: DkimKey(f"dkim-{domain.name}", rotations[domain.name], settings, server, host, poste, clouds)
    for domain in settings.domains
}
domains, switches = [], {}
for domain in settings.domains:
    key = keys[domain.name]
    accounts = Accounts(domain, settings, server, host, key, clouds)
    domains.append(made := MailDomain(domain, settings, server, key, zones, [firewall, accounts], clouds))
    if len(key.records) > 1:
        switches[domain.name] = DkimSwitch(domain, key, settings, server, host, made.keys_published, clouds)
if settings.delete_mailboxes or settings.delete_domains:
    Deletions("deletions", settings, server, host, poste, clouds)
signers = DkimSigners("dkim-signers", settings, host, poste, [*keys.values(), *switches.values()], clouds)
mail_works: list[pulumi.Resource] = [*addresses, relay, *domains, signers]
if settings.backup and store:
    # The first backup stops Poste for some seconds, and the certificate needs it.
    mail_works = [NightlyBackup("backup", settings, settings.backup, server, host, mail_works, clouds)]
    pulumi.export("backup", store.reached)
Watch("watch", settings, server, host, mail_works, clouds)
promised: list[pulumi.Resource] = []
everything = list(mail_works)
if settings.acme_directory:
    certificate = Certificate("certificate", settings, server, host, poste, zones, mail_works, clouds)
    if any(told.mode == "enforce" for told in policies.values()):
        promised = [certificate.served]
    everything.append(certificate)
    pulumi.export("certificateAccount", certificate.account)
if policies or settings.client_setup:
    worker = PolicyWorker(settings, zones, promised, clouds)
    everything.append(worker)
    for domain in settings.domains:
        if domain.name in policies:
            everything.append(SenderPolicy(domain, policies[domain.name], settings, zones, worker, clouds))
if zones.signed:
    signed = ZoneSigning("dnssec", settings, zones, everything, clouds)
    pulumi.export("dnssec", signed.delegations)

pulumi.export("mailHost", settings.mail_host)
pulumi.export("ipv4", server.ipv4)
pulumi.export("ipv6", server.ipv6)
for page, address in web_addresses(settings).items():
    pulumi.export(page, address)
pulumi.export("adminAddress", settings.admin_address)
signing = {name: key.newest for name, key in keys.items()} | {name: found.signing for name, found in switches.items()}
changing = {name: {"dkimRotation": found.output} for name, found in switches.items()}
pulumi.export(
    "domains",
    {name: {"dkimName": key.name, "dkimValue": key.text, **changing.get(name, {})} for name, key in signing.items()},
)
pulumi.export("clientSettings", client_settings(settings.mail_host, settings.ports))
relayed = settings.relay is not None
pulumi.export("nextSteps", server.ipv4.apply(lambda ipv4: next_steps(ipv4, zones.signed, relayed=relayed)))
