"""Up, down and status of the whole sandbox."""

import fcntl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from offline.sandbox.host import containers, deliveries, engine, images, leftovers, network, readiness
from offline.sandbox.host.parts import (
    BASE_IMAGE,
    BOXES,
    DATACENTRE,
    ENGINE_STORE,
    IMAGES,
    INTERNET,
    PARTS,
    PROVIDER,
    REGISTRY_STORE,
    RELAY,
    STATE,
    WORKERD_IMAGE,
    Part,
)
from offline.sandbox.host.shell import say, succeeds


@contextmanager
def alone() -> Iterator[None]:
    """Keep a second `up` or `down` waiting until this one is done."""
    STATE.mkdir(parents=True, exist_ok=True)
    with (STATE / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for another run of the sandbox to end")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def up() -> None:
    """Bring up whatever is not up. Interrupted anywhere, it goes on from there the next time."""
    with alone():
        engine.ensure()
        network.ensure()
        images.ensure_base()
        images.ensure_workerd()
        # Side by side, because building images is mostly waiting for packages.
        with ThreadPoolExecutor() as pool:
            for track in [pool.submit(track) for track in (_machines, _internet, _boxes, _provider)]:
                track.result()
        deliveries.keep_authorities()
        images.prune()
        say("the sandbox is up")


def _machines() -> None:
    with ThreadPoolExecutor() as pool:
        vps = pool.submit(images.ensure, "vps")
        _part(DATACENTRE)
        vps.result()
    deliveries.load_vps_image()


def _internet() -> None:
    with ThreadPoolExecutor() as pool:
        poste, relay = pool.submit(images.ensure, "poste"), pool.submit(images.ensure, "relay")
        _part(INTERNET)
        readiness.forget_answers()
        relay.result()
        _part(RELAY)  # which has its certificate from there
        poste.result()
    deliveries.push_poste_images()


def _boxes() -> None:
    _part(BOXES)


def _provider() -> None:
    _part(PROVIDER)


def _part(part: Part) -> None:
    images.ensure(part.name)
    containers.ensure(part)
    readiness.wait(part)


def down(*, purge: bool) -> None:
    """Take everything away: containers, network, volumes' devices, and the engine if `up` started it.

    Images, and the volumes with copies of them, stay, to be quick next time, unless `purge`.
    """
    with alone():
        if not engine.is_running():
            if not (purge and engine.is_installed()):
                say("no Docker engine runs: nothing to take down")
                return
            engine.ensure()  # which keeps the images; stopped again below
        leftovers.remove_servers()
        for part in PARTS:
            if containers.remove(part):
                say(f"removed {part.name}")
        if network.remove():
            say("removed the network")
        leftovers.remove_control_groups()
        if purge:
            _purge()
        else:
            say("images, and copies of them in volumes, stay for the next time ('down --purge' removes them too)")
        if engine.stop_ours():
            say("stopped dockerd")


def _purge() -> None:
    for volume in (ENGINE_STORE, REGISTRY_STORE):
        succeeds("docker", "volume", "rm", volume)
    for tag in (*(image.tag for image in reversed(IMAGES)), WORKERD_IMAGE, BASE_IMAGE):
        if succeeds("docker", "image", "rm", "--force", tag):
            say(f"removed image {tag}")


def status() -> bool:
    """Print what is up; whether all is."""
    if not engine.is_running():
        print("engine       not running")
        return False
    print(f"engine       running, Docker {engine.version()}{', started by the sandbox' if _engine_is_ours() else ''}")
    everything = True
    for part in PARTS:
        container = containers.inspect(part)
        if container is None:
            state = "absent"
        elif not container["State"]["Running"]:
            state = "stopped"
        else:
            state = "ready" if readiness.is_ready(part) else "starting"
        everything = everything and state == "ready"
        ports = "".join(f" 127.0.0.1:{port}" for port, _ in part.ports)
        print(f"{part.name:<12} {state:<9} {part.addresses.ipv4:<15} {part.addresses.ipv6}{ports}")
    for line in leftovers.servers():
        print(f"server       {line}")
    return everything


def _engine_is_ours() -> bool:
    return engine.PID_FILE.exists()
