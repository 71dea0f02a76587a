"""The VPS's init: boots the system as systemd would on a Hetzner server, serves `systemctl`, stops it again.

Boot: the hypervisor plugs in network and volumes, then tmpfs and fstab mounts, trust, host firewall, cloud-init's first
two stages, ssh, the other enabled services, timers, and cloud-init's last two stages. Ends with status 0 for power-off
and `REBOOT` for a restart, which the hypervisor then does.
"""

import http.client
import json
import logging
import os
import re
import signal
import socketserver
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

from offline.sandbox.vps import enabled
from offline.sandbox.vps.control import SOCKET, Answer
from offline.sandbox.vps.supervisor import LOGS, Supervisor, UnitError
from offline.sandbox.vps.timers import Moment
from offline.sandbox.vps.units import UNITS, Unit, find
from offline.sandbox.vps.written import JobError, NotLoadedError, WrittenUnits
from offline.sandbox.world import AUTHORITY, RESOLVER

PLUGGED = Path("/run/plugged")  # written by the hypervisor when network and volumes are there
BOOT_DELAY = Path("/run/boot-delay")  # seconds by which a test wants the system to come up late
FIRST_BOOT_DONE = Path("/etc/machine-id")
STAMPS = Path("/var/lib/systemd/timers")  # kept over reboots; systemd.timer(5), "Persistent="
REBOOT = 64

TRUSTED = Path("/usr/local/share/ca-certificates")  # update-ca-certificates(8): a file for each
CERTIFICATE = r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n"
FETCH_SECONDS = 20  # by each family of addresses: who is busy answers late

log = logging.getLogger("init")


class Init:
    def __init__(self) -> None:
        self.services = Supervisor()
        self.written = WrittenUnits(_clocks(time.monotonic()), LOGS, STAMPS)
        self._exit_status = 0
        self._halting = threading.Lock()
        self._halted = threading.Event()

    def run(self) -> int:
        """Boot and serve until told to stop; the return value is the container's exit status."""
        signal.signal(signal.SIGTERM, self._signalled)
        signal.signal(signal.SIGINT, self._signalled)
        server = socketserver.ThreadingUnixStreamServer(SOCKET, _handler(self))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        threading.Thread(target=self.written.run_timers, daemon=True).start()
        threading.Thread(target=self._boot, daemon=True).start()
        self._halted.wait()
        return self._exit_status

    def halt(self, status: int) -> None:
        """Stop the services, write out and unmount the volumes, then let `run` return."""
        if not self._halting.acquire(blocking=False):
            return
        self.written.stop_all()
        self.services.stop_all()
        subprocess.run(("umount", "--all", "--types", "ext4"), capture_output=True, check=False)
        os.sync()
        self._exit_status = status
        self._halted.set()

    def _signalled(self, number: int, _frame: FrameType | None) -> None:
        status = 0 if number == signal.SIGTERM else REBOOT
        threading.Thread(target=self.halt, args=(status,), daemon=True).start()

    def _boot(self) -> None:
        while not PLUGGED.exists():
            time.sleep(0.02)
        if BOOT_DELAY.exists():
            time.sleep(float(BOOT_DELAY.read_text()))
        _prepare_system()
        if not FIRST_BOOT_DONE.exists():
            _first_boot()
        _call("mount", "--all")
        _trust_authorities()
        if enabled.is_enabled(UNITS["nftables"].file):
            self._start("nftables")
        docker = threading.Thread(target=self._start, args=("docker",), daemon=True)
        if enabled.is_enabled(UNITS["docker"].file):
            docker.start()
        _call("cloud-init", "init", "--local")
        _call("cloud-init", "init")
        for name, unit in UNITS.items():
            if name not in ("nftables", "docker") and enabled.is_enabled(unit.file):
                self._start(name)
        threading.Thread(target=self._boot_written, args=(docker,), daemon=True).start()
        _call("cloud-init", "modules", "--mode=config")
        _call("cloud-init", "modules", "--mode=final")

    def _start(self, name: str) -> None:
        try:
            self.services.start(UNITS[name])
        except UnitError as error:
            log.error("%s", error)

    def _boot_written(self, docker: threading.Thread) -> None:
        if docker.ident is not None:
            docker.join()
        self.written.boot(enabled.written())

    def serve(self, verb: str, name: str, *, wait: bool = True) -> Answer:
        """Do what `systemctl` asks for; the answer's text is what it prints."""
        if verb in ("poweroff", "reboot"):
            threading.Thread(target=self.halt, args=(REBOOT if verb == "reboot" else 0,), daemon=True).start()
            return Answer(0)
        if verb == "daemon-reload":
            self.written.reload()
            return Answer(0)
        unit = find(name)
        try:
            if verb == "show":
                return Answer(0, json.dumps(self._properties(unit, name)))
            return self._change(verb, unit, name, wait=wait) if unit else self._change_written(verb, name, wait=wait)
        except NotLoadedError as error:
            return Answer(5, f"Failed to {verb} {name}: {error}")
        except JobError as error:
            return Answer(1, str(error))

    def _properties(self, unit: Unit | None, name: str) -> Mapping[str, str]:
        if unit is None:
            return self.written.properties(name)
        active, sub = ("active", "running") if self.services.is_active(unit) else ("inactive", "dead")
        return {"ActiveState": active, "SubState": sub, "Result": "success", "ExecMainStatus": "0"}

    def _change_written(self, verb: str, name: str, *, wait: bool) -> Answer:
        if verb == "reload":
            return Answer(3, f"Failed to reload {name}: Job type reload is not applicable for unit {name}.")
        if verb in ("stop", "restart"):
            self.written.stop(name)
        if verb in ("start", "restart"):
            self.written.start(name, wait=wait)
        return Answer(0)

    def _change(self, verb: str, unit: Unit, name: str, *, wait: bool) -> Answer:
        if not wait:
            threading.Thread(target=self._try, args=(verb, unit, name), daemon=True).start()
            return Answer(0)
        actions = {
            "start": self.services.start,
            "stop": self.services.stop,
            "restart": self.services.restart,
            "reload": self.services.reload,
        }
        try:
            actions[verb](unit)
        except UnitError as error:
            raise JobError(f"Job for {name} failed: {error}") from error
        return Answer(0)

    def _try(self, verb: str, unit: Unit, name: str) -> None:
        try:
            self._change(verb, unit, name, wait=True)
        except JobError as error:
            log.error("%s", error)


def _handler(init: Init) -> type[socketserver.BaseRequestHandler]:
    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            request = json.loads(self.rfile.readline())
            answer = init.serve(request["verb"], request["unit"], wait=request["wait"])
            self.wfile.write(json.dumps(vars(answer)).encode() + b"\n")

    return Handler


def _clocks(boot: float) -> Callable[[], Moment]:
    return lambda: Moment(time.monotonic() - boot, datetime.now(UTC))


def _prepare_system() -> None:
    # Docker mounts these three over the disk's own; a server has plain files, which programs may replace.
    for name in ("hosts", "hostname", "resolv.conf"):
        subprocess.run(("umount", f"/etc/{name}"), capture_output=True, check=False)
    Path("/etc/resolv.conf").write_text(f"nameserver {RESOLVER.ipv4}\n")
    # /proc/sys is read-only in a container; the network's part is the machine's own and may be written.
    _call("mount", "--bind", "/proc/sys/net", "/proc/sys/net")
    _call("mount", "-o", "remount,bind,rw", "/proc/sys/net")
    Path("/run/sshd").mkdir(exist_ok=True)
    Path("/run/lock").mkdir(exist_ok=True)


def _first_boot() -> None:
    FIRST_BOOT_DONE.write_text(os.urandom(16).hex() + "\n")
    Path("/etc/hosts").write_text("127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n")
    Path("/etc/hostname").write_text(os.uname().nodename + "\n")


def _trust_authorities() -> None:
    """Trust the sandbox's certificate authorities as a real server does the web's. Without them the boot goes on."""
    try:
        pem = _authorities()
    except (OSError, http.client.HTTPException) as error:
        log.error("the certificate authorities can't be had: %s", error)
        return
    found = {f"sandbox-{number}.crt": text for number, text in enumerate(re.findall(CERTIFICATE, pem, re.DOTALL))}
    known = {file.name: file.read_text() for file in TRUSTED.glob("sandbox-*.crt")}
    if found == known:
        return
    for name in known:
        (TRUSTED / name).unlink()
    for name, text in found.items():
        (TRUSTED / name).write_text(text)
    _call("update-ca-certificates")


def _authorities() -> str:
    """What the authorities say that is to be trusted; raises OSError, HTTPException."""
    try:
        return _get(AUTHORITY.ipv4, "/_sandbox/authorities")
    except OSError:  # a server may have IPv6 alone
        return _get(AUTHORITY.ipv6, "/_sandbox/authorities")


def _get(address: str, path: str) -> str:
    connection = http.client.HTTPConnection(address, 80, timeout=FETCH_SECONDS)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        if answer.status != http.HTTPStatus.OK:
            raise OSError(f"{address} answers {answer.status}")
        return answer.read().decode()
    finally:
        connection.close()


def _call(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        log.error("%s ended with %d: %s", " ".join(command), done.returncode, done.stderr.strip())


def main() -> int:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    os.environ.setdefault("DOCKER_ALLOW_IPV6_ON_IPV4_INTERFACE", "1")
    return Init().run()
