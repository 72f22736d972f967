"""Kernels that end with the step: in its process group, and reached through files, not ports."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning.local_provisioner import LocalProvisioner


class _Here(LocalProvisioner):
    """Starts the kernel in this process's group, so that whatever ends the step ends it too."""

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:
        # So named, it ends by itself too when its parent is gone.
        env = {**kwargs["env"], "JPY_PARENT_PID": str(os.getpid())}
        self.process = subprocess.Popen(
            cmd, stdin=subprocess.DEVNULL, cwd=kwargs.get("cwd"), env=env
        )
        self.pid = self.process.pid
        return self.connection_info


class _OneKind(KernelSpecManager):
    """Knows one kernel, that of the step; what is installed on the machine does not count."""

    command: tuple[str, ...] = ()

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        argv = [*self.command, "-f", "{connection_file}"]
        return KernelSpec(argv=argv, display_name="Python 3", language="python")


def manager(command: list[str]) -> AsyncKernelManager:
    """Return the manager of a kernel that ``command`` starts, which also gets ``-f FILE``."""
    kinds = _OneKind()
    kinds.command = tuple(command)
    made = AsyncKernelManager(kernel_name="python3", kernel_spec_manager=kinds)
    made.transport = "ipc"
    # A relative path: the whole one may be longer than the 107 bytes that a socket's name can have.
    made.ip = "../kernel/socket"
    made.connection_file = str(Path("../kernel/connection.json").resolve())
    made.provisioner = _Here(parent=made, kernel_id="step", kernel_spec=made.kernel_spec)
    return made
