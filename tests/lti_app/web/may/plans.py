"""Who may see, write and agree individual plans, ask for consultations and rate planned results."""

from __future__ import annotations

from datetime import date, timedelta
from zoneinfo import ZoneInfo

from lti_app.intakes.models import Trainee
from lti_app.plans.agreeing import agree_to_plan
from lti_app.plans.consulting import ask_consultation
from lti_app.plans.content import ItemFacts, PlanFacts
from lti_app.plans.writing import begin_plan, save_plan
from lti_app.programmes.models import Topic
from tests.lti_app.web.conftest import Scene
from tests.lti_app.world import NOW

BOTH_SIDES = frozenset({"leader", "trainee"})
LEADER = frozenset({"leader"})
NOBODY: frozenset[str] = frozenset()

MAY = {
    ("GET", "plans.own"): frozenset({"trainee"}),
    ("GET", "plans.plan"): BOTH_SIDES,
    ("POST", "plans.begin"): NOBODY,  # there is one already
    ("GET", "plans.edit"): BOTH_SIDES,
    ("POST", "plans.edit"): NOBODY,  # it was changed since revision 0
    ("POST", "plans.agree"): NOBODY,  # likewise
    ("POST", "plans.restore"): NOBODY,
    ("POST", "plans.mark"): BOTH_SIDES,
    ("GET", "plans.compare"): NOBODY,  # the address names no version
    ("GET", "plans.paper"): BOTH_SIDES,
    ("GET", "plans.of_intake"): LEADER,
    ("POST", "plans.of_intake"): LEADER,
    ("GET", "consultations.index"): BOTH_SIDES,
    ("POST", "consultations.index"): NOBODY,  # no topic is chosen
    ("GET", "consultations.new"): LEADER,
    ("POST", "consultations.new"): NOBODY,  # no trainee is chosen
    ("GET", "consultations.answer"): LEADER,
    ("POST", "consultations.answer"): NOBODY,  # no time is given
    ("POST", "consultations.accept"): NOBODY,  # nothing is offered
    ("POST", "consultations.withdraw"): frozenset({"trainee"}),
    ("GET", "competences.index"): BOTH_SIDES,
    ("POST", "competences.index"): frozenset({"trainee"}),
    ("GET", "competences.trainee"): LEADER,
    ("POST", "competences.trainee"): LEADER,
    ("GET", "competences.workbook"): LEADER,
}
OF_ONE = frozenset(
    {
        ("GET", "plans.plan"),
        ("GET", "plans.edit"),
        ("POST", "plans.mark"),
        ("GET", "plans.paper"),
        ("POST", "consultations.withdraw"),
    }
)
"""Their addresses name the scene's trainee: another trainee of the intake gets nothing."""
DATA = {"question": "Как оценить проект?"}


def values(scene: Scene) -> dict[str, int]:
    """Put an agreed plan with a point and a question into the database, both of the scene's trainee."""
    world, zone = scene.here, ZoneInfo("Asia/Novokuznetsk")
    with scene.app.extensions["ploshchadka"].database.transaction() as session:
        trainee = session.get_one(Trainee, scene.trainee_id)
        day = date(2026, 12, 1)
        leader, own = world.leader_actor, world.actor_of(trainee)
        plan = begin_plan(session, trainee_id=trainee.id, from_programme=False, actor=leader, now=NOW, zone=zone)
        facts = PlanFacts("Освоить приёмы", (ItemFacts("Конспект урока", day, day + timedelta(days=3)),))
        save_plan(session, trainee_id=trainee.id, facts=facts, seen=1, actor=leader, now=NOW, zone=zone)
        for actor in (leader, own):
            agree_to_plan(session, trainee_id=trainee.id, seen=plan.revision, actor=actor, now=NOW)
        topic_id = session.query(Topic.id).filter(Topic.version_id == trainee.intake.version_id).limit(1).scalar()
        question = ask_consultation(
            session, intake_id=scene.intake_id, topic_id=topic_id, question="Как?", wished="", actor=own, now=NOW
        )
        return {"point_id": plan.items[0].id, "consultation_id": question.id}
