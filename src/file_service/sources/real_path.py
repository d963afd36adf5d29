"""The real path of an open file, without links, from the operating system."""

import os
import sys

if sys.platform == "linux":

    def real_path(descriptor: int) -> str:
        return os.readlink(f"/proc/self/fd/{descriptor}")

else:
    import fcntl

    def real_path(descriptor: int) -> str:
        path = fcntl.fcntl(descriptor, fcntl.F_GETPATH, bytes(1024))
        return os.fsdecode(path.rstrip(b"\0"))
