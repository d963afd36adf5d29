"""A function: its pool of execution environments, each with processes and a Runtime API."""
