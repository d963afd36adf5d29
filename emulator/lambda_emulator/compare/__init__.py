"""`lambda-emulator compare`: the same requests to a deployed probe and to the emulator, and what differs."""
