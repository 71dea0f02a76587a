"""How the inputs of a container are compared (terraform-provider-docker 4.5, resource docker_container)."""

SETS = frozenset(
    {
        "capabilities.adds",
        "capabilities.drops",
        "devices",
        "dns",
        "dnsOpts",
        "dnsSearches",
        "envs",
        "groupAdds",
        "hosts",
        "labels",
        "mounts",
        "mounts.volumeOptions.labels",
        "networksAdvanced",
        "networksAdvanced.aliases",
        "networksAdvanced.driverOpts",
        "networksAdvanced.linkLocalIps",
        "securityOpts",
        "ulimits",
        "uploads",
        "volumes",
    }
)
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

LIMITS = frozenset({"cpuSet", "cpuShares", "maxRetryCount", "memory", "memoryReservation", "memorySwap", "restart"})
"""What an update changes on the running container."""

IN_PLACE = LIMITS | {
    "attach",
    "containerReadRefreshTimeoutMilliseconds",
    "cpuPeriod",
    "cpuQuota",
    "destroyGraceSeconds",
    "deviceReadBps",
    "deviceReadIops",
    "deviceWriteBps",
    "deviceWriteIops",
    "healthcheck",
    "init",
    "logs",
    "mustRun",
    "removeVolumes",
    "rm",
    "start",
    "tmpfs",
    "wait",
    "waitTimeout",
}
"""Inputs whose change is an update; all others replace the container. Those beside `LIMITS` and `mustRun` are only
recorded: the running container does not get them before its next replacement."""
