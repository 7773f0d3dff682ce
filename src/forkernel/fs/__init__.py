"""Files: the VFS and its file systems, descriptor tables, pipes, polling, locks, /proc and /dev."""
