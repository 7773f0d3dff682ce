"""What execve needs to know of x86-64: machine number, the auxiliary vector's CPU entries."""

from __future__ import annotations

from forkernel.abi.elf import AT_HWCAP, AT_HWCAP2, AT_MINSIGSTKSZ

EM_X86_64 = 62
ELF_PLATFORM = b"x86_64"
ELF_HWCAP = 0x078BFBFD
"""CPUID leaf 1, EDX, of the emulated CPU."""
ELF_HWCAP2 = 0
"""HWCAP2_FSGSBASE is not set: the emulated CPU has no rdfsbase."""
MINSIGSTKSZ = 1456
"""Largest signal frame in bytes: frame, siginfo, ucontext and 512 bytes of FXSAVE, aligned."""

ARCH_DLINFO = ((AT_MINSIGSTKSZ, MINSIGSTKSZ),)
"""Entries that come before all others. AT_SYSINFO_EHDR is absent: there is no vDSO."""

__all__ = ["ARCH_DLINFO", "AT_HWCAP", "AT_HWCAP2", "ELF_HWCAP", "ELF_HWCAP2", "ELF_PLATFORM", "EM_X86_64"]
