"""How many tests run at once."""

import os


def pytest_xdist_auto_num_workers() -> int:
    """What `-n auto` means: two more than there are cores.

    Half of their time the tests wait: for a deadline, a browser, a process that starts or ends.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return (cores or 1) + 2
