"""The web-service functions by name, and how a call finds its way to one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from moodle_sync.sandbox.errors import MoodleError, missing_record
from moodle_sync.sandbox.state import State

from .schema import Many, Struct, Value, check

Arguments = dict[str, Any]
Body = Callable[[State, Arguments], Any]


@dataclass(frozen=True)
class Function:
    """A web-service function: its parameters and what it does."""

    name: str
    parameters: Struct
    run: Body


FUNCTIONS: dict[str, Function] = {}


def function(name: str, **parameters: Value | Struct | Many) -> Callable[[Body], Body]:
    """Register a function under Moodle's name for it."""

    def register(run: Body) -> Body:
        FUNCTIONS[name] = Function(name, Struct(parameters), run)
        return run

    return register


def call(state: State, name: str, arguments: Mapping[str, Any]) -> Any:
    """Run a function under the lock; raises `MoodleError`."""
    found = FUNCTIONS.get(name)
    if found is None:
        raise missing_record("external_functions")
    if name in state.site.withheld_functions:
        raise MoodleError("accessexception", "Access control exception", "webservice_access_exception")
    with state.lock:
        if name in state.site.refused_functions:
            raise MoodleError(
                "nopermissions",
                "Sorry, but you do not currently have permissions to do that.",
                "required_capability_exception",
            )
        return found.run(state, check(found.parameters, arguments))
