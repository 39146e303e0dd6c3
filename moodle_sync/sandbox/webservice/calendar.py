"""The calendar."""

from __future__ import annotations

import html
from dataclasses import asdict
from typing import Any

from moodle_sync.sandbox.errors import invalid_parameter, missing_record, refuse_tags
from moodle_sync.sandbox.state import SITE_COURSE, Event, State

from .registry import Arguments, function
from .schema import BOOL, INT, TEXT, Many, Struct, optional


@function(
    "core_calendar_create_calendar_events",
    events=Many(
        Struct(
            {
                "name": TEXT,
                "description": optional(TEXT, ""),
                "format": optional(INT, 1),
                "courseid": optional(INT, 0),
                "groupid": optional(INT, 0),
                "repeats": optional(INT, 0),
                "eventtype": optional(TEXT, "user"),
                "timestart": optional(INT, 0),
                "timeduration": optional(INT, 0),
                "visible": optional(INT, 1),
                "sequence": optional(INT, 1),
            }
        )
    ),
)
def create_calendar_events(state: State, arguments: Arguments) -> Any:
    """Make events, all or none (recording calendar_create)."""
    for row in arguments["events"]:
        refuse_tags(row["name"])
        if row["courseid"] and row["courseid"] not in state.courses:
            raise missing_record("course")
        if row["eventtype"] not in ("user", "course", "group", "site", "category"):
            raise invalid_parameter()
    made = []
    for row in arguments["events"]:
        event = Event(
            id=state.next_id("event"),
            course=row["courseid"],
            group=row["groupid"],
            user=state.site.ws_user,
            timemodified=state.now(),
            **{
                name: row[name]
                for name in (
                    "name", "description", "format", "eventtype", "timestart", "timeduration", "visible", "sequence",
                )
            },
        )  # fmt: skip
        state.events[event.id] = event
        made.append(_describe(event, made=True))
    return {"events": made, "warnings": []}


def _describe(event: Event, *, made: bool) -> dict[str, Any]:
    """Describe an event; what a new one calls 0 or "", a list calls null, and gives its name for HTML."""
    row = asdict(event)
    described: dict[str, Any] = {name: row[name] for name in ("id", "name", "description", "format")}
    described["courseid"] = event.course
    if not made:
        described["name"] = html.escape(event.name, quote=False)
        described["categoryid"] = None
    described |= {"groupid": event.group if made else event.group or None, "userid": event.user}
    if not made:
        described["repeatid"] = None
    described |= {"modulename": "" if made else None, "instance": 0 if made else None}
    described |= {name: row[name] for name in ("eventtype", "timestart", "timeduration", "visible")}
    if made:
        described["uuid"] = ""
    return described | {
        "sequence": event.sequence,
        "timemodified": event.timemodified,
        "subscriptionid": None,
    }


@function(
    "core_calendar_get_calendar_events",
    events=Struct(
        {
            "eventids": Many(INT, default=[]),
            "courseids": Many(INT, default=[]),
            "groupids": Many(INT, default=[]),
            "categoryids": Many(INT, default=[]),
        },
        default={"eventids": [], "courseids": [], "groupids": [], "categoryids": []},
    ),
    options=Struct(
        {
            "userevents": optional(BOOL, True),
            "siteevents": optional(BOOL, True),
            "timestart": optional(INT, 0),
            "timeend": optional(INT, 0),
            "ignorehidden": optional(BOOL, True),
        },
        default={"userevents": True, "siteevents": True, "timestart": 0, "timeend": 0, "ignorehidden": True},
    ),
)
def get_calendar_events(state: State, arguments: Arguments) -> Any:
    """List events of courses and groups, and the token owner's own."""
    wanted, options = arguments["events"], arguments["options"]
    found = []
    for event in state.events.values():
        own = event.eventtype == "user" and options["userevents"] and event.user == state.site.ws_user
        site = event.eventtype == "site" and options["siteevents"]
        by_id = event.id in wanted["eventids"]
        asked = (event.eventtype == "course" and event.course in wanted["courseids"]) or (
            event.group and event.group in wanted["groupids"]
        )
        ends = event.timestart + event.timeduration
        in_time = (event.timestart >= options["timestart"] or ends > options["timestart"]) and (
            not options["timeend"] or event.timestart <= options["timeend"]
        )
        if by_id or ((own or site or asked) and in_time and event.course != SITE_COURSE):
            found.append(_describe(event, made=False))
    return {"events": found, "warnings": []}


@function(
    "core_calendar_delete_calendar_events",
    events=Many(Struct({"eventid": INT, "repeat": BOOL})),
)
def delete_calendar_events(state: State, arguments: Arguments) -> Any:
    """Delete events, all or none (recording calendar_update_none)."""
    keys = [row["eventid"] for row in arguments["events"]]
    if not set(keys) <= state.events.keys():
        raise missing_record("event")
    for key in keys:
        state.events.pop(key, None)
