"""`cloudflare:index/workersScript:WorkersScript`, of one module whose text the program gives."""

import json
from collections.abc import Iterator
from email import message_from_bytes
from email.message import Message

from offline.toolchain.plugins.cloudflare.api import Api, Files, Json
from offline.toolchain.plugins.cloudflare.convert import from_json, to_json
from offline.toolchain.plugins.cloudflare.schemas import WORKERS_SCRIPT as SCHEMA
from offline.toolchain.plugins.common.resource import Operation, ProviderError, ResourceType, Values

MODULE = "application/javascript+module"
METADATA = ("mainModule", "compatibilityDate", "compatibilityFlags", "logpush", "usageModel")
"""Inputs that are sent beside the module."""
PROGRAM = frozenset({"accountId", "scriptName", "content", *METADATA})
"""All inputs that the stand-in has."""
OPTIONAL = frozenset({"annotations", "bindings", "compatibilityFlags", "placement", "tailConsumers"})
"""Inputs that the API fills in where the program gives none."""
COMPUTED = frozenset(
    {"etag", "handlers", "hasAssets", "hasModules", "lastDeployedFrom", "migrationTag", "modifiedOn", "namedHandlers"}
    | {"placementMode", "placementStatus", "startupTimeMs"}
)
"""Outputs that each upload may change."""


class WorkersScripts:
    def create(self, api: Api, operation: Operation) -> tuple[str, Values]:
        inputs = operation.inputs
        return inputs["scriptName"], _upload(api, inputs)

    def read(self, api: Api, operation: Operation) -> tuple[str, Values] | None:
        account, _, name = operation.id.rpartition("/")
        account = account or operation.state.get("accountId", "")
        if not account:
            raise ProviderError(f"invalid ID: expected <account_id>/<script_name>, got {operation.id}")
        service = api.find(f"/accounts/{account}/workers/services/{name}")
        if service is None:
            return None
        settings = api.request("GET", f"{_scripts(account)}/{name}/settings")["result"]
        found = {**service["default_environment"]["script"], **settings}
        module, *_ = _modules(api.answer("GET", f"{_scripts(account)}/{name}/content/v2"))
        state = {
            **operation.state,
            **{key: value for key, value in _told(found).items() if value not in (None, "", [], {})},
            "content": _text(module),
            # The API does not tell it otherwise.
            "mainModule": operation.state.get("mainModule", module.get_filename()),
        }
        return name, {**state, "accountId": account, "scriptName": name}

    def update(self, api: Api, operation: Operation) -> Values:
        return _upload(api, operation.inputs)

    def delete(self, api: Api, operation: Operation) -> None:
        """Raises ApiError for a script that is gone already, as the real plugin: a refresh tells it so."""
        api.request("DELETE", f"{_scripts(operation.state['accountId'])}/{operation.state['scriptName']}")


def _scripts(account: str) -> str:
    return f"/accounts/{account}/workers/scripts"


def _upload(api: Api, inputs: Values) -> Values:
    """Send the script; all that the API tells of it, and what the program gave."""
    metadata = to_json({name: inputs.get(name) for name in METADATA if inputs.get(name) != ""})
    main = inputs["mainModule"]
    files: Files = [
        (main, (main, inputs["content"].encode(), MODULE)),
        ("metadata", (None, json.dumps(metadata).encode(), "application/json")),
    ]
    script = api.request("PUT", f"{_scripts(inputs['accountId'])}/{inputs['scriptName']}", files=files)["result"]
    return {**_told(script), **{name: inputs.get(name) for name in PROGRAM if name in inputs}}


def _told(script: Json) -> Values:
    """What the API tells of a script, but for what it names otherwise."""
    return {name: value for name, value in from_json(SCHEMA.outputs, script).items() if value is not None}


def _modules(answer: tuple[str, bytes]) -> list[Message]:
    """The parts of a form."""
    kind, body = answer
    parts = message_from_bytes(f"Content-Type: {kind}\r\n\r\n".encode() + body).get_payload()
    return [part for part in parts if isinstance(part, Message)] if isinstance(parts, list) else []


def _text(module: Message) -> str:
    payload = module.get_payload(decode=True)
    return payload.decode() if isinstance(payload, bytes) else ""


def _check(inputs: Values) -> Iterator[tuple[str, str]]:
    for name in ("content", "mainModule"):
        if not inputs.get(name):
            yield name, f"{name} is needed: this offline stand-in has scripts of one module, whose text is given, only"


WORKERS_SCRIPT = ResourceType(
    token="cloudflare:index/workersScript:WorkersScript",  # noqa: S106  (a type token)
    schema=SCHEMA,
    operations=WorkersScripts(),
    records_defaults=False,
    empty_is_absent=False,
    names_changes=False,
    plan_defaults={"compatibilityDate": "", "logpush": False, "usageModel": "standard"},
    replace_on=frozenset({"accountId", "scriptName"}),
    computed=OPTIONAL,
    sets=frozenset({"compatibilityFlags"}),
    unknown_on_update=COMPUTED | OPTIONAL,
    refused=frozenset(SCHEMA.inputs) - PROGRAM,
    check=_check,
)
