"""Handlers of the toy document: they say back what they understood."""

import asyncio
import dataclasses

LEFT = asyncio.Event()


async def get_toy(context, *, query, **given):
    return {"context": context, **given, **dataclasses.asdict(query)}


async def make_toy(context, *, body):
    return body


async def maybe_toy(context, *, body=None):
    return body is not None


async def watch_toys(context):
    async def events():
        try:
            yield b"data: one\n\n"
            await asyncio.Event().wait()
        finally:
            LEFT.set()

    return events()


async def upload_toy(context, *, body):
    file = body.file
    return [file.filename, file.content_type, len(await file.read()), body.owner, body.note]


async def silence(context):
    return None


async def broken(context):
    raise RuntimeError("a secret that no client may read")


async def torn(context):
    async def events():
        yield b"data: one\n\n"
        raise RuntimeError("after the beginning")

    return events()


async def open_chest(context):
    return context


async def open_door(context):
    return context
