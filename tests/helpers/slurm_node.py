"""A real SLURM of one node on this machine, without systemd: munged, slurmctld and slurmd.

All of it lives in one folder and listens on free ports, so that it meets no other SLURM; whatever
was started, jobs included, is ended when the block is left.
"""

import contextlib
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

import psutil

PACKAGES = ["slurmctld", "slurmd", "slurm-client", "slurm-wlm-basic-plugins", "munge"]
PROGRAMS = ["munged", "slurmctld", "slurmd", "sbatch"]
# {folder}, {host}, {cores} and {memory} of this machine, and two free ports. A job that is queued
# again waits for `cred_expire` seconds, by default 120.
CONFIGURATION = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
SlurmdPort={daemon}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=20
SchedulerParameters=sched_interval=5,bf_interval=5
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
ReturnToService=2
SlurmdParameters=config_overrides
SlurmdTimeout=60
KillWait=10
MinJobAge=300
GresTypes=gpu
NodeName={host} NodeAddr=127.0.0.1 CPUs={cores} RealMemory={memory} Gres=gpu:2
PartitionName=main Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


def install() -> str | None:
    """Have Debian's SLURM on this machine; returns why it cannot be had, or None."""
    if all(shutil.which(program) for program in PROGRAMS):
        return None
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return f"needs {', '.join(PACKAGES)}, and root with apt-get to install them"
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for arguments in (["update"], ["install", "-y", "--no-install-recommends", *PACKAGES]):
        command = ["apt-get", "-q", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
        if done.returncode:
            return f"`{' '.join(command)}` failed: {done.stderr[-300:]}"
    return None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Node:
    """One node with two fake GPUs; `environment` makes SLURM's commands talk to it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = os.environ | {
            "SLURM_CONF": str(folder / "slurm.conf"),
            "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}",
        }
        self.daemons: dict[str, subprocess.Popen] = {}

    def __enter__(self) -> "Node":
        for name in ("state", "spool"):
            (self.folder / name).mkdir(parents=True)
        # The plug-in calls `srun` without the variable that says where the configuration lies.
        srun = self.folder / "srun"
        configured = f"SLURM_CONF={self.environment['SLURM_CONF']}"
        srun.write_text(f'#!/bin/sh\n{configured} exec {shutil.which("srun")} "$@"\n')
        srun.chmod(0o755)
        key = self.folder / "munge.key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o400)
        host = socket.gethostname().split(".")[0]
        memory = max(psutil.virtual_memory().total >> 20, 9000)
        facts = {"folder": self.folder, "host": host, "cores": os.cpu_count(), "memory": memory}
        ports = {"controller": _free_port(), "daemon": _free_port()}
        (self.folder / "slurm.conf").write_text(CONFIGURATION.format(**facts, **ports))
        gpus = (f"NodeName={host} Name=gpu File={file}\n" for file in ("/dev/null", "/dev/zero"))
        (self.folder / "gres.conf").write_text("".join(gpus))
        cgroup = "CgroupPlugin=cgroup/v1\nCgroupAutomount=no\n"
        (self.folder / "cgroup.conf").write_text(cgroup)
        try:
            files = [f"--{file}-file={self.folder}/munge.{file}" for file in ("key", "pid", "seed")]
            socket_file = self.folder / "munge.socket"
            self.start("munged", "-F", "--force", f"--socket={socket_file}", *files)
            self.wait(socket_file.exists, "munged opens its socket")
            self.start("slurmctld", "-D", "-c")
            self.start("slurmd", "-D", "-c")
            self.wait(lambda: "idle" in self.command("sinfo", "-h", "-o", "%T"), "the node is idle")
        except BaseException:
            self.__exit__()
            raise
        return self

    def start(self, program: str, *arguments: str) -> None:
        """Start a daemon in the foreground; its log is `<program>.log`."""
        with open(self.folder / f"{program}.log", "ab") as log:
            self.daemons[program] = subprocess.Popen(
                [shutil.which(program), *arguments], env=self.environment, stdout=log, stderr=log
            )

    def command(self, *arguments: str) -> str:
        """What one of SLURM's commands prints, complaints included."""
        done = subprocess.run(arguments, env=self.environment, capture_output=True, text=True)
        return done.stdout + done.stderr

    def wait(self, condition, what: str, seconds: float = 90) -> None:
        """Wait until a condition holds."""
        end = time.monotonic() + seconds
        while not condition():
            for program, daemon in self.daemons.items():
                assert daemon.poll() is None, f"{program} ended: {self.logs()}"
            assert time.monotonic() < end, f"not in {seconds} s: {what}. {self.logs()}"
            time.sleep(0.2)

    def logs(self) -> str:
        """The ends of the daemons' logs."""
        ends = (f"{p.name}:\n{p.read_text()[-1500:]}" for p in self.folder.glob("*.log"))
        return "\n".join(ends)

    def crash(self) -> None:
        """Kill slurmd at once, as a failing node does; its jobs keep running."""
        self.daemons["slurmd"].kill()
        self.daemons.pop("slurmd").wait()

    def processes(self) -> set[psutil.Process]:
        """Every process that belongs to this node: daemons, jobs and the keepers of jobs."""
        found = set()
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                own = process.environ().get("SLURM_CONF") == self.environment["SLURM_CONF"]
                if own and process.status() != psutil.STATUS_ZOMBIE:
                    found.add(process)
                    keeper = process.parent()  # its environment cannot be read
                    found |= {keeper} if keeper and keeper.name() == "slurmstepd" else set()
        return found

    def __exit__(self, *_: object) -> None:
        processes = self.processes()
        for process in processes:
            with contextlib.suppress(psutil.Error):
                process.kill()
        for daemon in self.daemons.values():
            daemon.wait()
        psutil.wait_procs(processes, timeout=10)
