"""What listens on a port and turns requests into invocations: Function URLs, APIs, the Lambda API."""
