"""The messages of `forkernel explain`, found in its source as xgettext would find them."""

from __future__ import annotations

import ast
from pathlib import Path

SOURCE = Path(__file__).resolve().parent.parent / "src" / "forkernel" / "trace" / "explain"


def literal(node: ast.expr) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def messages() -> tuple[dict[str, str], list[str]]:
    """Message by where it first stands, and calls whose message is no literal."""
    found: dict[str, str] = {}
    dynamic: list[str] = []
    for path in sorted(SOURCE.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name not in ("say", "N_"):
                continue
            first = node.args[0]
            if isinstance(first, ast.Call) and getattr(first.func, "id", "") == "N_":
                continue
            text = literal(first)
            if text is None:
                dynamic.append(ast.unparse(node))
            else:
                found.setdefault(text, f"{path.name}:{node.lineno}")
    return found, dynamic
