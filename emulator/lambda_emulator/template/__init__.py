"""A SAM or CloudFormation template, read as far as the emulator needs it."""
