"""Measure planning: seconds and peak memory for 100,000 and 1,000,000 enrolments, each in a process of its own.

`python -m tests.bench.bench_plan` prints a Markdown table. Peak memory is that of the whole process, inputs included.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import time

from moodle_sync.guard import review
from moodle_sync.plan import make_plan
from moodle_sync.roster import (
    CourseRoster,
    Desired,
    DesiredCourse,
    DesiredEnrolment,
    DesiredPerson,
    Observed,
    ObservedCourse,
    Owned,
    Role,
)

SIZES = (100_000, 1_000_000)
NIGHTS = ("first", "quiet", "busy")
PER_COURSE = 500
NOW = 1_795_500_000
STARTS, ENDS = NOW - 86_400, NOW + 86_400 * 60


def world(size: int, night: str) -> tuple[Desired, list[Owned], Observed]:
    """Build a city: courses of 500. `first`: nobody is in yet; `quiet`: all are; `busy`: every tenth differs."""
    numbers = range(size // PER_COURSE)
    courses = [
        DesiredCourse(f"INTAKE-{n:05}", f"INTAKE-{n:05}", f"Стажировка {n}", 1, 2, STARTS, ENDS) for n in numbers
    ]
    people = [DesiredPerson(p, p + 10, None, None) for p in range(size)]
    desired_rows = [
        DesiredEnrolment(courses[p // PER_COURSE].key, p, Role.TRAINEE, STARTS, ENDS)
        for p in range(size)
        if night != "busy" or p % 20
    ]
    owned: list[Owned] = []
    rosters: dict[int, CourseRoster] = {}
    for n in numbers:
        users = range(n * PER_COURSE + 10, (n + 1) * PER_COURSE + 10)
        if night != "first":
            shift = 3600 if night == "busy" else 0
            owned += [Owned(n + 2, u, Role.TRAINEE, STARTS, ENDS + (shift if u % 20 == 5 else 0), False) for u in users]
        rosters[n + 2] = CourseRoster(frozenset(users if night != "first" else ()), frozenset())
    observed = Observed(
        courses={
            c.key: ObservedCourse(n + 2, c.key, c.key, c.fullname, STARTS, ENDS, True) for n, c in enumerate(courses)
        },
        conflicts={},
        users={person.key: person.user_id for person in people if person.user_id is not None},
        matched_by={},
        unresolved={},
        rosters=rosters,
        problems=(),
        read_at=NOW,
    )
    return Desired(courses, people, desired_rows), owned, observed


def measure(size: int, night: str) -> str:
    """Plan and review one night; return a row of the table."""
    desired, owned, observed = world(size, night)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.perf_counter()
    plan = make_plan(desired, owned, observed)
    planned = time.perf_counter()
    plan_id = plan.id
    review(plan)
    ended = time.perf_counter()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return (
        f"| {size:,} | {night} | {len(plan):,} | {planned - began:.2f} | {ended - began:.2f} "
        f"| {before / 1024:.0f} | {peak / 1024:.0f} | {plan_id[:8]} |"
    )


def main() -> None:
    """Print the table, a subprocess for each row, so that peaks don't add up."""
    print("| enrolments | night | changes | plan, s | with id and guard, s | inputs, MB | peak, MB | plan |")
    print("|---:|---|---:|---:|---:|---:|---:|---|")
    for size in SIZES:
        for night in NIGHTS:
            command = [sys.executable, "-m", "tests.bench.bench_plan", str(size), night]
            print(subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip(), flush=True)


if __name__ == "__main__":
    if len(sys.argv) == 3:
        print(measure(int(sys.argv[1]), sys.argv[2]))
    else:
        main()
