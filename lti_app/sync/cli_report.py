"""What a run says on the command line: its progress on a terminal, and at its end a table that a person can read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar
from rich.table import Table
from rich.text import Text

from lti_app.sync.journal import Progress
from lti_app.sync.models import RunStatus
from lti_app.sync.names import Names
from lti_app.sync.night import quiet
from lti_app.sync.words import PHASES, kind_name, phase_name

HEADINGS = ("change", "planned", "done", "failed")
STYLES = {RunStatus.DONE: "green", RunStatus.HELD: "yellow"}
"""Of a run's state on a terminal; any other is red."""


@contextmanager
def progress_on(console: Console, name: str) -> Iterator[Progress]:
    """Show how far a run is for the length of the block: a line, gone at its end; nothing without a terminal."""
    if not console.is_terminal:
        yield quiet
        return
    words = {phase: phase_name(phase) for phase in PHASES}  # here: threads that report have no language
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with Bar(*columns, console=console, transient=True) as bar:
        task = bar.add_task(name, total=None)

        def show(phase: str, done: int, total: int) -> None:
            bar.update(task, description=f"{name}: {words.get(phase, phase)}", completed=done, total=total or None)

        yield show


def print_report(console: Console, report: dict[str, Any], names: Names) -> None:
    """Print a run's report: with a drawn table on a terminal, as ``lines_of`` elsewhere."""
    if not console.is_terminal:
        for line in lines_of(report, names):
            console.print(line, markup=False, highlight=False, soft_wrap=True)
        return
    console.print(Text(_head(report), style=STYLES.get(RunStatus(report["status"]), "red")), soft_wrap=True)
    if report["counts"]:
        table = Table(*HEADINGS[:1])
        for heading in HEADINGS[1:]:
            table.add_column(heading, justify="right")
        for what, planned, done, failed in _rows(report):
            table.add_row(what, planned, done, Text(failed, style="bold red" if failed != "0" else ""))
        console.print(table)
    for line in _rest(report, names):
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def lines_of(report: dict[str, Any], names: Names) -> list[str]:
    """Return a run's report as lines for an administrator."""
    return [_head(report), *_aligned(report), *_rest(report, names)]


def _head(report: dict[str, Any]) -> str:
    plan = f", plan {report['plan'][:12]}" if report["plan"] else ""
    return f"{report['moodle']}: {report['status']}{plan}, {report['calls']} calls, {report['seconds']:.1f} s"


def _rows(report: dict[str, Any]) -> list[tuple[str, str, str, str]]:
    return [
        (f"{kind_name(kind)} ({kind})", str(count["planned"]), str(count["done"]), str(count["failed"]))
        for kind, count in report["counts"].items()
    ]


def _aligned(report: dict[str, Any]) -> list[str]:
    rows = _rows(report)
    if not rows:
        return []
    width = max(len(row[0]) for row in rows)
    return [f"  {what:<{width}}{planned:>9}{done:>9}{failed:>9}" for what, planned, done, failed in (HEADINGS, *rows)]


def _rest(report: dict[str, Any], names: Names) -> list[str]:
    lines = []
    if report["proposed"]:
        lines.append(f"  {proposed_line(report['proposed'])}")
    elif not report["counts"] and not report["error"]:
        lines.append("  nothing to change")
    label = "held" if report["status"] == RunStatus.HELD else "approved all the same"
    lines += [f"  {label}: {reason['text']}" for reason in report["held"]]
    lines += [
        f"  failed: {names.within(row['change'])}: {row['message']} {row['remedy']}" for row in report["failures"]
    ]
    lines += [f"  note: {_note(note, names)}" for note in report["notes"]]
    lines += [f"  {line}" for line in score_lines(report["scores"])]
    if report["error"]:
        lines.append(f"  {report['error']}")
    return lines


def proposed_line(proposed: dict[str, int]) -> str:
    """Say how many people a run put forward for credit, in which intakes."""
    number = sum(proposed.values())
    by_intake = ", ".join(f"{course}: {people}" for course, people in proposed.items())
    return f"put forward for credit: {number} {'person' if number == 1 else 'people'} ({by_intake})"


def score_lines(scores: dict[str, Any]) -> Sequence[str]:
    """Say whose hours Moodle has not been told, why, and what to do."""
    lines = []
    for row in scores.get("reasons", ()):
        state = "given up" if row["given_up"] else "waiting"
        lines.append(f"scores {state}, of trainees: {row['trainees']}; {row['reason'] or 'not tried yet'}")
    if scores.get("given_up"):
        lines.append("scores given up are tried again, once their cause is mended, after: outbox retry")
    return lines


def _note(note: dict[str, Any], names: Names) -> str:
    course = f"course {note['course_key']}" if note["course_key"] else ""
    about = ", ".join(part for part in (course, names.of(note)) if part)
    return f"{about}: {note['text']}" if about else str(note["text"])
