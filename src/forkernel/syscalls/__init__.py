"""System-call handlers by family: they decode and check; the kernel, fs and mm rooms act."""
