"""Many files as one: zip and tar, made while they are sent."""

# A file up to this size is read as a whole, and small ones together up to as much.
HELD_BYTES = 1024 * 1024
