"""The shape of every answer that is not a success."""

import pytest

from pointflow.domain.problem import Fault, Problem, ProblemCode


def test_a_problem_is_told_with_its_faults() -> None:
    problem = Problem(ProblemCode.PUSH_INVALID, "1 fault", (Fault("/user_id", "is missing"),))

    assert problem.document() == {
        "type": "urn:pointflow:problem:push-invalid",
        "title": "The push is invalid",
        "status": 422,
        "detail": "1 fault",
        "code": "PUSH_INVALID",
        "errors": [{"path": "/user_id", "message": "is missing"}],
    }


@pytest.mark.parametrize("code", ProblemCode)
def test_every_code_has_a_status_and_a_title(code: ProblemCode) -> None:
    problem = Problem(code, "why")

    assert problem.status in {400, 401, 403, 404, 409, 413, 415, 422, 429, 503}
    assert problem.title
