"""`python3 -m forkernel`."""

from __future__ import annotations

import sys

from forkernel.cli import main

if __name__ == "__main__":
    sys.exit(main())
