"""What must hold of every plan, whatever the city's desires and whatever Moodle has."""

from __future__ import annotations

import copy
import json

from hypothesis import given, settings
from hypothesis import strategies as st

from moodle_sync.guard import Limits, review
from moodle_sync.plan import (
    CategoryChange,
    ChangePlan,
    CourseChange,
    EnrolmentChange,
    Kind,
    UserChange,
    make_plan,
)
from moodle_sync.roster import (
    CourseRoster,
    Desired,
    DesiredCategory,
    DesiredCourse,
    DesiredEnrolment,
    DesiredPerson,
    ObservedCourse,
    Owned,
    Problem,
    Role,
)

from .world import DAY, NOW, Place, World

KEYS = ("INTAKE-A", "INTAKE-B", "INTAKE-C")
USERS = range(10, 18)
DATES = st.sampled_from(
    [(NOW - DAY, NOW + DAY), (NOW - DAY, 0), (NOW + DAY, NOW + 2 * DAY), (NOW - 3 * DAY, NOW - DAY), (NOW - 2 * DAY, 0)]
)
ROLES = st.sampled_from(Role)
CATEGORIES = [DesiredCategory("site:a", "A", 1), DesiredCategory("site:b", "B", 1)]


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Draw a Moodle with courses of ours, of others and half-made ones; places of ours, of others, tampered with."""
    world = World(categories={"site:a": 500} if draw(st.booleans()) else {})
    for number, key in enumerate(KEYS, start=2):
        state = draw(st.sampled_from(["absent", "ours", "half made", "somebody else's", "renamed"]))
        if state != "absent":
            idnumber = {"half made": "", "somebody else's": "OTHER"}.get(state, key)
            fullname = "Renamed by hand" if state == "renamed" else f"Course {key}"
            world.courses[number] = ObservedCourse(number, key, idnumber, fullname, 0, 0, True)
    for course_id in world.courses:
        for user_id in USERS:
            kind = draw(st.sampled_from(["nobody"] * 3 + ["ours"] * 3 + ["others'", "gone", "pending", "lost"]))
            starts, ends = draw(DATES)
            role, suspended = draw(ROLES), draw(st.booleans())
            written = Owned(course_id, user_id, role, starts, ends, suspended, kind in ("pending", "lost"))
            if kind not in ("nobody", "others'"):
                world.owned[course_id, user_id, role] = written
            if kind not in ("nobody", "gone", "lost"):
                # Somebody may have suspended or reactivated our people by hand. Out of an enrolment's dates nobody can
                # see that: Moodle shows it as inactive either way.
                running = starts < NOW and (ends == 0 or ends > NOW)
                if (running or kind != "ours") and draw(st.integers(0, 4)) == 0:
                    suspended = not suspended
                if kind == "pending" and draw(st.booleans()):
                    starts, ends = draw(DATES)
                world.places[course_id, user_id] = Place(starts, ends, suspended, {role})
                if draw(st.integers(0, 5)) == 0:
                    world.elsewhere.add((course_id, user_id))
    return world


@st.composite
def desires(draw: st.DrawFn) -> Desired:
    """Draw what should be: some courses, some people (one or two of them not to be found), roles, dates."""
    keys = draw(st.lists(st.sampled_from(KEYS), unique=True))
    courses = [
        DesiredCourse(
            key, key, f"Course {key}", 1, 99, *draw(DATES), visible=draw(st.booleans()), managed=True
        )._replace(category_key=draw(st.sampled_from(["", "site:a", "site:b"])), is_over=draw(st.integers(0, 5)) == 0)
        for key in keys
    ]
    people = [DesiredPerson(user_id * 100, user_id if user_id % 7 else None, None, None) for user_id in USERS]
    places = draw(
        st.lists(
            st.tuples(st.sampled_from(keys or KEYS), st.sampled_from(people), ROLES),
            unique_by=lambda row: (row[0], row[1].key, row[2]),
            max_size=20,
        )
    )
    return Desired(
        courses, people, [DesiredEnrolment(key, who.key, role, *draw(DATES)) for key, who, role in places], CATEGORIES
    )


def plan_of(world: World, desired: Desired, respects_drift: bool = False) -> ChangePlan:
    return make_plan(desired, world.owned.values(), world.observe(desired), respects_drift=respects_drift)


@given(worlds(), desires(), st.booleans())
def test_a_second_night_has_nothing_to_do(world: World, desired: Desired, respects_drift: bool) -> None:
    world.apply(plan_of(world, desired, respects_drift))
    again = plan_of(world, desired, respects_drift)
    assert again.changes == []
    assert again.gone == again.seen == []


@given(worlds(), desires())
def test_what_was_done_by_hand_is_noted_and_stays_if_it_is_respected(world: World, desired: Desired) -> None:
    world.apply(plan_of(world, desired))
    users = {row[1] for row in world.owned}
    kept = {key: copy.deepcopy(place) for key, place in world.places.items() if key not in world.elsewhere}
    for key, place in list(world.places.items()):
        ours = [row for row in world.owned.values() if row[:2] == key]
        running = place.starts < NOW - DAY / 2 and (place.ends == 0 or place.ends > NOW + DAY / 2)
        as_written = all(row.suspended is place.suspended for row in ours)
        if ours and as_written and running and key not in world.elsewhere:
            place.suspended = not place.suspended
            kept[key] = copy.deepcopy(place)
            if place.suspended and key[1] % 2:
                del world.places[key], kept[key]
    plan = plan_of(world, desired, respects_drift=True)
    world.apply(plan)
    assert not [change for change in plan.changes if isinstance(change, EnrolmentChange)]
    assert {key: place for key, place in world.places.items() if key in kept} == kept
    assert {note.subject for note in plan.notes if note.code.endswith("_by_hand")} <= users
    assert plan_of(world, desired, respects_drift=True).seen == []


@given(worlds(), desires(), st.sampled_from([1, 5]))
def test_a_roster_that_lacks_our_people_is_held(world: World, desired: Desired, floor: int) -> None:
    world.apply(plan_of(world, desired))
    observed = world.observe(desired)
    shown = {number: CourseRoster(frozenset(), frozenset()) for number in observed.rosters}
    lacking = observed._replace(rosters=shown)
    lost = {
        row[:2] for row in world.owned.values() if row.course_id in shown and row.user_id in observed.rosters[row[0]][0]
    }
    plan = make_plan(desired, world.owned.values(), lacking)
    assert sum(number.people for number in plan.missing.values()) == len(lost)
    assert ("misses_many" in {reason.code for reason in review(plan, Limits(0.2, floor)).reasons}) is (
        len(lost) >= floor
    )


@given(worlds(), desires(), st.integers(1, 4), st.data())
@settings(max_examples=200)
def test_a_run_killed_anywhere_and_run_again_ends_as_if_it_had_not_been_killed(
    world: World, desired: Desired, batch: int, data: st.DataObject
) -> None:
    smooth = world.copy()
    steps = smooth.apply(plan_of(smooth, desired), batch=batch)
    world.apply(plan_of(world, desired), batch=batch, steps=data.draw(st.integers(0, steps)))
    world.apply(plan_of(world, desired))
    assert world.state() == smooth.state()
    assert plan_of(world, desired).changes == []


def accounts_of(world: World, desired: Desired, people: list[int]) -> list[UserChange]:
    """Plan the accounts of these people, as the first pass of a night does."""
    plan = make_plan(desired, world.owned.values(), world.observe(desired), new_users=people)
    return [change for change in plan.changes if isinstance(change, UserChange)]


@given(worlds(), desires(), st.data())
def test_a_run_killed_among_accounts_makes_none_twice_and_ends_as_if_it_had_not_been_killed(
    world: World, desired: Desired, data: st.DataObject
) -> None:
    lacking = [person.key for person in desired.people if person.user_id is None or data.draw(st.booleans())]
    people = [person._replace(user_id=None) if person.key in lacking else person for person in desired.people]
    desired = desired._replace(people=people)
    smooth = world.copy()
    accounts = accounts_of(smooth, desired, lacking)
    assert {change.person_key for change in accounts} <= {row.person_key for row in desired.enrolments}
    for change in accounts:
        smooth.change(change)
    smooth.apply(plan_of(smooth, desired))
    for change in accounts[: data.draw(st.integers(0, len(accounts)))]:
        world.change(change)
    for change in accounts_of(world, desired, lacking):
        world.change(change)
    world.apply(plan_of(world, desired))
    assert world.made_users == smooth.made_users
    assert world.state() == smooth.state()
    assert make_plan(desired, world.owned.values(), world.observe(desired), new_users=lacking).changes == []


@given(worlds(), desires())
def test_nothing_that_the_tool_does_not_own_is_touched(world: World, desired: Desired) -> None:
    people_of_ours = {(course_id, user_id) for course_id, user_id, _role in world.owned}
    for change in plan_of(world, desired).changes:
        if isinstance(change, EnrolmentChange):
            place = (change.course_id, change.user_id)
            if change.kind is Kind.ENROL:
                assert place not in world.places
            elif change.kind is Kind.UPDATE_ENROLMENT:  # perhaps with a further role
                assert place in people_of_ours
            else:
                assert (*place, change.role) in world.owned
        elif change.kind is Kind.UPDATE_COURSE:
            assert change.course_id is not None
            assert world.courses[change.course_id].idnumber in ("", change.course.key)


@given(worlds(), desires())
def test_applying_a_plan_leaves_others_places_and_courses_as_they_were(world: World, desired: Desired) -> None:
    before = world.copy()
    people_of_ours = {(course_id, user_id) for course_id, user_id, _role in world.owned}
    world.apply(plan_of(world, desired))
    for place, others in before.places.items():
        if place not in people_of_ours:
            assert world.places[place] == others
    for number, course in before.courses.items():
        if course.idnumber == "OTHER":
            assert world.courses[number] == course


@given(worlds(), desires())
def test_who_should_be_in_is_in_and_who_should_not_is_suspended(world: World, desired: Desired) -> None:
    people_of_ours = {(course_id, user_id) for course_id, user_id, _role in world.owned}
    others = {place for place in world.places if place not in people_of_ours}
    world.apply(plan_of(world, desired))
    users = world.observe(desired).users
    ids = {course.idnumber: course.course_id for course in world.courses.values()}
    wanted = {
        (ids[row.course_key], users[row.person_key])
        for row in desired.enrolments
        if row.course_key in ids and row.person_key in users
    }
    of_desired = {ids[course.key] for course in desired.courses if course.key in ids and not course.is_over}
    for place in world.places:
        if place[0] in of_desired and place not in others and (place in wanted or place not in world.elsewhere):
            assert world.places[place].suspended is (place not in wanted)
    assert {place for place in wanted if place[0] in of_desired} <= set(world.places)


@given(worlds(), desires(), st.randoms(use_true_random=False))
def test_the_order_of_inputs_does_not_matter(world: World, desired: Desired, random: object) -> None:
    def shuffled(rows: object) -> list[object]:
        mixed = list(rows)  # type: ignore[call-overload]
        random.shuffle(mixed)  # type: ignore[attr-defined]
        return mixed

    observed = world.observe(desired)
    mixed = Desired(*(shuffled(rows) for rows in desired))  # type: ignore[arg-type]
    plan = make_plan(desired, world.owned.values(), observed)
    again = make_plan(mixed, shuffled(world.owned.values()), observed)  # type: ignore[arg-type]
    assert again.id == plan.id
    assert again.changes == plan.changes
    assert again.notes == plan.notes


@given(worlds(), desires())
def test_a_plan_comes_back_from_json_the_same(world: World, desired: Desired) -> None:
    plan = plan_of(world, desired)
    back = ChangePlan.from_json(json.loads(json.dumps(plan.to_json())))
    assert back == plan
    assert back.changes == plan.changes
    assert review(back) == review(plan)


@given(worlds(), desires(), st.floats(0, 0.9), st.integers(1, 4))
def test_the_guard_lets_no_plan_over_the_limit_through(
    world: World, desired: Desired, share: float, floor: int
) -> None:
    plan = plan_of(world, desired)
    suspended = {
        (change.course_id, change.user_id)
        for change in plan.changes
        if isinstance(change, EnrolmentChange) and change.kind is Kind.SUSPEND
    }
    active = suspended | {
        (row.course_id, row.user_id)
        for row in world.owned.values()
        if not row.suspended and (row.course_id, row.user_id) in world.places
    }
    desired_ids = {change[0] for change in suspended} | set(world.observe(desired).rosters)
    over = [
        course_id
        for course_id in desired_ids
        if (many := sum(1 for place in suspended if place[0] == course_id)) >= floor
        and many > share * sum(1 for place in active if place[0] == course_id)
    ]
    over_all = len(suspended) >= floor and len(suspended) > share * sum(1 for p in active if p[0] in desired_ids)
    verdict = review(plan, Limits(share, floor))
    assert ("suspends_many" in {reason.code for reason in verdict.reasons}) is bool(over or over_all)


@given(worlds(), desires())
def test_a_plan_that_rests_on_a_broken_read_is_held_and_leaves_that_course_alone(
    world: World, desired: Desired
) -> None:
    observed = world.observe(desired)
    read = [key for key, course in observed.courses.items() if course.course_id in observed.rosters]
    if not read:
        return
    key = min(read)
    rosters = dict(observed.rosters)
    del rosters[observed.courses[key].course_id]
    broken = observed._replace(rosters=rosters, problems=(Problem(key, "empty_roster", "nobody there"),))
    plan = make_plan(desired, world.owned.values(), broken)
    assert review(plan).held
    assert not [change for change in plan.changes if isinstance(change, EnrolmentChange) and change.course_key == key]


ORDER = (CategoryChange, CourseChange, EnrolmentChange)


@given(worlds(), desires())
def test_categories_come_before_the_courses_in_them_and_those_before_their_enrolments(
    world: World, desired: Desired
) -> None:
    kinds = [ORDER.index(type(change)) for change in plan_of(world, desired).changes]
    assert kinds == sorted(kinds)


@given(worlds(), desires())
def test_a_category_is_made_once_and_only_for_a_course_that_is_made_in_it(world: World, desired: Desired) -> None:
    plan = plan_of(world, desired)
    made = [change.category.key for change in plan.changes if isinstance(change, CategoryChange)]
    courses = [change.course for change in plan.changes if isinstance(change, CourseChange)]
    assert len(made) == len(set(made))
    assert set(made) == {course.category_key for course in courses} - {""}
    assert not set(made) & set(world.categories)


@given(worlds(), desires())
def test_an_intake_that_is_over_changes_nothing_but_what_is_seen_of_its_course(world: World, desired: Desired) -> None:
    over = {course.key for course in desired.courses if course.is_over}
    before = world.copy()
    plan = plan_of(world, desired)
    world.apply(plan)
    for change in plan.changes:
        if isinstance(change, CourseChange) and change.course.key in over:
            assert change.kind is Kind.UPDATE_COURSE
            assert not change.course.visible
        assert not (isinstance(change, EnrolmentChange) and change.course_key in over)
    for number, course in before.courses.items():
        if course.shortname in over:
            assert world.courses[number]._replace(visible=course.visible) == course
            assert {k: v for k, v in world.places.items() if k[0] == number} == {
                k: v for k, v in before.places.items() if k[0] == number
            }
