"""What a grade report says of assignments, as Moodle writes it with the reports' settings one way or the other."""

from __future__ import annotations

from typing import Any

import pytest

from moodle_sync.assignments import AssignmentGrade, assignments_in
from moodle_sync.errors import NotJson

USER = 7


def report(**item: Any) -> dict[str, Any]:
    work = {"itemmodule": "assign", "itemnumber": 0, "cmid": 71, "itemname": "Карта урока", "graderaw": None}
    return {"usergrades": [{"userid": USER, "gradeitems": [work | item]}]}


@pytest.mark.parametrize(
    ("item", "grade", "most"),
    [
        ({"graderaw": 87.5, "grademax": 100}, 87.5, 100.0),
        ({"grademax": 0}, None, 0.0),
        ({"graderaw": 2, "grademin": 1, "grademax": 3, "scaleid": 4}, 2.0, 3.0),
        ({"graderaw": 87.5}, 87.5, None),  # "show ranges" is switched off in the course
    ],
)
def test_a_grade_is_read_with_or_without_its_range(item: dict[str, Any], grade: float | None, most: float) -> None:
    assert assignments_in(report(**item), USER) == (AssignmentGrade(USER, 71, "Карта урока", grade, most, None),)


def test_what_is_no_assignment_of_its_own_is_left_out() -> None:
    for item in ({"itemmodule": "lti"}, {"itemnumber": 1}, {"cmid": None}):
        assert assignments_in(report(**item), USER) == ()
    with pytest.raises(NotJson):
        assignments_in(report(graderaw="много"), USER)
