"""The OpenAPI description holds: what schemathesis makes of it is answered as it says."""

import pytest
import schemathesis
from hypothesis import HealthCheck, given, seed, settings
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS

from support.data.operator_routes import ENDLESS, OPERATOR
from support.processes.serving import TOKEN

EXAMPLES = 25


OPERATIONS = [
    ("GET", "/v1/artists/{identity}/venues"),
    ("GET", "/v1/venues/{identity}/artists"),
    ("GET", "/v1/artists/{identity}/why"),
    ("GET", "/v1/venues/{identity}/why"),
    ("GET", "/v1/artists/{identity}/changes"),
    ("GET", "/v1/venues/{identity}/changes"),
    ("GET", "/v1/artists/{identity}/similar"),
    ("GET", "/v1/venues/{identity}/similar"),
    ("GET", "/v1/search"),
    ("POST", "/v1/lists"),
    ("POST", "/v1/what-if/artist"),
    ("POST", "/v1/what-if/venue"),
    ("POST", "/v1/events"),
    ("GET", "/healthz"),
    ("GET", "/readyz"),
]

# Health checks take nothing that could be wrong.
CASES = [
    (*operation, mode)
    for operation in OPERATIONS
    for mode in GenerationMode
    if mode == GenerationMode.POSITIVE or operation[1].startswith("/v1")
]


@pytest.fixture(scope="module")
def description(api):
    return schemathesis.openapi.from_url(f"{api.base}/schema/openapi.json")


@pytest.mark.parametrize(("method", "path", "mode"), CASES)
def test_every_answer_is_as_described(description, method, path, mode):
    operation = description[path][method]
    # Whether an event is one is for the contract to say, which no schema can hold.
    excluded = _of_the_contract() if path == "/v1/events" else []

    @seed(17)
    @settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck), database=None)
    @given(operation.as_strategy(generation_mode=mode))
    def every(case):
        if mode == GenerationMode.POSITIVE:
            _whole_circle(case.query)
        headers = {"Authorization": f"Bearer {TOKEN}"}
        case.call_and_validate(headers=headers, excluded_checks=excluded)

    every()


def _whole_circle(query):
    """A circle takes three parameters or none, which a description of single ones cannot say."""
    names = {"lat", "lng", "radius_km"}
    if query and not names <= query.keys():
        for name in names & query.keys():
            del query[name]


def _of_the_contract():
    names = {"positive_data_acceptance", "negative_data_rejection"}
    return [each for each in CHECKS.get_all() if each.__name__ in names]


def test_every_operation_and_parameter_is_described(api):
    told = api.ask("/schema/openapi.json").json
    operations = [each for path in told["paths"].values() for each in path.values()]

    assert len(operations) == len([*OPERATIONS, *OPERATOR, *ENDLESS])
    assert [each["operationId"] for each in operations if not each.get("description")] == []
    assert [
        parameter["name"]
        for each in operations
        for parameter in each.get("parameters", [])
        if not parameter.get("description")
    ] == []


def test_the_description_is_json_alone(api):
    for page in ("/schema", "/schema/swagger", "/schema/redoc", "/docs"):
        reply = api.ask(page)
        assert reply.status == 404 or "json" in reply.headers["content-type"]
