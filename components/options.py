"""Options that the components' resources share."""

import pulumi


def child(parent: pulumi.Resource, *, once: str = "", **options: object) -> pulumi.ResourceOptions:
    """Options of a component's child.

    The aliases let a resource that was taken over by `pulumi import`, which knows no components, become this child, and
    one that was called `once` so in an earlier version of this program. At Hetzner it still is: so one whose state was
    lost is found (see operate.repair).
    """
    aliases = [pulumi.Alias(parent=pulumi.ROOT_STACK_RESOURCE)]
    if once:
        aliases += [pulumi.Alias(name=once), pulumi.Alias(name=once, parent=pulumi.ROOT_STACK_RESOURCE)]
    return pulumi.ResourceOptions.merge(
        pulumi.ResourceOptions(parent=parent, aliases=aliases),
        pulumi.ResourceOptions(**options),  # type: ignore[arg-type]
    )


def renamed(once: str, opts: pulumi.ResourceOptions | None) -> pulumi.ResourceOptions:
    """Options of a component that was called `once` so in an earlier version of this program."""
    return pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(aliases=[pulumi.Alias(name=once)]))


def of_nobody(value: pulumi.Output[str]) -> pulumi.Output[str]:
    """The same value, without its resources, on which a record with fields depends by `depends_on` then.

    Where one of them is replaced, the engine asks what depends on it with the whole property unknown. Cloudflare's
    provider ends there with an error for a record's `data`, and the deploy with it.
    """
    found = value.future()  # None while it is not known
    return pulumi.Output(set(), found, value.is_known(), value.is_secret())  # type: ignore[arg-type]


def as_int(identifier: pulumi.Output[str]) -> pulumi.Output[int]:
    """A Hetzner identifier as the number that other resources' inputs want; ids of resources are text in Pulumi."""
    return identifier.apply(int)
