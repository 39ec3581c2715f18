"""A made OpenAI-compatible endpoint for benchmarks, in a process of its own: every answer takes so many milliseconds.

`python -m benchmarks._endpoint DELAY_MS` prints its port. It reads no more of a request than where it ends, and all its
answers are the same bytes, so that it is not what a client waits for; `ceiling` measures how fast it is.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

ANSWER = "The parts add up: each box holds twelve, there are four boxes, so there are forty-eight in all. " * 4
_BODY = json.dumps(
    {
        "id": "made",
        "object": "chat.completion",
        "created": 0,
        "model": "made",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": ANSWER}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 120, "completion_tokens": 90, "total_tokens": 210},
    }
).encode()
_RESPONSE = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(_BODY), _BODY)


class Connection(asyncio.Protocol):
    """One connection that is kept open."""

    def __init__(self, delay_s: float) -> None:
        self._delay_s, self._read = delay_s, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._read += data
        while (end := self._read.find(b"\r\n\r\n")) >= 0:
            head = self._read[:end].lower()
            at = head.find(b"content-length:")
            length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            if len(self._read) < end + 4 + length:
                return
            self._read = self._read[end + 4 + length :]
            asyncio.get_running_loop().call_later(self._delay_s, self._transport.write, _RESPONSE)


async def serve(delay_s: float) -> None:
    server = await asyncio.get_running_loop().create_server(lambda: Connection(delay_s), "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


async def ceiling(port: int, calls: int, at_once: int) -> float:
    """Calls a second of a client that does nothing but write one request and read its answer."""
    body = json.dumps({"model": "made", "messages": [{"role": "user", "content": "x" * 400}]}).encode()
    request = b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)

    async def client(count: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(count):
            writer.write(request)
            await reader.readexactly(len(_RESPONSE))
        writer.close()

    began = time.perf_counter()
    await asyncio.gather(*(client(calls // at_once) for _ in range(at_once)))
    return calls // at_once * at_once / (time.perf_counter() - began)


if __name__ == "__main__":
    asyncio.run(serve(float(sys.argv[1]) / 1000))
