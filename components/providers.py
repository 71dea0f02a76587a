"""The explicit providers: which account or sandbox a stack works on is seen here and nowhere else."""

import pulumi
import pulumi_cloudflare as cloudflare
import pulumi_command as command
import pulumi_hcloud as hcloud


def hetzner() -> hcloud.Provider:
    """Hetzner Cloud, with `hcloud:token` (secret) and, for other APIs than the public ones, `hcloud:endpoint` and, of
    Storage Boxes, `hcloud:endpointHetzner`.
    """
    config = pulumi.Config("hcloud")
    return hcloud.Provider(
        "hcloud",
        token=config.require_secret("token"),
        endpoint=config.get("endpoint"),
        endpoint_hetzner=config.get("endpointHetzner"),
    )


def cloudflare_dns() -> cloudflare.Provider:
    """Cloudflare, with `cloudflare:apiToken` (secret; DNS edit rights on the zones) and `cloudflare:baseUrl`."""
    config = pulumi.Config("cloudflare")
    return cloudflare.Provider(
        "cloudflare", api_token=config.require_secret("apiToken"), base_url=config.get("baseUrl")
    )


def ssh_commands() -> command.Provider:
    """Remote commands over SSH; where and as whom is told by each command's connection."""
    return command.Provider("command")
