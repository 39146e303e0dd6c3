"""Site information and packed calls."""

from __future__ import annotations

import json
from typing import Any

from moodle_sync.sandbox.errors import MoodleError, invalid_parameter
from moodle_sync.sandbox.state import State

from .registry import FUNCTIONS, Arguments, call, function
from .schema import BOOL, INT, TEXT, Many, Struct, optional
from .wire import to_json

ADVANCED_FEATURES = {
    "usecomments": 1,
    "usetags": 1,
    "enablenotes": 1,
    "messaging": 1,
    "enableblogs": 1,
    "enablecompletion": 1,
    "enablebadges": 1,
    "messagingallusers": 0,
    "enablecustomreports": 1,
    "enableglobalsearch": 0,
    "mnet_dispatcher_mode": 0,
    "enablecompetencies": 1,
}


@function("core_webservice_get_site_info", serviceshortnames=Many(TEXT, default=[]))
def get_site_info(state: State, arguments: Arguments) -> Any:
    """Tell about site, token's owner and service (recording site_info)."""
    site, user = state.site, state.users[state.site.ws_user]
    return {
        "sitename": site.sitename,
        "username": user.username,
        "firstname": user.firstname,
        "lastname": user.lastname,
        "fullname": user.fullname,
        "lang": user.lang,
        "userid": user.id,
        "siteurl": site.url,
        "userpictureurl": f"{site.url}/theme/image.php/boost/core/1795456224/u/f1",
        "functions": [
            {"name": name, "version": site.version} for name in sorted(FUNCTIONS) if name not in site.withheld_functions
        ],
        "downloadfiles": 0,
        "uploadfiles": 0,
        "release": site.release,
        "version": site.version,
        "mobilecssurl": "",
        "advancedfeatures": [{"name": name, "value": value} for name, value in ADVANCED_FEATURES.items()],
        "usercanmanageownfiles": True,
        "userquota": 104857600,
        "usermaxuploadfilesize": 2097152,
        "userhomepage": 1,
        "userprivateaccesskey": "0",
        "siteid": 1,
        "sitecalendartype": "gregorian",
        "usercalendartype": "gregorian",
        "userissiteadmin": user.admin,
        "theme": "boost",
        "limitconcurrentlogins": 0,
        "policyagreed": 0,
    }


@function(
    "tool_mobile_call_external_functions",
    requests=Many(
        Struct(
            {
                "function": TEXT,
                "arguments": optional(TEXT, "{}"),
                "settingraw": optional(BOOL, False),
                "settingfileurl": optional(BOOL, True),
                "settingfilter": optional(BOOL, False),
                "settinglang": optional(TEXT, ""),
                "settingtimezone": optional(INT),
            }
        )
    ),
)
def call_external_functions(state: State, arguments: Arguments) -> Any:
    """Run several calls in one; the first error ends the list, what follows is not run (recording multi_mixed)."""
    responses: list[dict[str, Any]] = []
    for request in arguments["requests"]:
        try:
            given = json.loads(request["arguments"])
        except ValueError:
            raise invalid_parameter() from None
        try:
            data = call(state, request["function"], given)
        except MoodleError as error:
            detail = {
                "message": error.message,
                "errorcode": error.errorcode,
                "link": f"{state.site.url}/",
                "moreinfourl": f"https://docs.moodle.org/405/en/error/debug/{error.errorcode}",
            }
            responses.append({"error": True, "exception": to_json(detail)})
            break
        responses.append({"error": False, "data": to_json(data)})
    return {"responses": responses}
