"""The line between two nodes: a TCP relay that cuts, delays, throttles and swallows."""

# ruff: noqa: TID251

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

PIECE = 4_096


class Line:
    """One line, whoever dials. Its state is a few fields that may be set at any time."""

    def __init__(self) -> None:
        self.is_cut = False
        self.is_black_hole = False  # takes everything and passes nothing on
        self.delay_s = 0.0
        self.bytes_per_s = 0.0  # each way, both connections together; 0: as fast as it goes
        self.carried = 0
        self._free_at = {True: 0.0, False: 0.0}  # by direction: when the wire has carried what it was given
        self._writers: set[asyncio.StreamWriter] = set()

    def cut(self) -> None:
        """End every connection and refuse new ones."""
        self.is_cut = True
        for writer in list(self._writers):
            writer.transport.abort()

    def heal(self) -> None:
        """Carry again, as fast as it goes."""
        self.is_cut = self.is_black_hole = False
        self.delay_s = self.bytes_per_s = 0.0

    @contextlib.asynccontextmanager
    async def relay(self, port: int, to_port: int, *, forward: bool) -> AsyncIterator[None]:
        """Listen on *port* of loopback and carry what comes to *to_port*; *forward* names the direction of dialling."""

        carrying: set[asyncio.Task[None]] = set()

        def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.create_task(self._carry(reader, writer, to_port, forward))
            carrying.add(task)
            task.add_done_callback(carrying.discard)

        async with await asyncio.start_server(carry, "127.0.0.1", port, limit=PIECE):
            try:
                yield
            finally:
                self.cut()
                await asyncio.gather(*carrying, return_exceptions=True)
                await asyncio.sleep(0)  # transports that were aborted close in the next turn of the loop

    async def _carry(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, to_port: int, forward: bool
    ) -> None:
        if self.is_cut:
            writer.transport.abort()
            return
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", to_port, limit=PIECE)
        except OSError:
            writer.transport.abort()
            return
        both = (writer, far_writer)
        if self.is_cut:  # meanwhile
            for one in both:
                one.transport.abort()
            return
        self._writers.update(both)
        for one in both:  # short queues: what waits here, waits unseen by the nodes
            one.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 * PIECE)
            one.transport.set_write_buffer_limits(PIECE)
        ways = (self._one_way(reader, far_writer, forward), self._one_way(far_reader, writer, not forward))
        tasks = [asyncio.create_task(way) for way in ways]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for one in both:
            one.transport.abort()
            self._writers.discard(one)

    async def _one_way(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, forward: bool) -> None:
        with contextlib.suppress(OSError):
            while piece := await reader.read(PIECE):
                if self.is_black_hole:
                    continue
                await self._take_time(len(piece), forward)
                writer.write(piece)
                self.carried += len(piece)
                await writer.drain()

    async def _take_time(self, octets: int, forward: bool) -> None:
        now = asyncio.get_running_loop().time()
        wait_s = self.delay_s
        if self.bytes_per_s:
            self._free_at[forward] = max(now, self._free_at[forward]) + octets / self.bytes_per_s
            wait_s += self._free_at[forward] - now
        if wait_s:
            await asyncio.sleep(wait_s)
