"""The sandbox's internet in one container: Cloudflare's API, authoritative DNS, a resolver, a container registry,
the servers' package mirror, and certificate authorities.
"""
