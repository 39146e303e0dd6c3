"""Numbers that no row can have are no fault: an address with one is not there, a form with one chose nothing."""

from __future__ import annotations

import re

import pytest

from tests.lti_app.web.conftest import Scene
from tests.lti_app.web.visits import token

NUMBERS = ["2147483648", "99999999999999999999", "9" * 200]


@pytest.mark.parametrize("number", NUMBERS)
def test_every_address_with_a_number_no_row_can_have_is_not_found(scene: Scene, number: str) -> None:
    client = scene.come("administrator")
    data = {"csrf_token": token(scene.app, client)}
    tried = 0
    for rule in scene.app.url_map.iter_rules():
        if "<int:" in rule.rule:
            address = re.sub(r"<int:\w+>", number, rule.rule)
            answer = client.get(address) if "GET" in (rule.methods or set()) else client.post(address, data=data)
            assert answer.status_code == 404, address
            tried += 1
    assert tried >= 9


@pytest.mark.parametrize("number", [*NUMBERS, "9" * 5000, "-1", "x"])
def test_a_page_beyond_any_list_is_the_nearest_that_there_is(scene: Scene, number: str) -> None:
    run = scene.come("administrator").get(f"/sync/runs/{scene.run_id}", query_string={"page": number})
    intake = scene.come("leader").get(f"/intakes/{scene.intake_id}", query_string={"page": number})

    assert (run.status_code, intake.status_code) == (200, 200)


@pytest.mark.parametrize("number", [*NUMBERS, "-1"])
def test_a_form_with_a_number_no_row_can_have_changes_nothing_and_does_not_fail(scene: Scene, number: str) -> None:
    client = scene.come("leader")
    for address in (f"/intakes/{scene.intake_id}/credits", f"/meetings/{scene.meeting_id}/attendance"):
        data = {"csrf_token": token(scene.app, client), "proposal": number, "present": number}
        assert client.post(address, data=data).status_code < 500, address
