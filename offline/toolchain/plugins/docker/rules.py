"""How the inputs of a container are compared (terraform-provider-docker 4.5, resource docker_container)."""

SETS = frozenset({"envs", "labels", "mounts"})
"""Lists whose order means nothing."""

COMPUTED = frozenset(
    {
        "command",
        "entrypoints",
        "envs",
        "healthcheck",
        "hostname",
        "init",
        "ipcMode",
        "labels",
        "logDriver",
        "platform",
        "ports.external",
        "runtime",
        "securityOpts",
        "shmSize",
        "stopSignal",
        "stopTimeout",
        "user",
        "workingDir",
    }
)
"""Inputs that the image or Docker fill in if the program does not give them."""

IN_PLACE = frozenset(
    {
        "containerReadRefreshTimeoutMilliseconds",
        "destroyGraceSeconds",
        "mustRun",
        "removeVolumes",
        "restart",
        "start",
        "waitTimeout",
    }
)
"""Inputs whose change is an update; all others that are used replace the container. Only `restart` and `mustRun` do
something to the running one; the others are recorded."""
