"""`lambda-emulator compare`: the same requests to AWS and to the emulator."""
