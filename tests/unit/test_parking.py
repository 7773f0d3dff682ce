"""Page tables of long sleepers are parked, and nobody can tell: not the guest, the frame counts or a snapshot."""

from __future__ import annotations

import pickle

import pytest

from forkernel import Kernel
from forkernel.kernel import invariants
from forkernel.mm import parking
from forkernel.mm.pagetable import PageTable
from forkernel.mm.parking import ParkedPageTable
from harness import GUEST, ON_LINUX, compile_program, has_compiler

pytestmark = pytest.mark.skipif(not ON_LINUX or not has_compiler(), reason="compiles a guest program")


@pytest.fixture(scope="module")
def program():
    return str(compile_program(GUEST / "fork" / "many_sleepers.c"))


def parked(kernel):
    trees = [task.mm.pt for task in kernel.system.all_tasks() if task.mm is not None]
    return [tree for tree in trees if type(tree) is ParkedPageTable]


def until_all_are_alive(program):
    kernel = Kernel(root="/", memory=64 << 20, pids=2000)
    process = kernel.spawn([program])
    while not process.stdout:
        assert kernel.run_for(2_000_000) == "time"
    return kernel, process


def finish(kernel):
    assert kernel.run(timeout=60) == "idle"
    assert kernel.processes[0].stdout.endswith(b"399 good of 399\n")
    kernel.close()


def test_sleepers_are_parked_and_wake_as_they_were(program):
    kernel, process = until_all_are_alive(program)
    trees = parked(kernel)
    assert len(trees) > 200
    frames = kernel.system.frames.used_count()
    tops = [PageTable.pgd.__get__(tree) for tree in trees]  # the slot itself: `tree.pgd` would wake it
    assert not any(any(kernel.system.frames.read(top, 0, 4096)) for top in tops)
    invariants.check(kernel.system)  # looks into every tree
    assert not parked(kernel)
    assert kernel.system.frames.used_count() == frames
    assert process.status is None
    finish(kernel)


def test_a_snapshot_has_them_all(program):
    kernel, _ = until_all_are_alive(program)
    assert parked(kernel)
    restored = pickle.loads(pickle.dumps(kernel))
    finish(restored)
    finish(kernel)


def test_without_parking_the_run_is_the_same(program, monkeypatch):
    first, _ = until_all_are_alive(program)
    finish(first)
    monkeypatch.setattr(parking, "park", lambda _tree: None)
    second, _ = until_all_are_alive(program)
    assert not parked(second)
    finish(second)
    assert first.system.clock.now == second.system.clock.now
    assert first.system.frames.used_count() == second.system.frames.used_count()
