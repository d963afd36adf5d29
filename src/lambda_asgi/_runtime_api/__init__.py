"""The Runtime API as a transport.

protocol.py has the bytes, connection.py one socket, client.py a method for each endpoint, and
writer.py what leaves when of a response.
"""
