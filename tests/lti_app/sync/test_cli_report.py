"""What a run prints at its end, and its progress before, with and without a terminal."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from flask_babel import force_locale
from rich.console import Console

from lti_app.sync.cli_report import lines_of, print_report, progress_on
from lti_app.sync.names import Names
from lti_app.sync.night import quiet

REPORT: dict[str, Any] = {
    "moodle": "city",
    "status": "failed_some",
    "plan": "0123456789abcdef",
    "calls": 24,
    "seconds": 3.21,
    "counts": {
        "create_course": {"planned": 1, "done": 1, "failed": 0},
        "enrol": {"planned": 1200, "done": 1199, "failed": 1},
    },
    "proposed": {},
    "held": [],
    "failures": [
        {
            "change": "enrol course intake-a, user 47",
            "message": "User is deleted [x].",
            "remedy": "Look at the account.",
        }
    ],
    "notes": [{"code": "enrolled_by_others", "course_key": "intake-a", "subject": 0, "text": "3 [people] more"}],
    "scores": {"reasons": [{"given_up": False, "trainees": 2, "reason": "nobody opened the course"}]},
    "error": None,
}
LINES = [
    "city: failed_some, plan 0123456789ab, 24 calls, 3.2 s",
    "  change                        planned     done   failed",
    "  courses made (create_course)        1        1        0",
    "  people enrolled (enrol)          1200     1199        1",
    "  failed: enrol course intake-a, user 47: User is deleted [x]. Look at the account.",
    "  note: course intake-a: 3 [people] more",
    "  scores waiting, of trainees: 2; nobody opened the course",
]


@pytest.fixture(autouse=True)
def english(app: Flask) -> Iterator[None]:
    with app.test_request_context(), force_locale("en"):
        yield


def test_without_a_terminal_the_lines_are_plain_and_aligned() -> None:
    assert lines_of(REPORT, Names()) == LINES
    out = io.StringIO()
    print_report(Console(file=out, width=40), REPORT, Names())
    assert out.getvalue().splitlines() == LINES  # whatever the width: a journal's lines are not broken


def test_on_a_terminal_a_table_says_the_same() -> None:
    out = io.StringIO()
    print_report(Console(file=out, width=100, force_terminal=True, color_system=None), REPORT, Names())
    lines = [line.strip(" │┃") for line in out.getvalue().splitlines()]
    assert lines[0] == LINES[0]
    assert [line.split() for line in lines if "people enrolled" in line] == [
        ["people", "enrolled", "(enrol)", "│", "1200", "│", "1199", "│", "1"]
    ]
    assert LINES[4].strip() in lines
    assert LINES[5].strip() in lines


def test_a_run_without_changes_has_no_table() -> None:
    nothing = {**REPORT, "status": "done", "counts": {}, "failures": [], "notes": [], "scores": {}}
    out = io.StringIO()
    print_report(Console(file=out, width=100, force_terminal=True, color_system=None), nothing, Names())
    assert out.getvalue().splitlines() == [
        "city: done, plan 0123456789ab, 24 calls, 3.2 s",
        "  nothing to change",
    ]


def test_progress_is_shown_on_a_terminal_only() -> None:
    out = io.StringIO()
    with progress_on(Console(file=out), "city") as progress:
        assert progress is quiet
    assert out.getvalue() == ""
    with progress_on(Console(file=out, force_terminal=True, width=100, color_system=None), "city") as progress:
        progress("reading", 0, 0)
        progress("writing", 250, 1200)
    assert "city: changing Moodle" in out.getvalue()
    assert "250/1200" in out.getvalue()
