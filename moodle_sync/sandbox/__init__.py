"""A pocket Moodle for demo and tests: web services, LTI 1.3 platform and pages, shaped by a real one's recordings.

Run it with `python -m moodle_sync.sandbox --port 8800`, or inside a test:

    with running_sandbox(seed={...}) as sandbox:
        sandbox.url, sandbox.token, sandbox.state, sandbox.faults, sandbox.calls

The seed is JSON (or the same as dicts); every part may be left out, an unknown key is refused. Ids are given in order
where they are left out; the site course and the guest are 1, the administrator 2, the web service's account 3.

    {"site": {"sitename", "shortname", "lang", "timezone", "guid", "max_input_vars": 1000,
              "withheld_functions": [not in the token's service], "refused_functions": [no capability for],
              "release", "version"},
     "users": [{"username", "firstname", "lastname", "email", "idnumber"?, "id"?, "admin"?, "suspended"?, "lang"?}],
     "categories": [{"name", "idnumber"?, "parent"?: name or idnumber, "description"?, "id"?}],
     "tools": [{"name", "client_id", "login_url", "redirect_uris": [], "target_link_uri", "jwks_uri" or "jwks",
                "deep_link_uri"?, "custom"?: {}, "scopes"?, "claims"?, "send_name"?, "send_email"?, "logo_uri"?,
                "domain"?, "description"?, "state"?: "active" or "pending", "id"?}],
     "courses": [{"shortname", "fullname", "idnumber"?, "category"?: name or idnumber, "summary"?, "startdate"?,
                  "enddate"?, "visible"?, "enablecompletion"?, "sections"?, "id"?,
                  "activities"?: [{"kind": "lti", "assign", "page" …, "name", "idnumber"?, "section"?, "description"?,
                                   "completion"?: "none", "manual" or "grade", "visible"?,
                                   and for a tool's link "tool"?: name, "custom"?: {}, "maximum"?: points or null}],
                  "criteria"?: [names of activities]}],
     "enrolments": [{"user": username, idnumber or id, "course": shortname, idnumber or id, "role": "student",
                     "timestart"?, "timeend"?, "suspended"?, "method"?: "manual", "self" or "cohort"}],
     "groups": [{"course", "name", "idnumber"?, "description"?, "members"?: [users]}]}

Controls, all JSON under `/_sandbox/`: GET `ready`, `state` (everything that lasts), `calls` (counted; DELETE resets);
POST `faults`, `tools`, `invite`, `activate`, `privacy`, `activities`, `criteria`, `completion`, `enrolments`,
`accounts`, `courses` (see `views_control`).
"""

from .faults import Faults, FaultSpecError
from .seed import SeedError
from .server import running_sandbox
from .web import Sandbox

__all__ = ["FaultSpecError", "Faults", "Sandbox", "SeedError", "running_sandbox"]
