"""What must always hold in the database: each feature brings its checks, the auditor runs them all."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import cast

import click
from sqlalchemy.orm import Session

from lti_app.core.cli import Command, with_database
from lti_app.core.edge import tool

INVARIANTS = "invariants"
"""Name under which the factory puts the checks of all features into the tool's services."""


@dataclass(frozen=True)
class Check:
    """Name something that must always hold, and how to find what breaks it: a line each, ids only, no names."""

    name: str
    breaches: Callable[[Session], Iterable[str]]


def audit(session: Session, checks: Sequence[Check]) -> Iterator[str]:
    """Yield a line for each breach: the invariant's name, then what breaks it."""
    for check in checks:
        for breach in check.breaches(session):
            yield f"{check.name}: {breach}"


@click.command("audit-invariants", cls=Command)
@with_database
def audit_invariants() -> None:
    """Check what must always hold in the database; exit 1 and print a line for each breach."""
    checks = cast("Sequence[Check]", tool().services[INVARIANTS])
    with tool().database.session(writes=False) as session:
        lines = list(audit(session, checks))
    for line in lines:
        click.echo(line)
    if lines:
        sys.exit(1)
    click.echo(f"{len(checks)} invariants hold")
