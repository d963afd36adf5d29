"""Listens on ports and turns requests into invocations: Function URLs, APIs, the Lambda API."""
