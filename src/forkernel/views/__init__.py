"""Looking into a machine that stands still: tables of its processes, memory, descriptors, signals, PIDs and slabs.

Every view is a `View` or a `Report` of several: plain values in rows, shown as text, by rich, as HTML in a notebook, or
as JSON. They only look: no page is faulted in, nothing is counted. `Kernel.ps`, `Kernel.inspect` and
`Kernel.task` make them; so do `forkernel ps` and `forkernel inspect`.
"""

from __future__ import annotations

from forkernel.views.view import Report, View

__all__ = ["Report", "View"]
