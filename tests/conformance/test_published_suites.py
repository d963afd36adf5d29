"""The tests of Mangum, Starlette and FastAPI, run through lambda_asgi.

A table has every difference.

They take minutes and download packages: `pytest -m published -s`.
"""

import pytest

from tests.conformance.published.suites import SUITES, Suite, compare


@pytest.mark.published
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("suite", SUITES, ids=lambda suite: suite.name)
def test_every_difference_is_explained(suite: Suite, request: pytest.FixtureRequest) -> None:
    if "published" not in request.config.getoption("-m"):
        pytest.skip("takes minutes: ask for it with -m published")
    comparison = compare(suite)
    print(comparison)
    assert comparison.is_explained, str(comparison)
