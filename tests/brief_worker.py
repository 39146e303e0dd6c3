"""The tool's workers with shorter waits and smaller parts, so that tests need neither hours nor thousands of people."""

from __future__ import annotations

import os
from datetime import timedelta

from lti_app.core import broker
from lti_app.sync import jobs, parts

broker.REDELIVERED_AFTER = timedelta(seconds=2)
broker.SWEPT_EVERY = timedelta(seconds=1)
jobs.LOOK_AGAIN = timedelta(seconds=1)
parts.PART_WEIGHT = int(os.environ.get("PART_WEIGHT", "10"))
parts.LOOK_EVERY = 0.05

from lti_app.worker import app  # noqa: E402 - after what it reads was changed

__all__ = ["app"]
