"""The generic engine of the stand-in plugins, with a toy provider."""

import subprocess
import sys
from collections.abc import Iterable
from typing import Any

import pulumi_hcloud
import pytest
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.runtime import rpc
from pulumi.runtime.proto.provider_pb2 import CheckRequest, ReadRequest

from offline.toolchain.plugins.common.diff import diff
from offline.toolchain.plugins.common.inputs import inputs_of_state
from offline.toolchain.plugins.common.provider import TableProvider
from offline.toolchain.plugins.common.resource import Operation, ProviderError, ResourceType, Values
from offline.toolchain.plugins.common.schema import Property, Schema, arguments, function_schema, resource_schema
from offline.toolchain.plugins.common.server import Servicer
from offline.toolchain.plugins.common.values import UNKNOWN, from_plain, plain_map, secret_names
from tests.support.plugin_engine import Engine, Refused, secret, struct

URN = "urn:pulumi:dev::poste-mail::poste-mail:index:Parent$toy:index/box:Box::crate"
TEXT, NUMBER, FLAG = Property("string"), Property("number", integer=True), Property("bool")
RULE = Property("object", fields={"port": Property("number", required=True), "open": FLAG})
INPUTS = {
    "name": TEXT,
    "size": Property("number", required=True),
    "secretKey": TEXT,
    "place": TEXT,
    "proxied": FLAG,
    "tags": Property("list", element=TEXT),
    "rules": Property("list", element=RULE),
    "labels": Property("map", element=TEXT),
}
OUTPUTS = {**INPUTS, "address": TEXT}


class Boxes:
    """Boxes in a dictionary; those of size 12 and 13 get stuck half made, one of size 14 is not made at all."""

    def __init__(self) -> None:
        self.made: dict[str, Values] = {}

    def create(self, _client: object, operation: Operation) -> tuple[str, Values]:
        if operation.inputs["size"] == 14:
            raise ProviderError("no room (resource_limit_exceeded)")
        self.made["1"] = {**operation.inputs, "address": "192.168.0.1"}
        operation.exists("1", {"proxied": False})
        if operation.inputs["size"] == 13:
            raise ProviderError("stuck")
        if operation.inputs["size"] == 12:
            raise KeyError("surprise")
        return "1", self.made["1"]

    def read(self, _client: object, operation: Operation) -> tuple[str, Values] | None:
        found = self.made.get(operation.id)
        return (operation.id, found) if found else None

    def update(self, _client: object, operation: Operation) -> Values:
        self.made["1"] = {**operation.state, **operation.inputs}
        return self.made["1"]

    def delete(self, _client: object, operation: Operation) -> None:
        del self.made[operation.id]


def box(boxes: Boxes | None = None, **rules: Any) -> ResourceType:
    defaults: dict[str, Any] = {
        "autoname": "name",
        "input_defaults": {"rules.open": True},
        "plan_defaults": {"proxied": False},
        "replace_on": frozenset({"size"}),
        "computed": frozenset({"place"}),
        "sets": frozenset({"tags", "rules"}),
        "canonical": {"place": lambda place: str(place).lower()},
    }
    token = "toy:index/box:Box"
    return ResourceType(token, Schema(INPUTS, OUTPUTS), boxes or Boxes(), **{**defaults, **rules})


class Toy(TableProvider):
    name = "toy"
    settings = {"token": TEXT}  # noqa: RUF012
    environment = {"token": "TOY_TOKEN"}  # noqa: RUF012
    secret_settings = frozenset({"token"})
    bridged = True

    def __init__(self, kind: ResourceType) -> None:
        self.resources = (kind,)
        super().__init__()

    def connect(self, settings: Values) -> object:
        if "token" not in settings:
            raise ProviderError("Missing token")
        return object()

    def check_settings(self, settings: Values) -> list[tuple[str, str]]:
        return [("token", "too short")] if len(settings.get("token", "long enough")) < 3 else []


@pytest.fixture
def boxes() -> Boxes:
    return Boxes()


@pytest.fixture
def engine(boxes: Boxes) -> Engine:
    return Engine(Servicer([], "1.0.0", Toy(box(boxes)), engine_address=""))


def change(state: Values, inputs: Values, ignored: Iterable[str] = (), **rules: Any) -> dict[str, str]:
    """Path to kind of change."""
    return {
        path: found.kind.name for path, found in diff(box(**rules), state, inputs, list(ignored)).detailed_diff.items()
    }


# --- schemas


def test_inputs_and_outputs_carry_the_names_types_and_requirements_of_the_sdk() -> None:
    schema = resource_schema(pulumi_hcloud.ServerArgs, pulumi_hcloud.Server)
    assert schema.inputs["serverType"] == Property("string", required=True)
    assert schema.inputs["publicNets"].element is not None
    assert schema.inputs["publicNets"].element.fields["ipv4Enabled"] == FLAG
    assert schema.inputs["labels"].element == Property("string", required=True)
    assert schema.outputs.keys() - schema.inputs.keys() >= {"ipv4Address", "ipv6Network", "status"}


def test_required_properties_of_nested_objects_are_required() -> None:
    rules = arguments(pulumi_hcloud.FirewallArgs)["rules"].element
    assert rules is not None
    assert {name for name, prop in rules.fields.items() if prop.required} == {"direction", "protocol"}


def test_a_functions_parameters_are_named_as_the_engine_sends_them() -> None:
    schema = function_schema(pulumi_hcloud.get_image, pulumi_hcloud.GetImageResult)
    assert {"id", "mostRecent", "withArchitecture"} <= schema.inputs.keys()
    assert "osFlavor" in schema.outputs


# --- values


def test_values_survive_the_way_through_the_engines_form() -> None:
    values = {"a": "text", "n": 3, "f": 2.5, "b": True, "l": [1, {"x": None}], "u": UNKNOWN}
    assert plain_map(from_plain(values)) == values


def test_a_secret_anywhere_inside_makes_the_property_secret() -> None:
    nested = PropertyValue({"inner": PropertyValue("x", is_secret=True)})
    assert secret_names({"a": nested, "b": PropertyValue("y")}) == {"a"}


# --- check


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"size": 1, "colour": "red"}, "Invalid or unknown key. Examine values at 'crate.colour'."),
        (
            {},
            (
                'Missing required argument. The argument "size" is required, but no definition was found. '
                "Examine values at 'crate.size'."
            ),
        ),
        (
            {"size": 1, "rules": [{"open": True}]},
            (
                'Missing required argument. The argument "port" is required, but no definition was found. '
                "Examine values at 'crate.rules[0].port'."
            ),
        ),
        ({"size": "big"}, "expected number type, got \"big\" of type string. Examine values at 'crate.size'."),
        ({"size": 1, "tags": "a"}, "expected array type, got \"a\" of type string. Examine values at 'crate.tags'."),
        (
            {"size": 1, "proxied": secret("hunter2")},
            "expected boolean type, got secret(<redacted>) of type string. Examine values at 'crate.proxied'.",
        ),
    ],
)
def test_wrong_inputs_are_refused_in_the_words_of_the_bridge(
    engine: Engine, inputs: dict[str, Any], message: str
) -> None:
    assert engine.check(URN, inputs)[1] == [message]


def test_numbers_and_booleans_may_be_texts_and_the_other_way_round(engine: Engine) -> None:
    checked = engine.checked(URN, {"size": "7", "place": 12, "proxied": "true"})
    assert (checked["size"], checked["place"], checked["proxied"]) == (7, "12", True)


def test_defaults_are_filled_in_and_recorded_in_every_object(engine: Engine) -> None:
    checked = engine.checked(URN, {"size": 1, "labels": {"a": "b"}, "rules": [{"port": 25}]})
    assert checked["rules"] == [{"port": 25, "open": True, "__defaults": ["open"]}]
    assert checked["__defaults"] == ["name"]
    assert checked["labels"] == {"a": "b"}


def test_a_generated_name_ends_in_seven_hexadecimal_digits_and_is_kept(engine: Engine) -> None:
    first = engine.checked(URN, {"size": 1})
    name = first["name"]
    assert len(name) == len("crate-") + 7
    int(name.removeprefix("crate-"), 16)
    again = CheckRequest(urn=URN, olds=struct(first), news=struct({"size": 1}), randomSeed=b"another")
    assert engine._call("Check", again).inputs["name"] == name
    other = CheckRequest(urn=URN, news=struct({"size": 1}), randomSeed=b"another")
    assert engine._call("Check", other).inputs["name"] != name


def test_secret_inputs_come_back_secret_from_a_check(engine: Engine) -> None:
    assert engine.checked(URN, {"size": 1, "secretKey": secret("k")})["secretKey"] == secret("k")


def test_values_that_are_not_known_yet_pass_the_check(engine: Engine) -> None:
    assert engine.checked(URN, {"size": rpc.UNKNOWN})["size"] == rpc.UNKNOWN


# --- differences


def test_equal_inputs_make_no_difference() -> None:
    assert change({"size": 1, "name": "a"}, {"size": 1, "name": "a"}) == {}


def test_empty_and_absent_are_the_same() -> None:
    assert change({"size": 1, "tags": [], "name": ""}, {"size": 1}) == {}


def test_empty_and_absent_are_not_the_same_where_the_table_says_so() -> None:
    state = {"size": 1, "name": "", "proxied": False}
    assert change(state, {"size": 1}, empty_is_absent=False) == {"name": "DELETE"}


def test_a_changed_input_is_an_update_unless_the_table_says_replace() -> None:
    assert change({"name": "a", "size": 1}, {"name": "b", "size": 2}) == {"name": "UPDATE", "size": "UPDATE_REPLACE"}


def test_an_unknown_value_of_a_replacing_input_replaces() -> None:
    assert change({"size": 1}, {"size": UNKNOWN}) == {"size": "UPDATE_REPLACE"}


def test_absent_inputs_that_the_provider_computes_keep_their_value() -> None:
    assert change({"size": 1, "place": "fsn1"}, {"size": 1}) == {}
    assert change({"size": 1, "labels": {"a": "b"}}, {"size": 1}) == {"labels": "DELETE"}


def test_absent_inputs_with_a_default_go_back_to_it() -> None:
    assert change({"size": 1, "proxied": True}, {"size": 1}) == {"proxied": "UPDATE"}


def test_the_order_of_a_set_means_nothing() -> None:
    assert change({"size": 1, "tags": ["a", "b"]}, {"size": 1, "tags": ["b", "a"]}) == {}
    assert change({"size": 1, "tags": ["a", "b"]}, {"size": 1, "tags": ["c", "a"]}) == {
        "tags[0]": "ADD",
        "tags[1]": "DELETE",
    }


def test_values_are_compared_in_their_canonical_form() -> None:
    assert change({"size": 1, "place": "FSN1"}, {"size": 1, "place": "fsn1"}) == {}


def test_nested_changes_are_shown_at_their_place() -> None:
    state = {"size": 1, "labels": {"a": "1", "b": "2"}}
    assert change(state, {"size": 1, "labels": {"a": "9", "c": "3"}}) == {
        "labels.a": "UPDATE",
        "labels.b": "DELETE",
        "labels.c": "ADD",
    }


def test_ignored_inputs_do_not_count() -> None:
    assert change({"size": 1, "labels": {"a": "1"}}, {"size": 1, "labels": {"a": "2"}}, ["labels"]) == {}


def test_an_input_of_which_the_state_has_a_digest_is_compared_by_that() -> None:
    rules: dict[str, Any] = {"hashed": {"secretKey": lambda text: f"#{text}"}}
    assert change({"size": 1, "secretKey": "#x"}, {"size": 1, "secretKey": "x"}, **rules) == {}
    assert change({"size": 1, "secretKey": "#x"}, {"size": 1, "secretKey": "y"}, **rules) == {"secretKey": "UPDATE"}


@pytest.mark.parametrize(("generated", "delete_first"), [(["name"], False), ([], True)])
def test_a_replacement_deletes_first_if_the_program_gave_the_name(generated: list[str], delete_first: bool) -> None:
    inputs = {"size": 2, "name": "a", "__defaults": generated}
    assert (
        diff(box(delete_first="if named"), {"size": 1, "name": "a"}, inputs, []).delete_before_replace is delete_first
    )


# --- inputs found by refresh and import


def test_a_refresh_takes_up_what_changed_of_the_inputs_that_were_there() -> None:
    old = {"size": 1, "place": "FSN1", "__defaults": []}
    state = {"size": 2, "place": "fsn1", "labels": {"a": "b"}}
    assert inputs_of_state(box(), old, state) == {"size": 2, "place": "FSN1", "__defaults": []}


def test_an_import_takes_required_inputs_and_all_that_differ_from_their_defaults() -> None:
    state = {"size": 0, "proxied": False, "tags": [], "name": "a", "address": "x", "rules": [{"port": 1, "open": True}]}
    assert inputs_of_state(box(), {}, state) == {"size": 0, "name": "a", "rules": [{"port": 1}], "__defaults": []}


# --- operations


def test_a_created_resource_has_its_id_and_defaults_among_its_outputs(engine: Engine) -> None:
    id_, outputs = engine.create(URN, {"size": 1, "name": "a"})
    assert (id_, outputs["id"], outputs["proxied"], outputs["address"]) == ("1", "1", False, "192.168.0.1")
    assert "__defaults" not in outputs


def test_a_preview_creates_nothing_and_leaves_computed_outputs_unknown(engine: Engine, boxes: Boxes) -> None:
    id_, outputs = engine.create(URN, {"size": 1, "name": "a"}, preview=True)
    assert (id_, outputs["address"], outputs["place"], outputs["size"]) == ("", rpc.UNKNOWN, rpc.UNKNOWN, 1)
    assert boxes.made == {}


def test_an_output_named_like_a_secret_input_is_secret(engine: Engine) -> None:
    assert engine.create(URN, {"size": 1, "secretKey": secret("k")})[1]["secretKey"] == secret("k")


def test_errors_name_the_resource_and_show_no_traceback(engine: Engine) -> None:
    with pytest.raises(Refused) as caught:
        engine.create(URN, {"size": 14})
    assert str(caught.value) == "crate: no room (resource_limit_exceeded)"
    assert caught.value.made is None


def test_a_half_made_resource_is_recorded_with_what_is_known_of_it(engine: Engine) -> None:
    with pytest.raises(Refused) as caught:
        engine.create(URN, {"size": 13, "proxied": True, "secretKey": secret("k")})
    assert str(caught.value) == "crate: stuck"
    assert caught.value.made is not None
    id_, outputs = caught.value.made
    assert (id_, outputs["size"], outputs["proxied"]) == ("1", 13, False)
    assert outputs["secretKey"] == secret("k")


def test_a_half_made_resource_is_recorded_even_if_the_plugin_itself_is_wrong(engine: Engine) -> None:
    with pytest.raises(Refused, match="surprise") as caught:
        engine.create(URN, {"size": 12})
    assert caught.value.made is not None


def test_a_resource_that_is_gone_reads_as_nothing_at_all(engine: Engine) -> None:
    reply = engine._call("Read", ReadRequest(urn=URN, id="1", properties=struct({"size": 1})))
    assert reply.id == ""
    assert not reply.HasField("properties")


def test_a_resource_is_read_changed_and_deleted(engine: Engine, boxes: Boxes) -> None:
    id_, state = engine.create(URN, {"size": 1, "name": "a"})
    assert engine.update(URN, id_, state, {"size": 1, "name": "b"})["name"] == "b"
    assert engine.read(URN, id_, state, {})[1]["name"] == "b"
    engine.delete(URN, id_, state)
    assert boxes.made == {}


# --- settings


def test_settings_from_the_environment_fill_in_and_are_secret(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOY_TOKEN", "from outside")
    provider = "urn:pulumi:dev::poste-mail::pulumi:providers:toy::default"
    assert engine.check_config(provider, {"version": "1.0.0"}) == (
        {"token": secret("from outside"), "version": "1.0.0"},
        [],
    )


def test_wrong_settings_are_refused_with_their_place(engine: Engine) -> None:
    provider = "urn:pulumi:dev::poste-mail::pulumi:providers:toy::toy"
    assert engine.check_config(provider, {"token": "x"})[1] == [
        "could not validate provider configuration: too short. Examine values at 'toy.token'."
    ]
    assert "unknown key" in engine.check_config(provider, {"tokne": "x"})[1][0]


def test_a_provider_that_cannot_connect_says_why(engine: Engine) -> None:
    with pytest.raises(Refused, match=r"^Missing token$"):
        engine.configure({})


@pytest.mark.parametrize("plugin", ["hcloud", "cloudflare"])
def test_a_plugin_started_by_the_engine_prints_its_port(plugin: str) -> None:
    command = [sys.executable, "-m", f"offline.toolchain.plugins.{plugin}", "127.0.0.1:1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        port = process.stdout.readline()
        process.terminate()
    assert 0 < int(port) < 65536


def test_a_plugin_started_by_hand_says_how_it_is_used() -> None:
    command = [sys.executable, "-m", "offline.toolchain.plugins.hcloud"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "started by the engine" in done.stderr
