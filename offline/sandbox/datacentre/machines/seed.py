"""The NoCloud seed a server boots from (cloud-init's "NoCloud" datasource), with what Hetzner's metadata would say."""

import json
from collections.abc import Mapping

from offline.sandbox.datacentre.hypervisor import Machine

FOLDER = "var/lib/cloud/seed/nocloud"


def seed_files(machine: Machine) -> Mapping[str, str]:
    """The files of the seed folder, by name. JSON is YAML."""
    metadata = {
        "instance-id": str(machine.server),
        "local-hostname": machine.name,
        "availability-zone": machine.location,
        "public-keys": list(machine.ssh_keys),
    }
    return {"meta-data": json.dumps(metadata, indent=1), "user-data": machine.user_data}
