"""SSH keys (https://docs.hetzner.cloud, "SSH Keys")."""

import base64
import binascii
import hashlib
from typing import Any

from aiohttp import web

from offline.sandbox.datacentre.errors import not_unique
from offline.sandbox.datacentre.model import SshKey
from offline.sandbox.datacentre.resource import ResourceHandler, read_form


def fingerprint(public_key: str) -> str:
    """The MD5 fingerprint that the API shows; raises ValueError when this is not an OpenSSH public key."""
    parts = public_key.split()
    if len(parts) < 2:
        raise ValueError("is not a valid SSH public key")
    try:
        blob = base64.b64decode(parts[1], validate=True)
    except binascii.Error as error:
        raise ValueError("is not a valid SSH public key") from error
    # RFC 4253, section 6.6: the blob begins with the length and the name of the key's type.
    if blob[4 : 4 + int.from_bytes(blob[:4], "big")] != parts[0].encode():
        raise ValueError("is not a valid SSH public key")
    digest = hashlib.md5(blob, usedforsecurity=False).hexdigest()
    return ":".join(digest[at : at + 2] for at in range(0, len(digest), 2))


class SshKeys(ResourceHandler[SshKey]):
    kind = "ssh_key"
    filters = ("name", "fingerprint")

    def json(self, entry: SshKey) -> dict[str, Any]:
        return dict(vars(entry))

    async def create(self, request: web.Request) -> web.Response:
        form = await read_form(request)
        public_key = form.required_text("public_key").strip()
        digest = ""
        try:
            digest = fingerprint(public_key)
        except ValueError as error:
            form.wrong("public_key", str(error))
        labels = form.labels() or {}
        name = self.name(form)
        if any(digest == other.fingerprint for other in self.table.values()):
            raise not_unique("SSH_key", "fingerprint")
        key = SshKey(
            id=self.cloud.project.new_id(), name=name, labels=labels, public_key=public_key, fingerprint=digest
        )
        self.table[key.id] = key
        return web.json_response({"ssh_key": self.json(key)}, status=201)

    async def delete(self, request: web.Request) -> web.Response:
        del self.table[self.find(request).id]
        return web.Response(status=204)
