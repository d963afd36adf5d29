"""`make mutants`: mutmut changes the pure core in small ways, and a test must notice each change."""

import sys

import pytest
from mutmut.__main__ import cli

from tests import patience

# A change that makes a test wait for ever is noticed by that; sooner than usual, because there are many.
patience.PATIENCE = 20.0


def pytest_itemcollected(item: pytest.Item) -> None:
    """mutmut 3.7 reads a private attribute that pytest 9.2 does not have any more."""
    item._nodeid = item.nodeid  # type: ignore[attr-defined]


if __name__ == "__main__":
    cli(["run", *sys.argv[1:]])
