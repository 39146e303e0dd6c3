"""Who may write, read, discuss and decide on programmes."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from lti_app.programmes.models import (
    AgendaItem,
    Form,
    Mode,
    Programme,
    ProgrammeVersion,
    Remark,
    Section,
    Sitting,
    Topic,
    VersionState,
)
from tests.lti_app.web.conftest import Scene
from tests.lti_app.world import NOW

LEADER = frozenset({"leader"})
LEADERS = frozenset({"leader", "leader elsewhere"})
COUNCIL = frozenset({"council"})
READERS = frozenset({"leader", "council", "centre"})

MAY = {
    ("GET", "programmes.mine"): LEADERS,
    ("POST", "programmes.create"): LEADER,
    ("GET", "programmes.programme"): frozenset(
        {"stranger", "trainee", "trainee elsewhere", "leader", "leader elsewhere", "administrator", "centre", "council"}
    ),  # it only leads on to the version's page, which asks
    ("POST", "programmes.begin"): frozenset(),  # a version is under way
    ("GET", "programmes.version"): READERS,
    ("GET", "programmes.compare"): READERS,
    ("GET", "programmes.edit"): LEADER,
    ("POST", "programmes.edit"): frozenset(),  # it is with the council
    ("GET", "programmes.import_plan"): frozenset(),
    ("POST", "programmes.import_plan"): frozenset(),
    ("POST", "programmes.submit"): frozenset(),  # it is submitted already
    ("POST", "programmes.withdraw"): LEADER,
    ("GET", "council.desk"): COUNCIL,
    ("POST", "council.call"): COUNCIL,
    ("GET", "council.sitting"): COUNCIL,
    ("POST", "council.sitting"): frozenset(),  # it was changed since revision 0
    ("POST", "council.add"): frozenset(),  # the version is on an agenda already
    ("POST", "council.close"): frozenset(),  # a point is undecided
    ("POST", "council.remove"): COUNCIL,
    ("POST", "council.decide"): frozenset(),  # no decision is chosen
    ("POST", "council.wording"): frozenset(),  # the point was taken off just before
    ("POST", "council.remark"): COUNCIL,
    ("POST", "council.answer"): LEADER,
    ("POST", "council.settle"): COUNCIL,
}

DATA = {
    "title": "Новая программа",
    "hours": "24",
    "held_on": NOW.date().isoformat(),
    "text": "Уточните цель",
    "answer": "Уточнено",
    "settled": "",
    "revision": "0",
}


def values(scene: Scene) -> dict[str, int]:
    """Put a submitted version with a remark on the agenda of a sitting, beside an approved one."""
    with scene.app.extensions["ploshchadka"].database.transaction() as session:
        programme = session.get_one(Programme, scene.here.programme.id)
        version = ProgrammeVersion(
            programme=programme,
            number=2,
            title="Функциональная грамотность",
            hours=Decimal(8),
            hours_needed=Decimal(8),
            state=VersionState.SUBMITTED,
            submitted_at=NOW,
        )
        version.topics.append(Topic(position=1, title="Тема", form=Form.LECTURE, mode=Mode.ON_SITE, hours=Decimal(8)))
        sitting = Sitting(held_on=NOW.date() - timedelta(days=1), protocol_number="9", created_at=NOW)
        item = AgendaItem(sitting=sitting, position=1, version=version)
        remark = Remark(version=version, section=Section.WHOLE, text="?", author_name="Советова", made_at=NOW)
        session.add_all([version, sitting, item, remark])
        session.flush()
        DATA["site"], DATA["version"] = str(scene.here.site.id), str(version.id)
        return {
            "programme_id": programme.id,
            "version_id": version.id,
            "sitting_id": sitting.id,
            "item_id": item.id,
            "remark_id": remark.id,
        }
