"""Comparing an answer with a recorded one, and saying where they differ."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

# What no two sites, or no two moments, have in common: of these only the type is compared.
VOLATILE = {
    "timecreated", "timemodified", "cacherev", "firstaccess", "lastaccess", "lastcourseaccess", "timecompleted",
    "gradedategraded", "userpictureurl", "profileimageurl", "profileimageurlsmall", "modicon", "contextid",
    "courseimage", "sortorder", "nonce", "iat", "exp", "hash", "launchid", "client_id", "kid", "n", "access_token",
}  # fmt: skip
# Strings that hold JSON.
NESTED = {"data", "exception", "lis_result_sourcedid", "lti_message_hint"}


def differences(recorded: Any, answered: Any, path: str = "$", name: str = "") -> Iterator[str]:
    """Walk both and yield a line for each difference, with its path; keys, types, counts and values all count."""
    if isinstance(recorded, dict) and isinstance(answered, dict):
        for key in recorded.keys() - answered.keys():
            yield f"{path}.{key}: missing"
        for key in answered.keys() - recorded.keys():
            yield f"{path}.{key}: not in the recording"
        for key in recorded.keys() & answered.keys():
            yield from differences(recorded[key], answered[key], f"{path}.{key}", key)
    elif isinstance(recorded, list) and isinstance(answered, list):
        if len(recorded) != len(answered):
            yield f"{path}: {len(recorded)} recorded, {len(answered)} answered"
        for number, (one, other) in enumerate(zip(recorded, answered, strict=False)):
            yield from differences(one, other, f"{path}[{number}]", name)
    elif type(recorded) is not type(answered):
        yield f"{path}: {type(recorded).__name__} recorded, {type(answered).__name__} answered ({answered!r})"
    elif name in VOLATILE:
        return
    elif name in NESTED and isinstance(recorded, str) and recorded.startswith("{"):
        yield from differences(json.loads(recorded), json.loads(answered), f"{path}(json)")
    elif recorded != answered:
        yield f"{path}: {recorded!r} recorded, {answered!r} answered"
