"""Starts workers, and listens to them no longer than a time limit."""
from __future__ import annotations

import json
import os
import pathlib
import select
import signal
import subprocess
import time

from adapters import environment
from data import CACHE, Workload

HERE = pathlib.Path(__file__).resolve().parent
# LANCE_IO_THREADS is not among them: with 1, lancedb waits for itself for ever when it builds an index.
ONE_THREAD = {name: "1" for name in (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS", "TOKIO_WORKER_THREADS", "LANCE_CPU_THREADS")}


class PeerFailed(Exception):
    """A peer that failed, crashed or went over its time; the text is what it said."""


class Worker:
    """A peer's process, on one core."""

    def __init__(self, work: Workload, name: str, task: str, *words: object, core: int | None = None, nice: int = 0):
        self.log = work.folder / f"{name}-{task}.log"
        python = CACHE / environment(name) / "bin/python"
        command = [str(python), str(HERE / "worker.py"), str(work.folder), name, task, *map(str, words)]
        with open(self.log, "w") as log:
            self.process = start(command, core, nice, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log)
        self.name, self.left = name, b""

    def send(self, **values) -> None:
        assert self.process.stdin
        try: self.process.stdin.write((json.dumps(values) + "\n").encode()), self.process.stdin.flush()
        except BrokenPipeError: raise PeerFailed(self.ending()) from None

    def receive(self, limit: float) -> dict:
        """The next answer. Whoever does not give one in time is killed."""
        assert self.process.stdout
        deadline = time.monotonic() + limit
        while b"\n" not in self.left:
            ready, _, _ = select.select([self.process.stdout], [], [], max(0, deadline - time.monotonic()))
            if not ready:
                self.stop()
                raise PeerFailed(f"no answer within {limit:.0f} s: killed")
            part = os.read(self.process.stdout.fileno(), 1 << 16)
            if not part: raise PeerFailed(self.ending())
            self.left += part
        line, _, self.left = self.left.partition(b"\n")
        answer = json.loads(line)
        if "error" in answer:
            self.stop()
            raise PeerFailed(answer["error"][:400])
        return answer

    def ending(self) -> str:
        """How a process that said nothing more has ended, with the last it wrote."""
        code = self.process.wait()
        how = signal.Signals(-code).name if code < 0 else f"status {code}"
        last = [line for line in self.log.read_text(errors="replace").splitlines() if line.strip()][-2:]
        return f"process ended with {how}" + (f": {' / '.join(last)[:300]}" if last else "")

    def stop(self) -> None:
        """Its children too: a worker leads a group of its own."""
        try: os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError: pass
        self.process.wait()


def start(command: list[str], core: int | None, nice: int = 0, **pipes) -> subprocess.Popen:
    """On one core, with libraries told to keep to one thread, as the leader of its group."""
    def enter() -> None:
        if core is not None: os.sched_setaffinity(0, {core})
        if nice: os.nice(nice)
    return subprocess.Popen(command, env=os.environ | ONE_THREAD, preexec_fn=enter, start_new_session=True, **pipes)
