"""Assignment and Grade Services: line items, scores, results."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any

from moodle_sync.sandbox import actions
from moodle_sync.sandbox.state import Course, Grade, GradeItem, State

from .claims import line_item_url
from .registration import AGS
from .service import ServiceAnswer, ServiceRefused, ServiceRequest, authorise, find_course, whole

LINE_ITEM, LINE_ITEM_READ = f"{AGS}/lineitem", f"{AGS}/lineitem.readonly"
CONTAINER_TYPE = "application/vnd.ims.lis.v2.lineitemcontainer+json"
ITEM_TYPE = "application/vnd.ims.lis.v2.lineitem+json"
RESULTS_TYPE = "application/vnd.ims.lis.v2.resultcontainer+json"
SCORE_TYPE = "application/vnd.ims.lis.v1.score+json"
# A moment with its zone; Moodle takes no other (its validate_iso8601_date).
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)")


def trim(value: float) -> float | int:
    """Write a whole number as one, as PHP's JSON does."""
    return int(value) if value == int(value) else value


def line_items(state: State, request: ServiceRequest, course_id: int) -> ServiceAnswer:
    """List a tool's line items in a course, filtered and paged, or make one (recordings ags_lineitem*)."""
    tool_id = whole(request, "type_id")
    if request.method == "POST":
        authorise(state, request, tool_id, LINE_ITEM)
        return _create(state, request, find_course(state, course_id), tool_id)
    authorise(state, request, tool_id, LINE_ITEM, LINE_ITEM_READ)
    course = find_course(state, course_id)
    items = [
        item
        for item in sorted(state.grade_items.values(), key=lambda item: item.id)
        if item.course == course.id and item.tool == tool_id and _matches(item, request)
    ]
    base = f"{state.site.url}/mod/lti/services.php/{course.id}/lineitems"
    limit, offset = whole(request, "limit"), whole(request, "from")
    headers = {}
    if limit:
        filters = [
            (name, request.query[name])
            for name in ("resource_id", "resource_link_id", "tag", "type_id")
            if name in request.query
        ]
        headers["Link"] = _paging(base, filters, total=len(items), limit=limit, offset=offset)
        items = items[offset : offset + limit]
    return ServiceAnswer(200, CONTAINER_TYPE, [describe(state, item) for item in items], headers)


def _matches(item: GradeItem, request: ServiceRequest) -> bool:
    wanted = request.query
    return (
        wanted.get("resource_id", item.resource_id) == item.resource_id
        and wanted.get("tag", item.tag) == item.tag
        and wanted.get("resource_link_id", str(item.resource_link)) == str(item.resource_link)
    )


def _paging(base: str, filters: list[tuple[str, str]], *, total: int, limit: int, offset: int) -> str:
    """Write the Link header as Moodle does: curly quotes, HTML-escaped ampersands (recording ags_lineitems_filter).

    Headers are bytes; what isn't ASCII goes as UTF-8.
    """
    pages = [("first", 0)]
    if 0 < offset < total:
        pages.append(("prev", max(0, offset - limit)))
    pages.append(("canonical", offset))
    if offset + limit <= total - 1:
        pages.append(("next", offset + limit))
    pages.append(("last", max(0, total - limit + 1)))
    links = []
    for relation, start in pages:
        query = "&amp;".join(f"{name}={value}" for name, value in [*filters, ("limit", limit), ("from", start)])
        links.append(f"<{base}?{query}>; rel=“{relation}”")
    return ", ".join(links).encode().decode("latin-1")


def describe(state: State, item: GradeItem) -> dict[str, Any]:
    """Describe a line item."""
    described: dict[str, Any] = {
        "id": line_item_url(state, item.course, item.id, item.tool or 0),
        "label": item.name,
        "scoreMaximum": trim(item.maximum),
        "resourceId": item.resource_id,
        "tag": item.tag,
    }
    if item.resource_link is not None:
        described |= {"resourceLinkId": str(item.resource_link), "ltiLinkId": str(item.resource_link)}
    return described


def _read(request: ServiceRequest) -> dict[str, Any]:
    try:
        read = json.loads(request.body)
    except ValueError:
        raise ServiceRefused(400) from None
    if not isinstance(read, dict):
        raise ServiceRefused(400)
    return read


def _maximum(given: dict[str, Any]) -> float:
    maximum = given.get("scoreMaximum")
    if isinstance(maximum, bool) or not isinstance(maximum, int | float) or maximum <= 0:
        raise ServiceRefused(400)
    return float(maximum)


def _create(state: State, request: ServiceRequest, course: Course, tool_id: int) -> ServiceAnswer:
    given = _read(request)
    if request.content_type != ITEM_TYPE or not given.get("label"):
        raise ServiceRefused(400)
    maximum = _maximum(given)
    link = given.get("resourceLinkId") or given.get("ltiLinkId")
    if link is not None:
        module = state.module_of_instance("lti", int(link)) if str(link).isdecimal() else None
        if module is None or module.course != course.id or module.tool != tool_id:
            raise ServiceRefused(403)
    item = actions.add_grade_item(
        state,
        course,
        itemtype="manual",
        name=str(given["label"]),
        maximum=maximum,
        tool=tool_id,
        resource_id=str(given.get("resourceId", "")),
        tag=str(given.get("tag", "")),
        resource_link=int(link) if link is not None else None,
    )
    return ServiceAnswer(201, ITEM_TYPE, given | {"id": line_item_url(state, course.id, item.id, tool_id)})


def _find(state: State, request: ServiceRequest, course_id: int, item_id: int) -> GradeItem:
    find_course(state, course_id)
    item = state.grade_items.get(item_id)
    if item is None or item.course != course_id:
        raise ServiceRefused(404, f"Not Found: Grade item {item_id} doesn't exist.")
    if item.tool != whole(request, "type_id"):
        raise ServiceRefused(403)
    return item


def line_item(state: State, request: ServiceRequest, course_id: int, item_id: int) -> ServiceAnswer:
    """Show, change or delete a line item; the link's own can't be deleted."""
    scopes = (LINE_ITEM, LINE_ITEM_READ) if request.method == "GET" else (LINE_ITEM,)
    authorise(state, request, whole(request, "type_id"), *scopes)
    item = _find(state, request, course_id, item_id)
    if request.method == "GET":
        return ServiceAnswer(200, ITEM_TYPE, describe(state, item))
    if request.method == "DELETE":
        if item.itemtype == "mod":
            raise ServiceRefused(403)
        state.grade_items.pop(item.id)
        state.grades.pop(item.id, None)
        return ServiceAnswer(204, ITEM_TYPE, None)
    given = _read(request)
    if not given.get("label"):
        raise ServiceRefused(400)
    actions.rescale(state, item, _maximum(given))
    item.name = str(given["label"])
    item.resource_id, item.tag = str(given.get("resourceId", "")), str(given.get("tag", ""))
    return ServiceAnswer(200, ITEM_TYPE, given)


def _score_is_sound(state: State, course: int, score: Any) -> bool:
    """Tell whether a score can be taken: all that Moodle asks for is there, and the person can be graded."""
    if not isinstance(score, dict):
        return False
    needed = ("userId", "timestamp", "gradingProgress", "activityProgress")
    return (
        all(score.get(name) is not None for name in needed)
        and MOMENT.fullmatch(str(score["timestamp"])) is not None
        and all(score.get(name) is None or _is_number(score[name]) for name in ("scoreGiven", "scoreMaximum"))
        and str(score["userId"]).isdecimal()
        and actions.is_gradable(state, course, int(score["userId"]))
    )


def _is_number(value: Any) -> bool:
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return not isinstance(value, bool)


def scores(state: State, request: ServiceRequest, course_id: int, item_id: int) -> ServiceAnswer:
    """Take a score (recordings ags_score_*): 409 unless later than the one stored, 400 for what isn't sound.

    Moments are compared by whole seconds. `scoreGiven` counts only with gradingProgress FullyGraded.
    """
    authorise(state, request, whole(request, "type_id"), f"{AGS}/score")
    if request.content_type != SCORE_TYPE:
        raise ServiceRefused(400)
    item = _find(state, request, course_id, item_id)
    try:
        score = json.loads(request.body)
    except ValueError:
        score = None
    if not _score_is_sound(state, course_id, score):
        return ServiceAnswer(400, SCORE_TYPE, [])
    user = int(score["userId"])
    timestamp = int(datetime.fromisoformat(score["timestamp"]).timestamp())
    stored = state.grades[item.id].get(user)
    if stored and stored.timemodified >= timestamp:
        return ServiceAnswer(409, SCORE_TYPE, [])
    given = score.get("scoreGiven") if score["gradingProgress"] == "FullyGraded" else None
    actions.save_score(
        state,
        item,
        user,
        given=None if given is None else float(given),
        maximum=float(score["scoreMaximum"]) if score.get("scoreMaximum") is not None else 1.0,
        timestamp=timestamp,
        comment=str(score.get("comment") or ""),
    )
    return ServiceAnswer(200, SCORE_TYPE, None)


def results(state: State, request: ServiceRequest, course_id: int, item_id: int) -> ServiceAnswer:
    """List the results of a line item, of one person with `user_id` (recordings ags_results*)."""
    authorise(state, request, whole(request, "type_id"), f"{AGS}/result.readonly")
    item = _find(state, request, course_id, item_id)
    grades = sorted(state.grades[item.id].items())
    wanted = request.query.get("user_id")
    if wanted is not None:
        grades = [(user, grade) for user, grade in grades if str(user) == wanted]
    limit, offset = whole(request, "limit"), whole(request, "from")
    headers = {}
    if limit:
        base = line_item_url(state, course_id, item.id, 0, "/results").partition("?")[0]
        filters = [(name, request.query[name]) for name in ("type_id", "user_id") if name in request.query]
        headers["Link"] = _paging(base, filters, total=len(grades), limit=limit, offset=offset)
        grades = grades[offset : offset + limit]
    return ServiceAnswer(200, RESULTS_TYPE, [_result(state, item, user, grade) for user, grade in grades], headers)


def _result(state: State, item: GradeItem, user: int, grade: Grade) -> dict[str, Any]:
    tool = item.tool or 0
    described: dict[str, Any] = {
        "id": line_item_url(state, item.course, item.id, tool, "/results") + f"&user_id={user}",
        "userId": str(user),
    }
    if grade.value is not None:
        described |= {"resultScore": trim(grade.value), "resultMaximum": trim(item.maximum)}
    if grade.comment:
        described["comment"] = grade.comment
    return described | {
        "scoreOf": line_item_url(state, item.course, item.id, tool),
        "timestamp": datetime.fromtimestamp(grade.timemodified, UTC).isoformat(),
    }
