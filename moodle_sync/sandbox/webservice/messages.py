"""Instant messages."""

from __future__ import annotations

from typing import Any

from moodle_sync.sandbox.errors import MoodleError
from moodle_sync.sandbox.state import Message, State

from .registry import Arguments, function
from .schema import INT, TEXT, Many, Struct, optional


@function(
    "core_message_send_instant_messages",
    messages=Many(
        Struct(
            {
                "touserid": INT,
                "text": TEXT,
                "textformat": optional(INT, 0),
                "clientmsgid": optional(TEXT, ""),
            }
        )
    ),
)
def send_instant_messages(state: State, arguments: Arguments) -> Any:
    """Send messages; one unknown recipient and none goes, with a misleading errorcode (recording message_send)."""
    if any(row["touserid"] not in state.users for row in arguments["messages"]):
        raise MoodleError("formatnotsupported", "webservice/formatnotsupported")
    sent = []
    for row in arguments["messages"]:
        if row["touserid"] in state.site.without_messages:  # Moodle's source: can_send_message says no
            sent.append(
                {
                    "msgid": -1,
                    "clientmsgid": row["clientmsgid"],
                    "errormessage": f"{state.users[row['touserid']].fullname} cannot be messaged",
                    "timecreated": state.now(),
                    "candeletemessagesforallusers": False,
                }
            )
            continue
        message = Message(state.next_id("message"), state.site.ws_user, row["touserid"], row["text"], state.now())
        state.messages.append(message)
        sent.append(
            {
                "msgid": message.id,
                "clientmsgid": row["clientmsgid"],
                "text": message.text,
                "timecreated": message.timecreated,
                "conversationid": message.recipient,
                "useridfrom": message.sender,
                "candeletemessagesforallusers": False,
            }
        )
    return sent
