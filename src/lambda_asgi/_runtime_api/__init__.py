"""The Runtime API as a transport.

protocol.py has the bytes, connection.py one socket, and client.py a method for each endpoint.
"""
