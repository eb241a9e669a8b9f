"""The console server: pages, orders, live board."""
