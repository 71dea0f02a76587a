"""The sandbox's internet: Cloudflare's API, authoritative DNS, a resolver and a container registry in one container."""
