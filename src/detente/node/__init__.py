"""The whole party with clock, sockets, disk and web."""
