"""struct new_utsname, and what this kernel says of itself in it (uname(2))."""

from __future__ import annotations

from typing import Annotated

from forkernel.abi.types import Bytes, CStruct

NEW_UTS_LEN = 64

UTS_SYSNAME = b"Linux"
UTS_RELEASE = b"6.18.0-forkernel"
"""The Linux release whose behaviour programs may expect, and whose work it is not."""
UTS_VERSION = b"#1 Forkernel"
UTS_MACHINE = b"x86_64"
UTS_HOSTNAME = b"forkernel"
UTS_DOMAINNAME = b"(none)"


class NewUtsname(CStruct):
    """struct new_utsname: each field ends with a NUL."""

    sysname: Annotated[bytes, Bytes(65)]
    nodename: Annotated[bytes, Bytes(65)]
    release: Annotated[bytes, Bytes(65)]
    version: Annotated[bytes, Bytes(65)]
    machine: Annotated[bytes, Bytes(65)]
    domainname: Annotated[bytes, Bytes(65)]
