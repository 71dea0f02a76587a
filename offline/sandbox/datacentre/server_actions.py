"""Server actions (https://docs.hetzner.cloud, "Server Actions"): power, type and protection."""

from collections.abc import Callable, Mapping

from offline.sandbox.datacentre import catalogue
from offline.sandbox.datacentre.actions import Action, Work
from offline.sandbox.datacentre.errors import ApiError, conflict
from offline.sandbox.datacentre.form import Form
from offline.sandbox.datacentre.model import Server
from offline.sandbox.datacentre.servers import ServerRecords


class Servers(ServerRecords):
    def commands(self) -> Mapping[str, Callable[[Server, Form], list[Action] | Action]]:
        return {
            "poweron": self._power_on,
            "poweroff": self._power_off,
            "shutdown": self._shut_down,
            "reboot": self._reboot,
            "change_type": self._change_type,
            "change_protection": self._change_protection,
        }

    def _start(self, command: str, server: Server, work: Work) -> Action:
        return self.cloud.actions.start(command, [("server", server.id)], work)

    def _power_on(self, server: Server, _form: Form) -> Action:
        self.cloud.actions.require_unlocked(("server", server.id))
        if server.status == "running":
            return self._start("start_server", server, _nothing)
        return self.start_power_on(server)

    def _power_off(self, server: Server, _form: Form) -> Action:
        self.cloud.actions.require_unlocked(("server", server.id))

        async def work() -> None:
            await self.cloud.hypervisor.power_off(server.id)
            server.status = "off"

        return self._start("stop_server", server, work)

    def _shut_down(self, server: Server, _form: Form) -> Action:
        """The action ends when the power button is pressed; the status turns `off` when the system has stopped."""
        self.cloud.actions.require_unlocked(("server", server.id))

        async def work() -> None:
            if server.status == "running":
                server.status = "stopping"
                await self.cloud.hypervisor.shut_down(server.id)

        return self._start("shutdown_server", server, work)

    def _reboot(self, server: Server, _form: Form) -> Action:
        """The system's services stop first; that is quick enough to wait for."""
        self.cloud.actions.require_unlocked(("server", server.id))
        if server.status != "running":
            raise conflict(422, "server_not_running", "server must be running")

        async def work() -> None:
            server.status = "starting"
            await self.cloud.hypervisor.reboot(self.cloud.machine(server))
            server.status = "running"

        return self._start("reboot_server", server, work)

    def _change_type(self, server: Server, form: Form) -> Action:
        """The server has to be off, and is on when the action ends, whoever had switched it off."""
        wanted = form.id_or_name("server_type")
        upgrade_disk = form.flag("upgrade_disk", False)
        server_type = None if wanted is None else catalogue.server_type(wanted)
        if server_type is None:
            form.wrong("server_type", f"server type '{wanted}' does not exist")
        form.check()
        self.cloud.actions.require_unlocked(("server", server.id))
        if server.status != "off":
            raise conflict(422, "server_not_stopped", "server must be stopped")
        if server_type is None or server_type.architecture != server.type.architecture:
            raise ApiError(422, "invalid_server_type", "server type has a different architecture")
        if server.location.name not in server_type.locations:
            raise ApiError(422, "invalid_input", "unsupported location for server type")
        if server_type.disk < server.disk_gb:
            raise ApiError(422, "invalid_server_type", "the disk of the server type is too small")

        async def work() -> None:
            server.type = server_type
            if upgrade_disk:
                server.disk_gb = server_type.disk
            await self.switch_on(server)

        server.status = "migrating"
        return self._start("change_server_type", server, work)

    def _change_protection(self, server: Server, form: Form) -> Action:
        delete = form.flag("delete", server.delete_protection)
        rebuild = form.flag("rebuild", server.rebuild_protection)
        if delete != rebuild:
            form.wrong("delete", "delete and rebuild protection must have the same value")
        form.check()

        async def work() -> None:
            server.delete_protection, server.rebuild_protection = delete, rebuild

        return self._start("change_protection", server, work)


async def _nothing() -> None:
    """The work of an action whose end is reached already."""
