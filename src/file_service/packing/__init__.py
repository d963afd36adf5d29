"""Many files as one archive, zip or tar, made while it is sent."""

# A file up to this size is read at once, and small files together up to the same size.
HELD_BYTES = 1024 * 1024
