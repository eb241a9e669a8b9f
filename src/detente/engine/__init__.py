"""One whole party without I/O: ``handle(input, now) → effects``."""
