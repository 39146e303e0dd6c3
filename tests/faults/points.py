"""Points at which a fault strikes a night: each kind of fault at each kind of call, the rest drawn with a seed."""

from __future__ import annotations

import random
from typing import NamedTuple

from lti_app.sync.models import RunStatus
from moodle_sync.functions import FACTS, Function
from moodle_sync.sandbox.faults import KINDS
from tests.faults.city import LINE_ITEM, SCORES, TOKEN, City, Stage, occurrences
from tests.faults.compared import doubles

SEED = 20_261_125
FURTHER_NIGHTS = 2
PATIENCE = 0.15
"""Seconds that a night waits for an answer where the fault is a silent Moodle, which is silent twice as long."""
PACKED_ONLY = frozenset(
    {
        Function.COURSE_CONTENTS,
        Function.SEARCH_USERS,
        Function.COURSE_GROUPS,
        Function.ACTIVITIES_COMPLETION,
        Function.GRADE_ITEMS,
    }
)
"""Reads that come in packs: struck alone where the service doesn't offer packs."""
READS = [function for function in Function if not FACTS[function].writes]
NOT_A_NIGHTS = frozenset({Function.SEND_MESSAGES})
"""Writes that the worker makes by itself, whatever the night does: tests/lti_app/notices/."""
WRITES = [function for function in Function if FACTS[function].writes and function not in NOT_A_NIGHTS]
SERVICES = [TOKEN, LINE_ITEM, SCORES]


class Point(NamedTuple):
    """One fault at one kind of call; which night, which of its calls and how many of them follows from the number."""

    number: int
    kind: str
    operation: str

    def __str__(self) -> str:
        return f"{self.kind} at {self.operation.rsplit('/', 1)[-1]}"


POINTS = [
    Point(number, kind, str(operation))
    for number, (operation, kind) in enumerate(
        (operation, kind) for operation in [*READS, *WRITES, *SERVICES] for kind in KINDS
    )
]
"""Each of the sandbox's faults at each call that a night makes: 208."""
ON_POSTGRESQL = [point for point in POINTS if point.number % 9 == 4]
"""A share of them that meets every kind of fault."""


class Aim(NamedTuple):
    """Where a point strikes: a stage's night, and the fault as the sandbox takes it."""

    stage: Stage
    is_packed: bool
    fault: str


def aim(point: Point, stages: list[Stage]) -> Aim:
    """Draw the night, the call and how long the fault lasts, always the same for a point."""
    draw = random.Random(f"{SEED}:{point.number}")
    is_packed = point.operation not in PACKED_ONLY
    there = [stage for stage in stages if occurrences(stage.calls[is_packed], point.operation)]
    stage = draw.choice(there)
    first = draw.randint(1, occurrences(stage.calls[is_packed], point.operation))
    # Once; past the four tries of a read; to the end of the night.
    last = draw.choice([f"{first}", f"{first}-{first + 3}", f"{first}-"])
    return Aim(stage, is_packed, f"{point.kind}@{point.operation}#{last}")


def strike(city: City, point: Point) -> int:
    """Let the night of a point meet its fault; return how many further nights it took to be as without it."""
    stage, is_packed, fault = aim(point, city.stages)
    city.begin(stage, packed=is_packed)
    city.sandbox.faults.set(fault)
    city.read_timeout = PATIENCE if point.kind.startswith("timeout") else 30.0
    result = city.night()
    city.sandbox.faults.clear()
    city.read_timeout = 30.0
    nights = 0
    while True:
        assert not doubles(city.sandbox.state), (fault, doubles(city.sandbox.state))
        assert city.suspensions() <= stage.suspended, (fault, city.suspensions() - stage.suspended)
        state = city.state()
        if state == stage.reference:
            return nights
        assert nights < FURTHER_NIGHTS, (fault, result.report, differences(state, stage.reference))
        result = city.night()
        nights += 1
        assert result.status in (RunStatus.DONE, RunStatus.FAILED_SOME), (fault, result.report)


def differences(state: dict[str, list[tuple[object, ...]]], reference: object) -> dict[str, object]:
    """Say what is otherwise than it should be: what is there too much, and what is lacking."""
    assert isinstance(reference, dict)
    return {
        name: {
            "too much": [row for row in rows if row not in reference[name]],
            "lacking": [row for row in reference[name] if row not in rows],
            "rows": (len(rows), len(reference[name])),
        }
        for name, rows in state.items()
        if rows != reference[name]
    }
