"""A made endpoint in a process of its own: it answers from a table, after a small delay, and counts what it is asked.

`python made_server.py LOG [FAULTS [DIES_AFTER]]` prints its port; every request's key goes to LOG as it arrives. With
FAULTS (a share) answers are replaced by faults of all kinds; after DIES_AFTER requests it is gone for half a second.
It answers as the world's actors of the same name do; a few prompts always meet its content filter.
"""

import asyncio
import json
import os
import random
import sys

from world import answer

from preftree.records import Message, digest

SKILLS = {"sft": 0.4, "bare": 0.05}
FAULTS = ("limit", "error", "reset", "half", "garbage", "silence")


def key_of(body):
    """What a request is asked for."""
    return digest([body["model"], [message["content"] for message in body["messages"]], body["seed"]])[:24]


def answer_to(body):
    draw = random.Random(key_of(body))
    if draw.random() < 0.03:
        text, finish = "", "content_filter"
    else:
        messages = [Message(message["role"], message["content"]) for message in body["messages"]]
        text, finish = answer(SKILLS[body["model"]])(messages, body["seed"]), "stop"
    usage = {"prompt_tokens": draw.randrange(20, 90), "completion_tokens": draw.randrange(5, 60)}
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": finish}
    return {"choices": [choice], "usage": usage}


class Server:
    def __init__(self, log, faults, dies_after):
        self.log = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        self.faults, self.dies_after = faults, dies_after
        self.asked, self.port, self.connections, self.met = 0, 0, set(), set()

    async def listen(self):
        self.listener = await asyncio.start_server(self.serve, "127.0.0.1", self.port)
        self.port = self.listener.sockets[0].getsockname()[1]

    async def die(self):
        self.listener.close()
        for writer in list(self.connections):
            writer.transport.abort()
        await asyncio.sleep(0.5)
        await self.listen()

    async def serve(self, reader, writer):
        self.connections.add(writer)
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                length = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
                body = json.loads(await reader.readexactly(length))
                os.write(self.log, f"{key_of(body)}\n".encode())
                self.asked += 1
                if self.asked == self.dies_after:
                    self.dying = asyncio.create_task(self.die())
                    return
                await asyncio.sleep(random.Random(key_of(body)).uniform(0.0, 0.02))
                if not await self.reply(writer, body, self.fault(key_of(body))):
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.connections.discard(writer)
            writer.close()

    def fault(self, key):
        """The same share of the requests, whoever is asked first, meets the same faults: once at each server."""
        draw = random.Random(f"fault {key}")
        first, _ = key not in self.met, self.met.add(key)
        return draw.choice(FAULTS) if draw.random() < self.faults and first else None

    async def reply(self, writer, body, fault):
        """Whether the connection may be used again."""
        text = json.dumps(answer_to(body)).encode()
        status, more = "200 OK", ""
        if fault == "silence":
            await asyncio.sleep(3.0)
            return False
        if fault == "reset":
            writer.transport.abort()
            return False
        if fault == "limit":
            status, more, text = "429 Too Many Requests", "Retry-After: 0.1\r\n", b"{}"
        if fault == "error":
            status, text = "500 Internal Server Error", b"oh"
        if fault == "garbage":
            text = b"<html>busy</html>"
        head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\n{more}Content-Length: {len(text)}\r\n\r\n"
        writer.write(head.encode() + (text[: len(text) // 2] if fault == "half" else text))
        await writer.drain()
        return fault != "half"


async def main(log, faults=0.0, dies_after=0):
    server = Server(log, float(faults), int(dies_after))
    await server.listen()
    print(server.port, flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
