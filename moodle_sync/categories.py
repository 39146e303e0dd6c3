"""Categories: found by their idnumber, and made where they are missing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from moodle_sync.client import MoodleClient
from moodle_sync.errors import MoodleError, NotJson, TokenRefused, Unreachable, WriteOutcomeUnknown
from moodle_sync.functions import Function
from moodle_sync.roster import DesiredCategory

TAKEN_CODE = "categoryidnumbertaken"
"""Moodle gives an idnumber to one category only (recording ``category_create_dup``)."""


def read_categories(client: MoodleClient, keys: Sequence[str]) -> dict[str, int | str]:
    """Return the ids of those categories that are there, by key; instead of an id why a look-up was refused.

    Packed. Raises a MoodleError where Moodle as a whole can't be asked.
    """
    answers = client.read_many(Function.CATEGORIES, [_by_idnumber(key) for key in keys])
    found: dict[str, int | str] = {}
    for key, answer in zip(keys, answers, strict=True):
        if isinstance(answer, Unreachable | NotJson | TokenRefused):
            raise answer
        if isinstance(answer, MoodleError):
            found[key] = f"the site's category can't be looked for ({answer.errorcode})"
        elif (category_id := _id_in(answer, key)) is not None:
            found[key] = category_id
    return found


def find_category(client: MoodleClient, key: str) -> int | None:
    """Return the id of the category with this idnumber, wherever it stands by now. Raises a MoodleError."""
    return _id_in(client.call(Function.CATEGORIES, **_by_idnumber(key)), key)


def make_category(client: MoodleClient, category: DesiredCategory) -> None:
    """Make a category. Raises a MoodleError, unless it is there all the same: made by a call whose answer got lost."""
    row = {"name": category.name, "idnumber": category.key, "parent": category.parent_id}
    try:
        client.call(Function.CREATE_CATEGORIES, categories=[row])
    except MoodleError as error:
        in_doubt = isinstance(error, WriteOutcomeUnknown) or error.errorcode == TAKEN_CODE
        if not in_doubt or find_category(client, category.key) is None:
            raise


def _by_idnumber(key: str) -> dict[str, Any]:
    return {"criteria": [{"key": "idnumber", "value": key}], "addsubcategories": 0}


def _id_in(answer: Any, key: str) -> int | None:
    """Return the id of the category with this idnumber in an answer (recording ``categories``). Raises NotJson."""
    try:
        if isinstance(answer, list):
            return next((int(body["id"]) for body in answer if body.get("idnumber") == key), None)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise NotJson("a category that can't be read", function=Function.CATEGORIES) from error
    raise NotJson("categories that are no list", function=Function.CATEGORIES)
