"""Cloudflare's Workers: the part of the API that makes them, the runtime that runs them, and the edge that serves them.

    scripts.py      a script: from what is uploaded to what is run and shown
    domains.py      a custom domain: a host name by which a script is reached
    workers.py      all of both, and the changes to them
    api.py          the HTTP side, under /client/v4/accounts/{account}/workers
    problems.py     its errors
    runtime.py      workerd, Cloudflare's own runtime: one process for each script
    edge.py         what custom domains lead to: HTTPS and HTTP, by host name

Followed: https://developers.cloudflare.com/api/resources/workers/ and the requests of Cloudflare's Terraform provider.
"""
