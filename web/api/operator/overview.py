"""What an operator looks at first: status, checks, settings, the store, and the audit."""

from collections.abc import Mapping
from typing import Annotated, Any

from litestar import get
from litestar.params import Parameter

from operations import check as checks
from operations.audit import lines
from operations.contents import contents, decided
from operations.erasure import receipts
from operations.settings import OperationSettings, as_text, shown
from operations.status import Status
from web.api.problems import documented
from web.api.services import Answering
from web.api.wording import worded

MAX_LINES = 1_000

Found = dict[str, Any]
Part = Annotated[
    list[str] | None,
    Parameter(
        max_items=len(checks.CHECKS),
        description=f"One of {', '.join(checks.CHECKS)}; repeat it for more. All by default.",
    ),
]
LineCount = Annotated[int, Parameter(ge=1, le=MAX_LINES, description="How many lines.")]
Skipped = Annotated[
    int, Parameter(ge=0, le=1 << 31, description="How many of the newest to pass over.")
]


@get("/status", responses=documented(503), summary="Status", tags=["operator"])
async def status(services: Answering) -> Found:
    """What is stored, how far the store is behind Kafka, and what apps see: `gigstream status`.

    `as_of` is the clock of the data now: the newest time of statements that count. That of a list
    or a generation is the same clock when its model was fitted, from which its plays age.

    What a server that cannot be reached would tell is null, and `problems` says why.
    """
    return await services.operations.look(_status, services.operations.settings)


@get("/check", responses=documented(409), summary="Checks", tags=["operator"])
async def check(services: Answering, part: Part = None) -> Found:
    """Whether all that the processes need is there: the findings of `gigstream check`."""
    # Before a thread is taken: a part that is not there needs none.
    looks = checks.chosen(part or ())
    settings = services.operations.settings
    found = await services.operations.look(checks.findings, settings, looks)
    return {
        "ok": all(each.ok for each in found),
        "checks": [{"name": each.name, "ok": each.ok, "said": worded(each.said)} for each in found],
    }


@get("/settings", responses=documented(), summary="Effective settings", tags=["operator"])
async def settings(services: Answering) -> Found:
    """The settings in force, secrets masked, and where each value comes from."""
    known = services.operations
    return {"settings": effective(known.settings, known.origins)}


@get("/store", responses=documented(), summary="The store", tags=["operator"])
async def store(services: Answering) -> Found:
    """Rows, files, bytes, log and positions of the store: `gigstream store stats`."""
    return await services.operations.look(contents, services.operations.settings.store)


@get("/ids", responses=documented(), summary="Decisions about ids", tags=["operator"])
async def ids(services: Answering) -> Found:
    """Which ids count as others, and which are hidden."""
    return await services.operations.look(decided, services.operations.settings.store)


@get("/ids/receipts", responses=documented(), summary="Erasures", tags=["operator"])
async def erasures(services: Answering) -> Found:
    """What was erased and when, newest first, by the keyed hash of the id."""
    found = await services.operations.look(receipts, services.operations.settings)
    return {"receipts": found}


@get("/audit", responses=documented(), summary="Audit", tags=["operator"])
async def audit(services: Answering, n: LineCount = 50, offset: Skipped = 0) -> Found:
    """What operators have done or tried to do, newest first: `gigstream audit`."""
    home = services.operations.settings.home
    return {"audit": await services.operations.look(lines, home, n, skip=offset)}


def _status(settings: OperationSettings) -> Found:
    found = Status(settings)
    remarks = [*found.warned, *(f"ALARM: {each}" for each in found.raised)]
    problems = [worded(str(each)) for each in found.problems]
    return found.facts | {"problems": problems, "remarks": [*map(worded, remarks)]}


def effective(settings: OperationSettings, origins: Mapping[str, str]) -> list[Found]:
    """Every setting in force: value, origin, default and meaning, secrets masked."""
    return [
        {
            "name": name,
            "value": value,
            "origin": origins.get(name, "default"),
            "default": as_text(name, _default(settings, name)),
            "meaning": _meaning(type(settings).model_fields[name].description or ""),
        }
        for name, value in shown(settings).items()
    ]


def _meaning(docstring: str) -> str:
    """The text of a docstring, in one line and without the marks of its markup."""
    return " ".join(docstring.split()).replace("``", "`")


def _default(settings: OperationSettings, name: str) -> object:
    return type(settings).model_fields[name].get_default(call_default_factory=True)
