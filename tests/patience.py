"""How long a test waits for what must come."""

PATIENCE = 120.0
"""Seconds before a wait fails. A loaded machine may be slow; nothing that works takes this long."""
