"""Options that the components' resources share."""

import pulumi


def child(parent: pulumi.Resource, **options: object) -> pulumi.ResourceOptions:
    """Options of a component's child.

    The alias lets a resource that was taken over by `pulumi import`, which knows no components, become this child.
    """
    return pulumi.ResourceOptions.merge(
        pulumi.ResourceOptions(parent=parent, aliases=[pulumi.Alias(parent=pulumi.ROOT_STACK_RESOURCE)]),
        pulumi.ResourceOptions(**options),  # type: ignore[arg-type]
    )


def as_int(identifier: pulumi.Output[str]) -> pulumi.Output[int]:
    """A Hetzner identifier as the number that other resources' inputs want; ids of resources are text in Pulumi."""
    return identifier.apply(int)
