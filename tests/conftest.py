"""Options of the test command and the line that says which checks before pytest failed."""

from __future__ import annotations

import os

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--record", action="store_true", help="write tests/expected from native runs of the guest programs"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With --record, only the recording itself runs."""
    recording = config.getoption("--record")
    keep = [item for item in items if ("record" in item.keywords) == bool(recording)]
    config.hook.pytest_deselected(items=[item for item in items if item not in keep]) if recording else None
    items[:] = keep


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if failed := os.environ.get("FORKERNEL_LINT_FAILED", "").strip():
        terminalreporter.write_line(f"FAILED before pytest, see above: {failed}", red=True)
