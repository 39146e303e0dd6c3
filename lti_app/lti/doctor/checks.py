"""What a check says, and the places in Moodle that remedies name."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from lti_app.lti.models import Moodle

SERVICE = "Site administration, Server, Web services, External services"
TOOLS = "Site administration, Plugins, External tool, Manage tools"
HTTP_SECURITY = "Site administration, HTTP security («Безопасность HTTP», admin/settings.php?section=httpsecurity)"
ROLES = "Site administration, Users, Permissions, Define roles"


class Status(enum.StrEnum):
    """Say how a check ended. A note is worth knowing and harms nothing."""

    OK = "ok"
    NOTE = "note"
    AMISS = "amiss"


@dataclass(frozen=True)
class Check:
    """Say what was looked at, what was found, and what to do about it."""

    name: str
    status: Status
    message: str
    remedy: str = ""


def ok(name: str, message: str) -> Check:
    """Return a check that ended well."""
    return Check(name, Status.OK, message)


def note(name: str, message: str, remedy: str = "") -> Check:
    """Return a check with something worth knowing."""
    return Check(name, Status.NOTE, message, remedy)


def amiss(name: str, message: str, remedy: str) -> Check:
    """Return a check that found a fault."""
    return Check(name, Status.AMISS, message, remedy)


def add_command(moodle: Moodle, url: str) -> str:
    """Return the command that changes what is stored of a Moodle; it asks for the token anew."""
    return f"moodle add {moodle.name} --url {url} --token-file FILE"
