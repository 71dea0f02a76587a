"""The data centre: Hetzner's Cloud API before a hypervisor that makes servers, disks, addresses and firewalls real.

`api` and the resource modules keep the books (state, validation, answers) and know nothing of containers; they tell a
`hypervisor.Hypervisor` what shall be so. `machines/` is the one that makes it so inside the data-centre container.
"""
