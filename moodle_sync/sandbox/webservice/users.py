"""Accounts."""

from __future__ import annotations

import re
from typing import Any

from moodle_sync.sandbox.errors import coding_error, invalid_parameter
from moodle_sync.sandbox.state import GUEST, State, User

from .registry import Arguments, function
from .schema import BOOL, INT, TEXT, Many, Struct, optional

USERNAME = re.compile(r"[-.@_a-z0-9]+")
INTERNAL_METHODS = frozenset({"manual", "email", "none"})
"""Methods of logging in whose passwords Moodle itself keeps."""
METHODS = INTERNAL_METHODS | {"cas", "db", "ldap", "lti", "nologin", "oauth2", "shibboleth"}
EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


def picture(state: State, size: int) -> str:
    """Give the address of the standard picture."""
    return f"{state.site.url}/theme/image.php/boost/core/1795456224/u/f{size}"


def describe(state: State, user: User) -> dict[str, Any]:
    """Describe an account; an idnumber that is empty is left out, as Moodle does."""
    described: dict[str, Any] = {
        "id": user.id,
        "username": user.username,
        "firstname": user.firstname,
        "lastname": user.lastname,
        "fullname": user.fullname,
        "email": user.email,
        "department": "",
    }
    if user.idnumber:
        described["idnumber"] = user.idnumber
    return described | {
        "firstaccess": user.firstaccess,
        "lastaccess": user.lastaccess,
        "auth": user.auth,
        "suspended": user.suspended,
        "confirmed": True,
        "lang": user.lang,
        "theme": "",
        "timezone": "99",
        "mailformat": 1,
        "trackforums": 0,
        "profileimageurlsmall": picture(state, 2),
        "profileimageurl": picture(state, 1),
    }


@function("core_user_get_users_by_field", field=TEXT, values=Many(TEXT))
def get_users_by_field(state: State, arguments: Arguments) -> Any:
    """Look people up; e-mail by exact case (recording users_by_email), the unknown left out."""
    field, values = arguments["field"], arguments["values"]
    if field not in ("id", "idnumber", "username", "email"):
        raise coding_error("invalid field parameter")
    found: set[int] = set()
    for value in values:
        if field == "id":
            if value.strip().isdecimal() and int(value) in state.users:
                found.add(int(value))
        elif value:
            found |= state.user_index[field].get(value, set())
    return [describe(state, state.users[key]) for key in sorted(found - {GUEST})]


def _email_taken(state: State, email: str, but: int = 0) -> bool:
    lowered = email.lower()
    return any(user.email.lower() == lowered and user.id != but for user in state.users.values())


@function("core_user_get_users", criteria=Many(Struct({"key": TEXT, "value": TEXT})))
def search_users(state: State, arguments: Arguments) -> Any:
    """Search for people; names and e-mail by a pattern without case, as Moodle's source has it."""
    found = [user for user in state.users.values() if user.id != GUEST]
    for criterion in arguments["criteria"]:
        key, value = criterion["key"], criterion["value"]
        if key in ("email", "lastname", "firstname"):
            pattern = "".join({"%": ".*", "_": "."}.get(sign, re.escape(sign)) for sign in value)
            found = [user for user in found if re.fullmatch(pattern, str(getattr(user, key)), re.IGNORECASE)]
        else:
            found = [user for user in found if str(getattr(user, key, None)) == value]
    return {"users": [describe(state, user) for user in sorted(found, key=lambda one: one.id)], "warnings": []}


@function(
    "core_user_create_users",
    users=Many(
        Struct(
            {
                "username": TEXT,
                "firstname": TEXT,
                "lastname": TEXT,
                "email": TEXT,
                "createpassword": optional(BOOL),
                "password": optional(TEXT),
                "idnumber": optional(TEXT, ""),
                "auth": optional(TEXT, "manual"),
                "lang": optional(TEXT),
                "timezone": optional(TEXT),
                "city": optional(TEXT),
                "country": optional(TEXT),
                "middlename": optional(TEXT),
                "mailformat": optional(INT),
            }
        )
    ),
)
def create_users(state: State, arguments: Arguments) -> Any:
    """Make accounts, all or none."""
    names: set[str] = set()
    mails: set[str] = set()
    for row in arguments["users"]:
        username, email = row["username"], row["email"]
        taken = username in names or bool(state.user_index["username"].get(username))
        mail_taken = email.lower() in mails or _email_taken(state, email)
        if taken or mail_taken or not USERNAME.fullmatch(username) or not EMAIL.fullmatch(email):
            raise invalid_parameter()
        blank = any(not row[name].strip() for name in ("firstname", "lastname"))
        if blank or row["auth"] not in METHODS:
            raise invalid_parameter()
        if row["auth"] in INTERNAL_METHODS and not row.get("createpassword") and not row.get("password"):
            raise invalid_parameter()
        names.add(username)
        mails.add(email.lower())
    made = []
    for row in arguments["users"]:
        user = User(
            id=state.next_id("user"),
            lang=row.get("lang", state.site.lang),
            **{name: row[name] for name in ("username", "firstname", "lastname", "email", "idnumber", "auth")},
        )
        state.add_user(user)
        made.append({"id": user.id, "username": user.username})
    return made


@function(
    "core_user_update_users",
    users=Many(
        Struct(
            {
                "id": INT,
                "username": optional(TEXT),
                "firstname": optional(TEXT),
                "lastname": optional(TEXT),
                "email": optional(TEXT),
                "idnumber": optional(TEXT),
                "suspended": optional(BOOL),
                "lang": optional(TEXT),
            }
        )
    ),
)
def update_users(state: State, arguments: Arguments) -> Any:
    """Change accounts, each for itself; what can't be done is a warning."""
    warnings = []
    for row in arguments["users"]:
        changes = {name: value for name, value in row.items() if name != "id"}
        user = state.users.get(row["id"])
        code = ""
        if user is None or user.id == GUEST:
            code = "invaliduserid"
        elif user.admin and user.id != state.site.ws_user:
            code = "usernotupdatedadmin"
        elif "email" in changes and _email_taken(state, changes["email"], user.id):
            code = "duplicateemail"
        if code or user is None:
            warnings.append({"item": "user", "itemid": row["id"], "warningcode": code, "message": code})
        else:
            state.change_user(user, changes)
    return {"warnings": warnings}
