"""Numbers and structs of calls on the whole system: sysinfo(2), reboot(2), syslog(2), getrandom(2), personality(2)."""

from __future__ import annotations

from forkernel.abi.types import I64, U16, U32, U64, CStruct

GRND_NONBLOCK = 1
GRND_RANDOM = 2
GRND_INSECURE = 4

LINUX_REBOOT_MAGIC1 = 0xFEE1DEAD
LINUX_REBOOT_MAGIC2 = (672274793, 85072278, 369367448, 537993216)
LINUX_REBOOT_CMD_RESTART = 0x01234567
LINUX_REBOOT_CMD_HALT = 0xCDEF0123
LINUX_REBOOT_CMD_CAD_ON = 0x89ABCDEF
LINUX_REBOOT_CMD_CAD_OFF = 0
LINUX_REBOOT_CMD_POWER_OFF = 0x4321FEDC
LINUX_REBOOT_CMD_RESTART2 = 0xA1B2C3D4

SYSLOG_ACTION_CLOSE = 0
SYSLOG_ACTION_OPEN = 1
SYSLOG_ACTION_READ = 2
SYSLOG_ACTION_READ_ALL = 3
SYSLOG_ACTION_READ_CLEAR = 4
SYSLOG_ACTION_CLEAR = 5
SYSLOG_ACTION_CONSOLE_OFF = 6
SYSLOG_ACTION_CONSOLE_ON = 7
SYSLOG_ACTION_CONSOLE_LEVEL = 8
SYSLOG_ACTION_SIZE_UNREAD = 9
SYSLOG_ACTION_SIZE_BUFFER = 10

SI_LOAD_SHIFT = 16
"""Load averages are fixed-point with this many bits of fraction."""


class Sysinfo(CStruct):
    """struct sysinfo; sizes are in units of `mem_unit` bytes."""

    uptime: I64
    load1: U64
    load5: U64
    load15: U64
    totalram: U64
    freeram: U64
    sharedram: U64
    bufferram: U64
    totalswap: U64
    freeswap: U64
    procs: U16
    totalhigh: U64
    freehigh: U64
    mem_unit: U32
