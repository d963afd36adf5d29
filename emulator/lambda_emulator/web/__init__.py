"""Web Functions: an endpoint that forwards HTTP to an app's own server, and the environments that
run it.
"""
