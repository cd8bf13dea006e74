"""Operation descriptions and errors: the words that both sides and the artist share."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backlot.backend.core.operation_lookup import runner
from backlot.shared import errors
from backlot.shared.errors import BacklotError, InputError, ParameterError, UnknownOperation
from backlot.shared.jobs import Job, check_request
from backlot.shared.operations import OPERATIONS, Operation, Parameter, find

BOOL = Parameter("flag", "bool", False, "Flag", "A flag")
INT = Parameter("count", "int", 3, "Count", "A count", minimum=1, maximum=10)
FLOAT = Parameter("amount", "float", 0.5, "Amount", "An amount", minimum=0.0, maximum=1.0)
CHOICE = Parameter("way", "choice", "x", "Way", "A way", choices={"x": "One", "y": "Other"})
SIZE = Parameter("size", "size", [64, 64], "Size", "A size", minimum=32, maximum=8192)
ALL = [BOOL, INT, FLOAT, CHOICE, SIZE]


@pytest.mark.parametrize(
    ("parameter", "given_value", "expected"),
    [
        (BOOL, True, True),
        (INT, 5, 5),
        (INT, 5.0, 5),
        (FLOAT, 1, 1.0),
        (FLOAT, 0.25, 0.25),
        (CHOICE, "y", "y"),
        (SIZE, (64, 128.0), [64, 128]),
    ],
)
def test_right_values_get_their_exact_type(parameter: Parameter, given_value: Any, expected: Any) -> None:
    value = parameter.check(given_value)
    assert value == expected
    assert type(value) is type(expected)


@pytest.mark.parametrize(
    ("parameter", "wrong"),
    [
        *[(BOOL, v) for v in (0, 1, "true", None, 1.0)],
        *[(INT, v) for v in (0, 11, 2.5, True, "3", None, math.nan, math.inf, 10**400, [3])],
        *[(FLOAT, v) for v in (-0.1, 1.1, True, "0.5", None, math.nan, math.inf, -math.inf, 10**400, [0.5])],
        *[(CHOICE, v) for v in ("z", "", "X", None, 1, ["x"], True)],
        *[
            (SIZE, v)
            for v in ([64], [64, 64, 64], 64, "64", [31, 64], [64, 8193], [64.5, 64], [True, 64], [None, 64], {"a": 1}, [10**400, 64])
        ],
    ],
)
def test_wrong_values_say_what_was_expected_and_what_came(parameter: Parameter, wrong: Any) -> None:
    with pytest.raises(ParameterError) as caught:
        parameter.check(wrong)
    assert parameter.describe() in str(caught.value)
    assert parameter.name in str(caught.value)
    assert caught.value.got


@given(
    st.sampled_from(ALL),
    st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), lambda v: st.lists(v, max_size=3)),
)
def test_whatever_comes_only_a_parameter_error_escapes(parameter: Parameter, value: Any) -> None:
    try:
        kept = parameter.check(value)
    except ParameterError:
        return
    assert parameter.check(json.loads(json.dumps(kept))) == kept


@pytest.mark.parametrize("name", OPERATIONS)
class TestEveryOperation:
    def test_defaults_pass_their_own_check(self, name: str) -> None:
        schema = find(name)
        complete = schema.check_parameters({})
        assert set(complete) == {p.name for p in schema.parameters}
        assert schema.check_parameters(complete) == complete

    def test_announcement_is_json(self, name: str) -> None:
        data = json.loads(json.dumps(find(name).to_json(), allow_nan=False))
        assert data["name"] == name
        assert [p["name"] for p in data["parameters"]] == [p.name for p in find(name).parameters]

    def test_words_are_there(self, name: str) -> None:
        schema = find(name)
        assert schema.label
        assert schema.summary
        for item in (*schema.inputs, *schema.parameters, *schema.outputs):
            assert item.name.isidentifier()
            assert item.help
            assert not item.help.endswith(".")
        assert all(o.formats for o in schema.outputs)

    def test_unknown_names_are_refused(self, name: str) -> None:
        schema = find(name)
        with pytest.raises(ParameterError, match="'nonsense'"):
            schema.check_parameters({"nonsense": 1})
        with pytest.raises(InputError, match="'nonsense'"):
            schema.check_input_names({"nonsense": 1})
        with pytest.raises(ParameterError):
            schema.check_parameters([1])  # type: ignore[arg-type]

    def test_missing_inputs_are_named(self, name: str) -> None:
        schema: Operation = find(name)
        for item in schema.inputs:
            if item.required:
                with pytest.raises(InputError, match=item.name):
                    schema.check_input_names({i.name: 1 for i in schema.inputs if i is not item})

    def test_it_has_an_implementation(self, name: str) -> None:
        assert callable(runner(name))


def test_unknown_operation_lists_those_there_are() -> None:
    with pytest.raises(UnknownOperation) as caught:
        find("texture.generate_everything")
    assert "texture.synthesize" in str(caught.value)
    assert "system." not in str(caught.value)  # hidden ones stay hidden


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"seed": -1}, "seed"), ({"seed": 2**31}, "seed"), ({"seed": True}, "seed"), ({"seed": 1.0}, "seed"),
        ({"deliver": "pigeon"}, "arrays, files"), ({"formats": []}, "formats"), ({"formats": {"image": "gif"}}, "exr, png"),
        ({"formats": {"nothing": "png"}}, "image"), ({"inputs": []}, "inputs"), ({"parameters": {"negate": 1}}, "true or false"),
    ],
)  # fmt: skip
def test_requests_are_checked(change: dict[str, Any], said: str) -> None:
    request = {"operation": "system.echo", "parameters": {}, "inputs": {}, "seed": 0, "deliver": "arrays", "formats": {}}
    assert check_request(**request)["negate"] is False
    with pytest.raises(InputError, match=said):
        check_request(**(request | change))


def test_a_job_is_checked_before_it_is_sent() -> None:
    with pytest.raises(UnknownOperation):
        Job("no.such").encode()
    with pytest.raises(InputError):
        Job("texture.synthesize").encode()
    assert Job("system.echo").id != Job("system.echo").id


def _tree(kind: type[BacklotError]) -> list[type[BacklotError]]:
    return [kind, *(leaf for sub in kind.__subclasses__() for leaf in _tree(sub))]


ERRORS = [e for e in _tree(BacklotError) if e.__module__ == errors.__name__]


@pytest.mark.parametrize("kind", ERRORS)
def test_errors_survive_the_wire(kind: type[BacklotError]) -> None:
    error = kind("Something happened", expected="a thing", got="another", fix="Do this")
    again = BacklotError.from_json(json.loads(json.dumps(error.to_json())))
    assert type(again) is kind
    assert str(again) == str(error) == "Something happened. Expected a thing, got another. Do this."


def test_error_codes_are_unique_and_unknown_ones_become_job_failed() -> None:
    codes = [e.code for e in ERRORS]
    assert len(set(codes)) == len(codes)
    assert type(BacklotError.from_json({"code": "of a newer version", "message": "x"})) is errors.JobFailed
    assert str(BacklotError.from_json({}))


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (errors.InputError, 2), (errors.ParameterError, 2), (errors.UnknownOperation, 2), (errors.ProtocolError, 3),
        (errors.SignatureError, 3),
        (errors.VersionError, 3), (errors.LimitError, 3), (errors.BackendUnavailable, 3), (errors.StorageError, 4), (errors.JobFailed, 4),
        (errors.OutOfMemory, 4), (errors.WorkerDied, 4), (errors.JobCancelled, 130),
    ],
)  # fmt: skip
def test_exit_codes(kind: type[BacklotError], code: int) -> None:
    assert kind().exit_code == code


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=lambda operation: operation.name)
def test_the_fields_for_panels_fit_together(operation: Operation) -> None:
    """The add-on relies on it: fields that name another operation, or are for one kind of input or parameter."""
    assert operation.panel in ("", "materials", "style", "reconstruct", "backgrounds")
    assert operation.apply in ("", "material", "variations", "reconstruction", "shot", "movie")
    assert all(item.kind == "image" for item in operation.inputs if item.scene)
    assert all(parameter.kind == "text" for parameter in operation.parameters if parameter.placeholder)
    if operation.settings_of:
        other = OPERATIONS[operation.settings_of]
        assert operation.inputs == other.inputs
        assert not other.settings_of
