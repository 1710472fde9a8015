"""Whether /health/live tells a program that is stuck from one that is late: threads of running programs are stopped, as a debugger
does it, which no signal can."""

import contextlib
import ctypes
import errno
import os
import pathlib
import re

from stage import wait_until

PTRACE_DETACH, PTRACE_SEIZE, PTRACE_INTERRUPT = 17, 0x4206, 0x4207
WAIT_ALL = 0x40000000
# The kernel cuts names of threads to 15 bytes.
TASKS, SERVERS = "tokio-rt-worker", "actix-server wo"
# 30 s, by which a program is late; one look waits a second.
PATIENCE_SECONDS = 60


def runtime_of(process, busy):
    """The threads of one runtime: of the tasks, or a worker of the public listener where it has some. `busy` is work for the ops
    listener, whose worker has the same name and is not meant."""
    folders = list(pathlib.Path(f"/proc/{process.pid}/task").iterdir())
    names = {it: name_of(it) for it in folders}
    named = {name: [it for it in folders if names[it] == name] for name in (TASKS, SERVERS)}
    if len(named[SERVERS]) == 1:
        return [int(it.name) for it in named[TASKS]]
    before = {it: turns(it) for it in named[SERVERS]}
    busy()
    return [int(min(named[SERVERS], key=lambda it: turns(it) - before[it]).name)]


def name_of(thread):
    """None where it has ended since it was listed: runtimes let idle threads for blocking work go, and these have the name, too."""
    try:
        return (thread / "comm").read_text().strip()
    except (FileNotFoundError, ProcessLookupError):
        return None


def turns(thread):
    """How often it has slept and been woken."""
    return int(re.search(r"^voluntary_ctxt_switches:\s*(\d+)$", (thread / "status").read_text(), re.M).group(1))


@contextlib.contextmanager
def frozen(threads):
    """While this lasts the threads run nothing."""
    ptrace = ctypes.CDLL(None, use_errno=True).ptrace
    ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    stopped = []
    try:
        for thread in threads:
            if stops(ptrace, thread):
                stopped.append(thread)
        yield
    finally:
        for thread in stopped:
            ptrace(PTRACE_DETACH, thread, None, None)


def stops(ptrace, thread):
    """Whether it stands still now; not where it has ended before it did."""
    if ptrace(PTRACE_SEIZE, thread, None, None):
        if ctypes.get_errno() == errno.ESRCH:
            return False
        raise RuntimeError(f"a thread of our own program cannot be stopped: {os.strerror(ctypes.get_errno())}")
    # Fails only if it has ended since, and then we have to wait for its end: the program cannot end before.
    ptrace(PTRACE_INTERRUPT, thread, None, None)
    _, status = os.waitpid(thread, WAIT_ALL)
    return os.WIFSTOPPED(status)


def judge(all_running, ask):
    """`ask` gives the status of a path of somebody's ops listener. All stand still at the same time, for that takes half a minute."""

    def live(one):
        return ask(one, "/health/live")

    with contextlib.ExitStack() as still:
        for one in all_running:
            # Not of /health/live, which gives every runtime something to do.
            threads = runtime_of(one.process, lambda one=one: [ask(one, "/metrics") for _ in range(20)])
            still.enter_context(frozen(threads))
        for one in all_running:
            if (status := live(one)) != 200:
                yield f"{one.name}: is late for the first time, and /health/live answers {status}, not 200"
        yield from becomes(all_running, live, 503, "has a runtime that stands still")
    yield from becomes(all_running, live, 200, "runs again")


def becomes(all_running, live, wanted, what):
    for one in all_running:
        try:
            wait_until(lambda one=one: live(one) == wanted, f"{one.name} {what}", PATIENCE_SECONDS)
        except RuntimeError:
            yield f"{one.name}: {what}, and /health/live never answers {wanted}"
