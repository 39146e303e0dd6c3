"""Who may host a meeting, choose its room, answer its checks; servers' callbacks prove themselves otherwise."""

from __future__ import annotations

from tests.lti_app.web.conftest import Scene

LEADER = frozenset({"leader"})
EVERYBODY = frozenset(
    {
        "nobody",
        "stranger",
        "trainee",
        "trainee elsewhere",
        "leader",
        "leader elsewhere",
        "trainee who leads elsewhere",
        "administrator",
        "centre",
        "council",
    }
)

MAY = {
    ("GET", "rooms.left"): EVERYBODY,
    ("GET", "rooms.host"): LEADER,
    ("GET", "rooms.host_now"): LEADER,
    ("POST", "rooms.host_join"): LEADER,
    ("POST", "rooms.host_end"): frozenset(),  # the meeting's room is a link
    ("POST", "rooms.start_check"): LEADER,
    ("POST", "rooms.answer_check"): frozenset(),  # no code is given
    ("GET", "rooms.room"): LEADER,
    ("POST", "rooms.room"): frozenset(),  # nothing is chosen
    ("GET", "room_callbacks.ended"): frozenset(),  # the address isn't ours
    ("POST", "room_callbacks.attendance"): frozenset(),
}


def values(scene: Scene) -> dict[str, str]:
    """Name the sealed part of a callback's address: nobody has sealed this one."""
    return {"sealed": "nobody-sealed-this"}
