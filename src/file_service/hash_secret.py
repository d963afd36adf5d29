"""`python -m file_service.hash_secret`: print the hash of a secret, for FILE_TOKEN and FILE_USERS.

With `--token` it makes a random token, prints it, and then prints its hash.
"""

import getpass
import secrets
import sys

from file_service.identity.hashes import hash_password, hash_token


def main(arguments: list[str]) -> int:
    """Run the command with these arguments, and return its exit status."""
    if arguments == ["--token"]:
        token = secrets.token_urlsafe(32)
        print(f"token: {token}\nhash:  {hash_token(token).text}")
        return 0
    if arguments:
        print(__doc__, file=sys.stderr)
        return 2
    print(hash_password(_read_secret()).text)
    return 0


def _read_secret() -> str:
    """Ask without echo in a terminal. Otherwise read the first line of standard input."""
    if sys.stdin.isatty():
        return getpass.getpass("Secret: ")
    return sys.stdin.readline().rstrip("\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
