"""The version of the wheel. Both wheels have the same one: tests/packaging/test_wheels.py."""

__version__ = "0.1.0"
