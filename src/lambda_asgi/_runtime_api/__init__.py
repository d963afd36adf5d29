"""The Runtime API as a transport: protocol (pure bytes), connection (one socket), client (one
endpoint a method)."""
