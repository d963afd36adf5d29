"""What listens on a port and turns requests into invocations: Function URLs, REST APIs, the Invoke API."""
