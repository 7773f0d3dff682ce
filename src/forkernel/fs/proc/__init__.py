"""procfs: the kernel's state as files (proc(5))."""
