"""The routes for operators, and which of them schemathesis tries."""

OPERATOR = [
    ("GET", "/v1/status"),
    ("GET", "/v1/check"),
    ("GET", "/v1/settings"),
    ("GET", "/v1/store"),
    ("GET", "/v1/ids"),
    ("GET", "/v1/ids/receipts"),
    ("GET", "/v1/audit"),
    ("GET", "/v1/partitions"),
    ("GET", "/v1/events/by-id"),
    ("GET", "/v1/events/by-place"),
    ("GET", "/v1/generations"),
    ("GET", "/v1/generations/compare"),
    ("GET", "/v1/sources"),
    ("GET", "/v1/dead-letters"),
    ("GET", "/v1/dead-letters/one"),
    ("POST", "/v1/generations/rollback"),
    ("POST", "/v1/generations/accept"),
    ("POST", "/v1/generations/pin"),
    ("POST", "/v1/generations/unpin"),
    ("POST", "/v1/generations/refit"),
    ("POST", "/v1/sources/quarantine"),
    ("POST", "/v1/sources/retract"),
    ("POST", "/v1/sources/release"),
    ("POST", "/v1/ids/merge"),
    ("POST", "/v1/ids/unmerge"),
    ("POST", "/v1/ids/hide"),
    ("POST", "/v1/ids/show"),
    ("POST", "/v1/ids/erase"),
    ("POST", "/v1/dead-letters/replay"),
]
ENDLESS = [("GET", "/v1/stream")]
"""A stream of events, which has no whole answer."""
BARE = [
    ("GET", "/v1/status"),
    ("GET", "/v1/settings"),
    ("GET", "/v1/store"),
    ("GET", "/v1/ids"),
    ("GET", "/v1/ids/receipts"),
    ("GET", "/v1/partitions"),
    ("GET", "/v1/generations"),
    ("GET", "/v1/sources"),
]
"""Those that take no parameter."""
