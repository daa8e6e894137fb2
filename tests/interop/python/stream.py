"""The Python side of the interoperation test over NATS: nats-py and msgspec on the same stream.

    stream.py publish URL           lines of JSON in, {"subject": …, "event": {field: value}}; each
                                    is stored through JetStream, lines of sequences out
    stream.py read URL STREAM       every message of the stream out, as lines of JSON:
                                    {"sequence": …, "subject": …, "id": …, "event": {field: value}}
"""

import asyncio
import json
import sys

import msgspec
import nats
from events import JobEvent, JobEventType, from_json, to_json


async def publish(connection: nats.NATS) -> None:
    stream = connection.jetstream()
    for line in sys.stdin:
        message = json.loads(line)
        fields = from_json(message["event"])
        fields["event_type"] = JobEventType(fields["event_type"])
        payload = msgspec.msgpack.encode(JobEvent(**fields))
        print((await stream.publish(message["subject"], payload)).seq)


async def read(connection: nats.NATS, name: str) -> None:
    stream = connection.jetstream()
    left = (await stream.stream_info(name)).state.messages
    subscription = await stream.pull_subscribe("", stream=name)
    while left > 0:
        for message in await subscription.fetch(min(left, 100), timeout=5):
            event = msgspec.msgpack.decode(message.data, type=JobEvent)
            fields = {key: to_json(getattr(event, key)) for key in event.__struct_fields__}
            record = {
                "sequence": message.metadata.sequence.stream,
                "subject": message.subject,
                "id": (message.headers or {}).get("Nats-Msg-Id"),
                "event": fields,
            }
            print(json.dumps(record))
            await message.ack()
            left -= 1
    await subscription.unsubscribe()


async def main() -> None:
    command, url, *rest = sys.argv[1:]
    connection = await nats.connect(url)
    try:
        await {"publish": publish, "read": read}[command](connection, *rest)
    finally:
        await connection.close()


asyncio.run(main())
