"""The routes for operators answer as the OpenAPI description says, whatever schemathesis sends."""

import pytest
import schemathesis
from hypothesis import HealthCheck, given, seed, settings
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS

from support.data.operator_routes import BARE, OPERATOR
from support.processes.serving import TOKEN

EXAMPLES = {"GET": 15, "POST": 8}
FITS = 4
WAIT_S = 120
# What takes nothing cannot be asked wrongly.
CASES = [
    (*operation, mode)
    for operation in OPERATOR
    for mode in GenerationMode
    if mode == GenerationMode.POSITIVE or operation not in BARE
]


@pytest.fixture(scope="module")
def description(own_api):
    return schemathesis.openapi.from_url(f"{own_api.base}/schema/openapi.json")


@pytest.mark.parametrize(("method", "path", "mode"), CASES)
def test_every_answer_is_as_described(description, method, path, mode):
    operation = description[path][method]
    # A trainer that takes longer than the request would wait is a 503, as documented.
    asks_the_trainer = path.startswith("/v1/generations/") and method == "POST"
    excluded = _of_failures() if asks_the_trainer else []
    # Each of those may fit a model.
    examples = FITS if asks_the_trainer else EXAMPLES[method]

    @seed(17)
    @settings(max_examples=examples, suppress_health_check=list(HealthCheck), database=None)
    @given(operation.as_strategy(generation_mode=mode))
    def every(case):
        headers = {"Authorization": f"Bearer {TOKEN}"}
        case.call_and_validate(headers=headers, excluded_checks=excluded, timeout=WAIT_S)

    every()


def _of_failures():
    return [each for each in CHECKS.get_all() if each.__name__ == "not_a_server_error"]
