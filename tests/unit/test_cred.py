"""Rules of user and group IDs and capabilities (setuid(2), setresuid(2), capabilities(7), execve(2))."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forkernel.abi.capability import (
    CAP_CHOWN,
    CAP_FULL_SET,
    CAP_KILL,
    CAP_SETUID,
    SECBIT_KEEP_CAPS,
    SECBIT_NO_SETUID_FIXUP,
)
from forkernel.abi.errno import EINVAL, EPERM
from forkernel.abi.resource import RLIM_NLIMITS
from forkernel.errors import SysError
from forkernel.kernel import cred
from forkernel.kernel.cred import INVALID_ID, Cred
from forkernel.kernel.task import PF_NPROC_EXCEEDED

ids = st.sampled_from([0, 1, 2])
choices = st.sampled_from([INVALID_ID, 0, 1, 2, 3])


def task_of(credentials: Cred) -> Any:
    task = SimpleNamespace(cred=credentials, mm=SimpleNamespace(dumpable=1), flags=0, pdeath_signal=9)
    task.signal = SimpleNamespace(rlim=[(2, 2)] * RLIM_NLIMITS)
    jar = SimpleNamespace(alloc=lambda: 1, put=lambda slab: None)
    slabs = SimpleNamespace(cred_jar=jar)
    task.system = SimpleNamespace(user_tasks=lambda uid: 3 if uid == 7 else 0, slabs=slabs)
    task.cred_slab = 1
    return task


def user_ids(task: Any) -> tuple[int, int, int, int]:
    c = task.cred
    return c.uid, c.euid, c.suid, c.fsuid


def errno_of(call: Any, *arguments: Any) -> int:
    with pytest.raises(SysError) as caught:
        call(*arguments)
    return caught.value.errno


def test_a_change_to_a_user_with_too_many_processes_is_remembered_for_execve() -> None:
    task = task_of(Cred())
    cred.setresuid(task, 7, INVALID_ID, INVALID_ID)
    assert task.flags & PF_NPROC_EXCEEDED
    cred.setresuid(task, 8, INVALID_ID, INVALID_ID)
    assert not task.flags & PF_NPROC_EXCEEDED


def test_setuid_by_root_gives_everything_up() -> None:
    task = task_of(Cred())
    cred.setuid(task, 7)
    assert user_ids(task) == (7, 7, 7, 7)
    assert (task.cred.cap_permitted, task.cred.cap_effective) == (0, 0)
    assert (task.mm.dumpable, task.pdeath_signal) == (0, 0)
    assert errno_of(cred.setuid, task, 0) == EPERM
    assert errno_of(cred.setuid, task, INVALID_ID) == EINVAL


def test_saved_id_lets_a_set_user_id_program_switch_back_and_forth() -> None:
    task = task_of(Cred.of_user(5, 5)._replace(euid=8, suid=8, fsuid=8))
    cred.setreuid(task, INVALID_ID, 5)
    assert user_ids(task) == (5, 5, 8, 5)
    cred.setreuid(task, INVALID_ID, 8)
    assert user_ids(task) == (5, 8, 8, 8)


@given(ids, ids, ids, choices, choices, choices)
def test_unprivileged_ids_come_from_the_three_they_had(
    uid: int, euid: int, suid: int, real: int, effective: int, saved: int
) -> None:
    old = Cred.of_user(uid, 0)._replace(euid=euid, suid=suid, cap_effective=0, cap_permitted=0)
    for call, arguments in ((cred.setresuid, (real, effective, saved)), (cred.setreuid, (real, effective))):
        task = task_of(old)
        try:
            call(task, *arguments)
        except SysError as error:
            assert error.errno == EPERM  # noqa: PT017  # the other branch succeeds
            assert task.cred is old
        else:
            assert set(user_ids(task)) <= {uid, euid, suid}
            assert task.cred.fsuid in (task.cred.euid, old.fsuid)
            assert not task.cred.cap_effective


def test_keep_caps_and_no_fixup() -> None:
    task = task_of(Cred(securebits=SECBIT_KEEP_CAPS))
    cred.setresuid(task, 1, 1, 1)
    assert (task.cred.cap_permitted, task.cred.cap_effective) == (CAP_FULL_SET, 0)
    task = task_of(Cred(securebits=SECBIT_NO_SETUID_FIXUP))
    cred.setresuid(task, 1, 1, 1)
    assert task.cred.cap_effective == CAP_FULL_SET


def test_file_capabilities_follow_fsuid() -> None:
    task = task_of(Cred())
    assert cred.setfsuid(task, 3) == 0
    assert not task.cred.has_cap(CAP_CHOWN)
    assert task.cred.has_cap(CAP_KILL)
    assert cred.setfsuid(task, 0) == 3
    assert task.cred.has_cap(CAP_CHOWN)


def test_capset_never_gains() -> None:
    task = task_of(Cred.of_user(1, 1)._replace(cap_permitted=0b110, cap_effective=0))
    assert errno_of(cred.capset, task, 0b1, 0b110, 0) == EPERM
    assert errno_of(cred.capset, task, 0, 0b111, 0) == EPERM
    cred.capset(task, 0b10, 0b10, 0b100)
    assert (task.cred.cap_effective, task.cred.cap_permitted, task.cred.cap_inheritable) == (0b10, 0b10, 0b100)


def test_groups_are_sorted_and_count_for_files() -> None:
    task = task_of(Cred())
    cred.setgroups(task, [9, 3, 5])
    assert task.cred.groups == (3, 5, 9)
    assert task.cred.in_group(5)
    assert not task.cred.in_group(4)


def test_exec_of_set_user_id_root_gives_the_bounding_set_unless_no_new_privs() -> None:
    old = Cred.of_user(5, 5)
    new = cred.bprm_creds(old, 0o4755, 0, 0, no_new_privs=False)
    assert (new.uid, new.euid, new.suid, new.fsuid) == (5, 0, 0, 0)
    assert new.cap_effective == old.cap_bset
    same = cred.bprm_creds(old, 0o4755, 0, 0, no_new_privs=True)
    assert (same.euid, same.cap_permitted) == (5, 0)


def test_exec_drops_capabilities_of_ordinary_users_but_ambient_ones() -> None:
    old = Cred.of_user(5, 5)._replace(cap_permitted=0b11, cap_effective=0b11, cap_inheritable=0b10, cap_ambient=0b10)
    new = cred.bprm_creds(old, 0o755, 0, 0, no_new_privs=False)
    assert (new.cap_permitted, new.cap_effective, new.cap_ambient) == (0b10, 0b10, 0b10)


def test_signals_by_real_or_effective_to_real_or_saved() -> None:
    target = task_of(Cred.of_user(1, 1)._replace(euid=2, suid=3))
    for uid, euid, allowed in ((1, 9, True), (9, 3, True), (2, 2, False), (9, 9, False)):
        sender = task_of(Cred.of_user(uid, 1)._replace(euid=euid))
        assert cred.kill_ok_by_cred(sender, target) is allowed
    sender = task_of(Cred.of_user(9, 1)._replace(cap_effective=1 << CAP_KILL))
    assert cred.kill_ok_by_cred(sender, target)
    assert not cred.capable(sender, CAP_SETUID)
