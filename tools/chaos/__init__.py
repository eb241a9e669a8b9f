"""Faults on real nodes: processes of `detente run`, sockets, TLS and files, with a line between them that can be hurt.

`make chaos` runs the nightly set and writes `docs/reliability.md`; `PYTHONPATH=src:tools python -m chaos --help` says
what can be asked for. Everything listens on loopback; every process that was started is ended.
"""
