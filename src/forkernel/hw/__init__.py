"""The machine: RAM, frames and the CPU. The only room that knows the CPU engine."""
