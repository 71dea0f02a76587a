"""Changes of a running stack that would lose something or fail half-way, told with the way that works."""

import re
from collections.abc import Iterator

from model.labels import HOST_KEY
from model.settings import Settings
from model.ssh_keys import key_mark, ssh_public_key
from model.survey import Survey, label
from model.values import IMAGE


def lost(survey: Survey, stack: str) -> Iterator[str]:
    """What the stack made and its state does not know: to make it again would fail, or leave two of it."""
    for kind, thing in survey.lost:
        yield (
            f"The {kind} {thing.name} (id {thing.id}) is this stack's by its labels, but the state does not know it: "
            f"a deploy was killed, or the state was lost. Expected, before any other change: "
            f"./run mail repair --stack {stack}"
        )


def impossible_changes(survey: Survey, settings: Settings) -> Iterator[str]:
    """A sentence for each. They name the setting, its value, and what would be right."""
    yield from _of_place(survey, settings)
    yield from _of_keys(survey, settings)
    yield from _of_server(survey, settings)
    yield from _of_poste(survey, settings)


def _of_place(survey: Survey, settings: Settings) -> Iterator[str]:
    for place in sorted(survey.locations - {settings.location}):
        yield (
            f"location {settings.location}: what this stack has is in {place}, and a volume and addresses cannot move. "
            f"Expected {place}. To move, make a second stack there and let the mail over"
        )
    wanted = settings.backup.location if settings.backup else ""
    if survey.storage_box and survey.storage_box.location != wanted:
        there = survey.storage_box.location
        yield (
            f"backup.location {wanted}: the Storage Box is in {there}, and would be replaced, with all backups in it. "
            f"Expected {there}"
        )
    if survey.volume and survey.volume.size > settings.volume_size:
        yield (
            f"volumeSize {settings.volume_size}: the volume has {survey.volume.size} GB, and a volume cannot shrink. "
            f"Expected {survey.volume.size} or more"
        )


def _of_keys(survey: Survey, settings: Settings) -> Iterator[str]:
    if survey.server is None or survey.renews_server(settings):
        return
    made_with = label(survey.server, HOST_KEY)
    if made_with and made_with != key_mark(settings.ssh_host_public_key):
        yield (
            "sshHostKey is not the key that the server was made with, so no connection would trust it. Expected the "
            f"old one; a new one comes with a new server: raise serverRevision to {settings.server_revision + 1}, too"
        )
    previous = settings.previous_ssh_private_key
    known = [settings.ssh_public_key, *([ssh_public_key(previous.get_secret_value())] if previous else [])]
    if survey.login_key and key_mark(survey.login_key.public_key) not in map(key_mark, known):
        yield (
            "sshPrivateKey is not the key that the server knows. Expected the old one in previousSshPrivateKey, with "
            "which the new one is brought to the server: pulumi config set --secret previousSshPrivateKey"
        )


def _of_server(survey: Survey, settings: Settings) -> Iterator[str]:
    if survey.server is None or not survey.renews_server(settings):
        return
    asked = f"serverRevision {settings.server_revision} replaces the server"
    lift = "pulumi config set --path 'unprotected[0]' server"
    if settings.protects("server"):
        yield f"{asked}, which is protected. Expected that you lift its protection first, alone: {lift}, and a deploy"
    elif survey.server.delete_protection:
        yield (
            f"{asked}, which is still protected at Hetzner. Expected a deploy with the old serverRevision first, which "
            "lifts that protection alone"
        )


def _of_poste(survey: Survey, settings: Settings) -> Iterator[str]:
    image = IMAGE.fullmatch(settings.poste_image)
    now, wanted = _version(survey.poste_version), _version(image["tag"] or "" if image else "")
    shared = min(len(now), len(wanted))
    if wanted[:shared] < now[:shared]:
        yield (
            f"posteImage {settings.poste_image} is older than {survey.poste_version}, which has run here and whose "
            f"changes of the databases cannot be taken back. Expected {survey.poste_version} or newer; the way back is "
            "a backup from before the upgrade"
        )


def _version(tag: str) -> tuple[int, ...]:
    """The numbers with which a tag begins: 2.5.11 of 2.5.11-pro, none of latest."""
    match = re.match(r"v?(\d+(?:\.\d+)*)", tag)
    return tuple(map(int, match[1].split("."))) if match else ()
