"""Takes from Python what OTHER_SYSTEM (macos or windows) does not have, before a program runs.

This folder is on PYTHONPATH of the programs of ../test_other_systems.py. What another system has
and Linux does not have is not added: only a run there shows that.
"""

import os
import select
import signal
import sys
from types import ModuleType
from typing import Any, NoReturn

SYSTEM = os.environ["OTHER_SYSTEM"]
MACOS = {
    select: "epoll",
    os: (
        "RWF_APPEND RWF_DSYNC RWF_HIPRI RWF_NOWAIT RWF_SYNC memfd_create pidfd_open pipe2 "
        "posix_fadvise prctl sched_getaffinity splice"
    ),
    signal: "SIGRTMAX SIGRTMIN pidfd_send_signal sigtimedwait sigwaitinfo",
}
MACOS_SOCKET = "MSG_NOSIGNAL SOCK_CLOEXEC SOCK_NONBLOCK TCP_QUICKACK TCP_USER_TIMEOUT"
WINDOWS = {
    select: "poll",
    os: (
        "O_CLOEXEC O_DIRECTORY O_NOFOLLOW O_NONBLOCK WNOHANG fchmod fork forkpty geteuid getpgid "
        "getuid killpg posix_spawn pread preadv pwrite pwritev register_at_fork sendfile setsid "
        "statvfs uname"
    ),
    signal: (
        "SIGALRM SIGCHLD SIGCONT SIGHUP SIGKILL SIGPIPE SIGQUIT SIGSTOP SIGUSR1 SIGUSR2 SIG_BLOCK "
        "SIG_SETMASK SIG_UNBLOCK alarm pthread_sigmask setitimer sigpending"
    ),
}
WINDOWS_SOCKET = "MSG_DONTWAIT SO_REUSEPORT"
POSIX_MODULES = ("fcntl", "grp", "pty", "pwd", "resource", "termios", "uvloop")


def remove(module: ModuleType, names: str) -> None:
    for name in names.split():
        if hasattr(module, name):
            delattr(module, name)


def without_proc(event: str, arguments: tuple[Any, ...]) -> None:
    """An audit hook. Links are not audited: /proc/self/fd has a counterpart on macOS."""
    if event in ("open", "os.listdir", "os.scandir"):
        refuse_proc(arguments[0])


def refuse_proc(path: object) -> None:
    if isinstance(path, str | os.PathLike) and os.fspath(path).startswith("/proc"):
        raise FileNotFoundError(2, "No such file or directory", os.fspath(path))


def stat(path: Any, *arguments: Any, stat: Any = os.stat, **keywords: Any) -> os.stat_result:
    refuse_proc(path)
    result: os.stat_result = stat(path, *arguments, **keywords)
    return result


def refuse(*arguments: object) -> NoReturn:
    raise NotImplementedError


remove(select, MACOS[select])
if SYSTEM == "windows":
    remove(select, WINDOWS[select])

import asyncio  # noqa: E402  # it chooses its selector when it is imported
import socket  # noqa: E402

sys.addaudithook(without_proc)
os.stat = stat
for module, names in MACOS.items():
    remove(module, names)
remove(socket, MACOS_SOCKET)
if SYSTEM == "windows":
    for module, names in WINDOWS.items():
        remove(module, names)
    remove(socket, WINDOWS_SOCKET)
    asyncio.SelectorEventLoop.add_signal_handler = refuse  # type: ignore[method-assign, assignment]
    for name in POSIX_MODULES:
        sys.modules[name] = None  # type: ignore[assignment]  # to import it is an ImportError
