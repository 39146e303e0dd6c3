"""What nginx writes down by the site that comes with the tool: paths, never what somebody searched for or a launch."""

from __future__ import annotations

import re
from pathlib import Path

SITE = (Path(__file__).resolve().parents[2] / "config/nginx.conf").read_text(encoding="utf-8")


def test_the_access_log_has_the_format_that_keeps_to_paths() -> None:
    assert re.findall(r"^\s*access_log\s+(.+);", SITE, re.MULTILINE) == [
        "/var/log/nginx/ploshchadka.access.log ploshchadka"
    ]
    (line,) = re.findall(r"^log_format ploshchadka (.+);$", SITE, re.MULTILINE)
    assert set(re.findall(r"\$(\w+)", line)) == {
        "remote_addr",
        "time_local",
        "request_method",
        "ploshchadka_path",
        "status",
        "body_bytes_sent",
        "request_time",
    }


def test_the_secrets_of_registrations_and_calendars_stay_out_of_the_path() -> None:
    (path,) = re.findall(r"map \$uri \$ploshchadka_path \{(.+?)\}", SITE, re.DOTALL)
    assert path.split() == [
        *("~^/lti/register/", "/lti/register/;"),
        *("~^/calendar/", "/calendar/;"),
        *("default", "$uri;"),
    ]


def test_the_error_log_quotes_no_request_lines() -> None:
    assert re.findall(r"error_log\s+\S+\s+(\w+);", SITE) == ["crit"]
