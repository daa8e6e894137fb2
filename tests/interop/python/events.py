"""The Python side of the interoperation test: the event as NAQ declares it, over msgspec.

    events.py decode    lines of hexadecimal MessagePack in, lines of JSON out
    events.py encode    lines of JSON in, lines of hexadecimal MessagePack out

JSON has no form for bytes, dates and integers beyond 2^53: they travel as {"$bytes": hex},
{"$date": ISO 8601} and {"$int": decimal}.
"""

import enum
import json
import sys
import time
from datetime import datetime, timezone
from typing import Any, Dict, Optional

import msgspec


class JobEventType(str, enum.Enum):
    ENQUEUED = "enqueued"
    DEQUEUED = "dequeued"
    STARTED = "started"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    TIMEOUT = "timeout"
    RETRY_SCHEDULED = "retry_scheduled"
    RETRY_STARTED = "retry_started"
    MAX_RETRIES_EXCEEDED = "max_retries_exceeded"
    DEPENDENCY_SATISFIED = "dependency_satisfied"
    DEPENDENCY_FAILED = "dependency_failed"
    WAITING_FOR_DEPENDENCIES = "waiting_for_dependencies"
    SCHEDULED = "scheduled"
    SCHEDULE_TRIGGERED = "schedule_triggered"
    SCHEDULE_PAUSED = "schedule_paused"
    SCHEDULE_RESUMED = "schedule_resumed"
    SCHEDULE_DEACTIVATED = "schedule_deactivated"
    WORKER_ASSIGNED = "worker_assigned"
    WORKER_RELEASED = "worker_released"
    QUEUE_PRIORITY_CHANGED = "queue_priority_changed"
    QUEUE_MOVED = "queue_moved"
    TTL_EXPIRED = "ttl_expired"
    TTL_EXTENDED = "ttl_extended"


class JobEvent(msgspec.Struct):
    job_id: str
    event_type: JobEventType
    timestamp: float = msgspec.field(default_factory=time.time)
    worker_id: Optional[str] = None
    worker_type: Optional[str] = None
    queue_name: Optional[str] = None
    message: Optional[str] = None
    details: Dict[str, Any] = msgspec.field(default_factory=dict)
    error_type: Optional[str] = None
    error_message: Optional[str] = None
    duration_ms: Optional[float] = None
    memory_mb: Optional[float] = None
    cpu_time_ms: Optional[float] = None
    tags: Dict[str, str] = msgspec.field(default_factory=dict)
    metadata: Dict[str, Any] = msgspec.field(default_factory=dict)
    nats_subject: Optional[str] = None
    nats_sequence: Optional[int] = None


FLOATS = ("timestamp", "duration_ms", "memory_mb", "cpu_time_ms")
SAFE_INTEGER = 2**53 - 1


def to_json(value: Any) -> Any:
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, dict):
        return {key: to_json(member) for key, member in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_json(member) for member in value]
    if isinstance(value, bytes):
        return {"$bytes": value.hex()}
    if isinstance(value, datetime):
        return {"$date": value.astimezone(timezone.utc).isoformat(timespec="milliseconds")}
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > SAFE_INTEGER:
        return {"$int": str(value)}
    return value


def from_json(value: Any) -> Any:
    if isinstance(value, list):
        return [from_json(member) for member in value]
    if not isinstance(value, dict):
        return value
    if "$bytes" in value:
        return bytes.fromhex(value["$bytes"])
    if "$date" in value:
        return datetime.fromisoformat(value["$date"].replace("Z", "+00:00"))
    if "$int" in value:
        return int(value["$int"])
    return {key: from_json(member) for key, member in value.items()}


def decode(line: str) -> str:
    data = bytes.fromhex(line)
    raw = msgspec.msgpack.decode(data)
    for key in FLOATS:
        if key in raw and type(raw[key]) is not float:
            raise TypeError(f"{key} is no float but {raw[key]!r}")
    event = msgspec.msgpack.decode(data, type=JobEvent)
    fields = {name: to_json(getattr(event, name)) for name in event.__struct_fields__}
    return json.dumps({"keys": list(raw), "fields": fields})


def encode(line: str) -> str:
    fields = from_json(json.loads(line))
    fields["event_type"] = JobEventType(fields["event_type"])
    return msgspec.msgpack.encode(JobEvent(**fields)).hex()


def main() -> None:
    run = {"decode": decode, "encode": encode}[sys.argv[1]]
    for line in sys.stdin:
        print(run(line.strip()))


if __name__ == "__main__":
    main()
