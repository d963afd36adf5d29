"""Web Functions: an endpoint that passes HTTP on to an app's own server, and the environments that run it."""
