"""What all kinds of resources share: list, get, their actions, and the look-ups with their errors."""

from collections.abc import Callable, Iterable, Mapping, MutableMapping
from typing import Any, ClassVar, Generic, TypeVar

from aiohttp import web

from offline.sandbox.datacentre.actions import Action
from offline.sandbox.datacentre.cloud import Cloud
from offline.sandbox.datacentre.errors import ApiError, invalid_input, not_found, not_unique
from offline.sandbox.datacentre.form import Form
from offline.sandbox.datacentre.labels import parse_selector
from offline.sandbox.datacentre.model import Protectable, Resource, Server

T = TypeVar("T", bound=Resource)

MAX_PER_PAGE = 50
MAX_NAME_LENGTH = 128


async def read_form(request: web.Request) -> Form:
    """The request's JSON body; actions without parameters may come without one."""
    if not await request.read():
        return Form({})
    try:
        return Form(await request.json())
    except ValueError as error:
        raise ApiError(400, "json_error", "request body is not valid JSON") from error


def page_answer(request: web.Request, key: str, entries: list[dict[str, Any]]) -> web.Response:
    """One page of a list with the pagination object and header (https://docs.hetzner.cloud, "Pagination")."""
    page = _query_number(request, "page", 1)
    per_page = min(_query_number(request, "per_page", 25), MAX_PER_PAGE)
    last = max(1, -(-len(entries) // per_page))
    pages = {
        "prev": page - 1 if page > 1 else None,
        "next": page + 1 if page < last else None,
        "last": last,
    }
    links = [
        f'<{request.url.update_query(page=number, per_page=per_page)}>; rel="{relation}"'
        for relation, number in pages.items()
        if number is not None
    ]
    pagination = {
        "page": page,
        "per_page": per_page,
        "previous_page": pages["prev"],
        "next_page": pages["next"],
        "last_page": last,
        "total_entries": len(entries),
    }
    shown = entries[(page - 1) * per_page : page * per_page]
    return web.json_response({key: shown, "meta": {"pagination": pagination}}, headers={"Link": ", ".join(links)})


def _query_number(request: web.Request, name: str, default: int) -> int:
    text = request.query.get(name)
    if text is None:
        return default
    if not text.isdecimal() or int(text) < 1:
        raise invalid_input({name: "must be a positive integer"})
    return int(text)


def sorted_by_query(request: web.Request, entries: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Apply the `sort` parameters, such as `name:desc`; by id otherwise."""
    result = sorted(entries, key=lambda entry: entry["id"])
    for order in reversed(request.query.getall("sort", [])):
        field, _, direction = order.partition(":")
        if direction not in ("", "asc", "desc") or any(field not in entry for entry in result):
            raise invalid_input({"sort": f"'{order}' is not supported"})
        result.sort(key=lambda entry: entry[field], reverse=direction == "desc")
    return result


def with_query_values(
    request: web.Request, names: Iterable[str], entries: Iterable[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Keep the entries whose fields have one of the values the query gives for them."""
    wanted = {name: set(request.query.getall(name)) for name in names if request.query.get(name)}
    return [entry for entry in entries if all(str(entry[name]) in values for name, values in wanted.items())]


class ResourceHandler(Generic[T]):
    """Routes of one kind of resource; subclasses add create, delete and the actions that change it."""

    kind: ClassVar[str]
    filters: ClassVar[tuple[str, ...]] = ("name",)

    def __init__(self, cloud: Cloud, table: MutableMapping[int, T]) -> None:
        self.cloud = cloud
        self.table = table

    @property
    def collection(self) -> str:
        return f"{self.kind}s"

    @property
    def path(self) -> str:
        return f"/v1/{self.collection}"

    def json(self, entry: T) -> dict[str, Any]:
        raise NotImplementedError

    def routes(self) -> list[web.RouteDef]:
        path = self.path
        return [
            web.get(path, self.list_all),
            web.post(path, self.create),
            web.get(path + r"/{id:\d+}", self.get),
            web.put(path + r"/{id:\d+}", self.update),
            web.delete(path + r"/{id:\d+}", self.delete),
            web.get(path + r"/{id:\d+}/actions", self.list_actions),
        ] + [
            web.post(path + r"/{id:\d+}/actions/" + command, self._acting(method))
            for command, method in self.commands().items()
        ]

    def commands(self) -> Mapping[str, Callable[[T, Form], list[Action] | Action]]:
        """The action endpoints: a handler per command, which validates, changes the books and starts actions."""
        return {}

    def _acting(self, method: Callable[[T, Form], list[Action] | Action]) -> Any:
        async def act(request: web.Request) -> web.Response:
            outcome = method(self.find(request), await read_form(request))
            if isinstance(outcome, list):
                return web.json_response({"actions": [action.json() for action in outcome]}, status=201)
            return web.json_response({"action": outcome.json()}, status=201)

        return act

    def find(self, request: web.Request) -> T:
        number = request.match_info["id"]
        entry = self.table.get(int(number))
        if entry is None:
            raise not_found(self.kind, number)
        return entry

    def listed(self, _request: web.Request) -> list[T]:
        """All entries at the request's path."""
        return [*self.table.values()]

    def selected(self, request: web.Request) -> list[dict[str, Any]]:
        """The entries that the query asks for, in its order."""
        entries = self.listed(request)
        selector = request.query.get("label_selector")
        if selector:
            try:
                matches = parse_selector(selector)
            except ValueError as error:
                raise invalid_input({"label_selector": str(error)}) from error
            entries = [entry for entry in entries if matches(entry.labels)]
        shown = with_query_values(request, self.filters, (self.json(entry) for entry in entries))
        return sorted_by_query(request, shown)

    async def list_all(self, request: web.Request) -> web.Response:
        return page_answer(request, self.collection, self.selected(request))

    async def get(self, request: web.Request) -> web.Response:
        return web.json_response({self.kind: self.json(self.find(request))})

    async def create(self, request: web.Request) -> web.Response:
        raise NotImplementedError

    async def update(self, request: web.Request) -> web.Response:
        """Change name and labels, which all kinds have; `apply_update` takes what is special to one."""
        entry = self.find(request)
        form = await read_form(request)
        name = self.name(form, entry) if form.has("name") else entry.name
        labels = form.labels()
        self.apply_update(entry, form)
        entry.name = name
        if labels is not None:
            entry.labels = labels
        await self.updated()
        return web.json_response({self.kind: self.json(entry)})

    def apply_update(self, _entry: T, form: Form) -> None:
        form.check()

    async def updated(self) -> None:
        """Called after a change of name or labels."""

    async def delete(self, request: web.Request) -> web.Response:
        raise NotImplementedError

    def name(self, form: Form, entry: T | None = None) -> str:
        """The name in the form; raises when it is missing or taken by another of this kind."""
        name = form.required_text("name", maximum=MAX_NAME_LENGTH)
        form.check()
        if any(other.name == name and other is not entry for other in self.table.values()):
            raise not_unique(self.kind, "name")
        return name

    async def list_actions(self, request: web.Request) -> web.Response:
        actions = self.cloud.actions.of(self.kind, self.find(request).id)
        shown = with_query_values(request, ("id", "status"), (action.json() for action in actions))
        return page_answer(request, "actions", sorted_by_query(request, shown))


def start_protection(cloud: Cloud, kind: str, entry: Protectable, form: Form) -> Action:
    """The change_protection action of a resource that has delete protection only."""
    delete = form.flag("delete", entry.delete_protection)
    form.check()

    async def work() -> None:
        entry.delete_protection = delete

    return cloud.actions.start("change_protection", [(kind, entry.id)], work)


def find_server(cloud: Cloud, number: int) -> Server:
    server = cloud.project.server.get(number)
    if server is None:
        raise not_found("server", number)
    return server
