"""Requests that Schemathesis makes up from the API's description, as every role: each answer is one that it describes.

Half of them are made up wholly. The others are about what is there: to a request that is known to be good something is
added, so that more is tried than whether a ref is unknown.
"""

import asyncio
from collections import Counter, defaultdict
from contextlib import suppress
from copy import deepcopy
from itertools import islice

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.core.failures import FailureGroup
from service import written
from test_who_may import identity, request_of, town  # noqa: F401 - a fixture among them

from app.api.http.access import ROLES

MADE_UP = {GenerationMode.POSITIVE: 7, GenerationMode.NEGATIVE: 4}
"""Requests to an operation that its description allows, and that it does not. Each is sent as several roles."""
SHARES = 2
"""Parts of the description, so that two cores share it."""
LEAST = 2600
"""Requests of a part: more than 5 000 of both."""
MADE = settings(
    phases=[Phase.generate], database=None, deadline=None, suppress_health_check=list(HealthCheck), print_blob=False
)
NAMES = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)
BY_ITEM = ("/v1/taps", "/v1/reports", ":batch", ":apply", ":acknowledge")
"""Ends of addresses that take what is wrong in an item, and answer each by itself."""


class Asking:
    """Asks as every role, and keeps what was answered otherwise than described, and how often which role asked."""

    def __init__(self, service, document=None):
        load_all_checks()
        self.service = service
        self.schema = schemathesis.openapi.from_dict(document or service.app.openapi())
        self.checks = CHECKS.get_by_names(NAMES)
        self.thorough = [*self.checks, *CHECKS.get_by_names(("negative_data_rejection",))]
        self.session = requests.Session()
        self.session.trust_env = False
        self.headers = {role: {"Authorization": f"Bearer {service.token(role, **identity(role))}"} for role in ROLES}
        self.headers[None] = {}
        self.found = defaultdict(list)
        self.asked = Counter()

    def ask_everything(self, share):
        """Make up requests to every operation of one share of the description."""
        for result in islice(self.schema.get_all_operations(), share, None, SHARES):
            self.ask(result.ok())

    def ask(self, operation):
        """Make up requests to an operation, and send each as all that may, and as one that may not."""
        may = operation.definition.raw.get("x-roles", [])
        others = st.sampled_from([role for role in (*ROLES, None) if role not in may])
        for kind, many in MADE_UP.items():
            cases = operation.as_strategy(generation_mode=kind)

            @settings(MADE, max_examples=many)
            @given(case=cases, known=st.booleans(), kept=st.integers(0, 255), other=others)
            def made_up(case, known, kept, other):
                if known:
                    self.make_known(case, kept)
                checks = self.checks if known or case.path.endswith(BY_ITEM) else self.thorough
                for role in (*may, other):
                    self.send(case, role, checks)

            with suppress(Unsatisfiable):  # nothing can be wrong where nothing is sent
                made_up()

    def make_known(self, case, kept):
        """Let the case be about what is there: a good request, with some of what was made up."""
        url, body, query = request_of(self.service, case.method, case.path, "own")
        case.path_parameters = {name: known_at(case.path, url, name) for name in case.path_parameters or {}}
        case.query = {name: value for name, value in (case.query or {}).items() if kept & 1} | written(query)
        if isinstance(body, dict) and isinstance(case.body, dict):
            some = {name: value for place, (name, value) in enumerate(case.body.items(), 1) if kept >> place & 1}
            case.body = written(body) | some

    def send(self, case, role, checks):
        """Send a case as a role, and keep what of its answer is not as described."""
        answer = case.call(base_url=self.service.url, session=self.session, headers=self.headers[role])
        self.asked[role] += 1
        try:
            case.validate_response(answer, checks=checks)
        except FailureGroup as group:
            for one in group.exceptions:
                place = (case.operation.label, type(one).__name__, answer.status_code)
                self.found[place].append(f"{one}\n{case.as_curl_command()}")


def known_at(template, url, name):
    """The part of an address that stands where its template has a name."""
    for step, part in zip(template.split("/"), url.split("/"), strict=True):
        if step.startswith(f"{{{name}}}"):
            return part.removesuffix(step.removeprefix(f"{{{name}}}"))
    raise AssertionError(f"{template} has no {name}")


@pytest.mark.parametrize("share", range(SHARES))
async def test_no_request_is_answered_otherwise_than_described(town, share):  # noqa: F811 - the fixture
    asking = Asking(town)
    with asking.session:
        await asyncio.to_thread(asking.ask_everything, share)
    assert {place: said[0] for place, said in asking.found.items()} == {}
    assert asking.asked.keys() == {*ROLES, None}
    assert asking.asked.total() >= LEAST


async def test_an_answer_that_is_not_as_described_is_found(service):
    document = deepcopy(service.app.openapi())
    told = document["paths"]["/v1/visits"]["get"]["responses"]
    told["200"]["content"]["application/json"]["schema"] = {"type": "object", "required": ["nothing"]}
    service.visit_ids, service.devices, service.session = {"own": "x"}, {"own": "x"}, None
    service.work_shifts, service.tap_ids = {"own": "x"}, {"own": "x"}
    asking = Asking(service, document)
    with asking.session:
        await asyncio.to_thread(asking.ask, asking.schema["/v1/visits"]["GET"])
    assert {place[1:] for place in asking.found} == {("JsonSchemaError", 200)}
