"""For those who run the tool: does the process live, is it ready, what does it count."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import datetime
from typing import cast

from flask import Blueprint, Flask, Response, current_app, g, jsonify, request
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from lti_app.core.edge import now, tool
from lti_app.core.errors import Unavailable
from lti_app.core.migrate import is_current
from lti_app.core.outbox import OutboxMessage
from lti_app.core.permissions import Permission, needs
from lti_app.lti.models import Moodle
from lti_app.sync.models import HeldPlan, PlanState, RunStatus, SyncRun
from lti_app.web.night_figures import night_figures

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

blueprint = Blueprint("operations", __name__)


class Meters:
    """Count requests of one application and time them, in seconds."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "ploshchadka_requests_total",
            "Answers by endpoint and status",
            ["endpoint", "status"],
            registry=self.registry,
        )
        self.seconds = Histogram(
            "ploshchadka_request_seconds",
            "Time to answer",
            ["endpoint"],
            buckets=BUCKETS,
            registry=self.registry,
        )

    def observe(self, response: Response) -> Response:
        """Count this request's answer."""
        endpoint = request.endpoint or "none"
        self.requests.labels(endpoint, str(response.status_code)).inc()
        self.seconds.labels(endpoint).observe(time.perf_counter() - g.get("began", time.perf_counter()))
        return response


class StoredFigures(Collector):
    """Read from the database what no single process can count: the outbox, the nights, held plans."""

    def __init__(self, session: Session, at: datetime) -> None:
        self._session = session
        self._at = at

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the figures; the number of queries does not depend on how many Moodles and runs there are."""
        yield from self._outbox()
        yield from self._runs()
        yield from night_figures(self._session, self._at)
        held = GaugeMetricFamily("ploshchadka_held_plans", "Plans that wait for an administrator")
        held.add_metric(
            [],
            self._session.scalar(select(func.count()).select_from(HeldPlan).where(HeldPlan.state == PlanState.HELD))
            or 0,
        )
        yield held

    def _outbox(self) -> Iterator[GaugeMetricFamily]:
        waiting = GaugeMetricFamily("ploshchadka_outbox_waiting", "Messages not delivered yet", labels=["kind"])
        oldest = GaugeMetricFamily("ploshchadka_outbox_oldest_seconds", "Age of the oldest of them", labels=["kind"])
        rows = self._session.execute(
            select(OutboxMessage.kind, func.count(), func.min(OutboxMessage.created_at))
            .where(OutboxMessage.delivered_at.is_(None), OutboxMessage.given_up_at.is_(None))
            .group_by(OutboxMessage.kind)
        )
        for kind, count, since in rows:
            waiting.add_metric([kind], count)
            oldest.add_metric([kind], (self._at - since).total_seconds())
        given_up = GaugeMetricFamily("ploshchadka_outbox_given_up", "Messages that were given up")
        given_up.add_metric(
            [],
            self._session.scalar(
                select(func.count()).select_from(OutboxMessage).where(OutboxMessage.given_up_at.is_not(None))
            )
            or 0,
        )
        yield from (waiting, oldest, given_up)

    def _runs(self) -> Iterator[GaugeMetricFamily]:
        started = GaugeMetricFamily("ploshchadka_last_run_started", "Unix time of the newest run", labels=["moodle"])
        status = GaugeMetricFamily("ploshchadka_last_run_status", "1 for its state", labels=["moodle", "status"])
        seconds = GaugeMetricFamily("ploshchadka_last_run_seconds", "How long it took", labels=["moodle"])
        newest = select(func.max(SyncRun.id).label("id")).group_by(SyncRun.moodle_id).subquery()
        rows = self._session.execute(
            select(Moodle.name, SyncRun)
            .join(SyncRun, SyncRun.moodle_id == Moodle.id)
            .join(newest, newest.c.id == SyncRun.id)
        )
        for name, run in rows:
            started.add_metric([name], run.started_at.timestamp())
            seconds.add_metric([name], run.seconds)
            for one in RunStatus:
                status.add_metric([name, one.value], float(run.status is one))
        yield from (started, status, seconds)


@blueprint.get("/healthz")
@needs(Permission.PUBLIC)
def healthz() -> Response:
    """Say that the process lives."""
    return Response("ok\n", mimetype="text/plain")


@blueprint.get("/readyz")
@needs(Permission.PUBLIC)
def readyz() -> tuple[Response, int]:
    """Say whether the database answers with the current schema, and the broker, if one is set: 200 or 503."""
    try:
        schema = "current" if is_current(tool().database) else "outdated"
        database = "answers"
    except SQLAlchemyError:
        schema, database = "unknown", "does not answer"
    state = {"database": database, "schema": schema, **_broker_state()}
    ready = schema == "current" and state.get("broker", "answers") == "answers"
    return jsonify(ready=ready, **state), 200 if ready else 503


def _broker_state() -> dict[str, str]:
    broker = tool().services.get("broker")
    if broker is None:
        return {}
    try:
        broker.ping()
    except Unavailable:
        return {"broker": "does not answer"}
    return {"broker": "answers"}


@blueprint.get("/metrics")
@needs(Permission.PUBLIC)
def metrics() -> Response:
    """Give the figures for Prometheus. With several workers, set PROMETHEUS_MULTIPROC_DIR to gather all of theirs."""
    with tool().database.session(writes=False) as session:
        stored = CollectorRegistry()
        stored.register(_Once(list(StoredFigures(session, now()).collect())))
    counted = cast(Meters, current_app.extensions["ploshchadka_meters"]).registry
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        counted = CollectorRegistry()
        MultiProcessCollector(counted)  # type: ignore[no-untyped-call]
    return Response(generate_latest(counted) + generate_latest(stored), content_type=CONTENT_TYPE_LATEST)


class _Once(Collector):
    """Hand out figures that were read already."""

    def __init__(self, families: list[GaugeMetricFamily]) -> None:
        self._families = families

    def collect(self) -> Iterator[GaugeMetricFamily]:
        yield from self._families


def install(app: Flask) -> None:
    """Give the application these addresses and count every request."""
    meters = Meters()
    app.extensions["ploshchadka_meters"] = meters

    @app.before_request
    def _begin() -> None:
        g.began = time.perf_counter()

    app.after_request(meters.observe)
    app.register_blueprint(blueprint)
