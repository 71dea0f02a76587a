"""The sandbox's internet in one container: Cloudflare's API, authoritative DNS, a resolver, a container registry,
the servers' package mirror, certificate authorities, and Cloudflare's edge.
"""
