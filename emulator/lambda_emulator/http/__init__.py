"""A small HTTP/1.1 server, used by the fronts and by the Runtime API."""
