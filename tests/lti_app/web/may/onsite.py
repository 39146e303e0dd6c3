"""Who may show the code of a meeting and mark who came; who may bring in its lists and print its papers."""

from __future__ import annotations

from lti_app.meetings.onsite_models import AttendanceList, ListState
from tests.lti_app.web.conftest import Scene
from tests.lti_app.world import NOW

LEADER = frozenset({"leader"})

MAY = {
    ("GET", "arrivals.code"): LEADER,
    ("GET", "arrivals.code_part"): LEADER,
    ("POST", "arrivals.mark"): frozenset(),  # the scene's meeting is held at a distance
    ("GET", "arrivals.here"): frozenset(),  # the address is no code that a screen shows
    ("POST", "arrivals.type_in"): frozenset(),  # as above
    ("GET", "arrivals.arrived"): frozenset(),  # nobody has come
    ("GET", "attendance_lists.upload"): LEADER,
    ("POST", "attendance_lists.upload"): frozenset(),  # no file is sent
    ("GET", "attendance_lists.review"): LEADER,
    ("POST", "attendance_lists.columns"): frozenset(),  # no column is chosen
    ("POST", "attendance_lists.accept"): frozenset(),  # nothing is decided
    ("POST", "attendance_lists.discard"): LEADER,
    ("GET", "attendance_papers.sheet"): LEADER,
    ("GET", "attendance_papers.journal"): LEADER,
}


def values(scene: Scene) -> dict[str, int]:
    """Put down a list of the scene's meeting that waits."""
    with scene.app.extensions["ploshchadka"].database.transaction() as session:
        waiting = AttendanceList(
            meeting_id=scene.meeting_id,
            provider="Телемост",
            file_name="list.csv",
            headings=["Имя"],
            rows=[[2, ["Кто-то"]]],
            columns={"name": 0},
            state=ListState.REVIEW,
            uploaded_at=NOW,
            uploaded_by_id=scene.here.leader.id,
        )
        session.add(waiting)
        session.flush()
        return {"list_id": waiting.id}
