"""Who may print what: whoever may read what the paper says."""

from __future__ import annotations

LISTS = frozenset({"centre", "council"})
COUNCIL = frozenset({"council"})
CENTRE = frozenset({"centre"})

MAY = {
    ("GET", "applications.paper"): frozenset({"trainee"}),  # a draft: of its author, who is the scene's trainee
    ("GET", "sites.register_paper"): LISTS,
    ("GET", "sites.order_paper"): CENTRE,
    ("GET", "programmes.paper"): frozenset({"leader", "council", "centre"}),
    ("GET", "council.protocol"): COUNCIL,
    ("GET", "council.extract"): COUNCIL,
    ("GET", "ending.paper"): frozenset(),  # the site has not ended
}
