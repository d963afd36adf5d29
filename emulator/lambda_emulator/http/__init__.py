"""A small HTTP/1.1 server: what the fronts and the Runtime API are served with."""
