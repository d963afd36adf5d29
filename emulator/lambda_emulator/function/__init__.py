"""A function: its pool of execution environments, each a process with a Runtime API of its own."""
