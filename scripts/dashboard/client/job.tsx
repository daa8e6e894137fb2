/** One job. */

import type { VNode } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type {
  EventDetail,
  JobAnswer,
  JsonValue,
  PageConfig,
  RowsMessage,
} from "../../../src/dashboard/wire.ts";
import { ConfirmButton } from "./confirm.tsx";
import { bytes, count, dateTime, duration, typeName, when } from "./format.ts";
import { type JobLife, readLife } from "./job_phases.ts";
import { listen } from "./live.ts";
import {
  Card,
  Empty,
  Loading,
  PageHead,
  Problem,
  toneOf,
  TypeBadge,
  useLoad,
  useSecond,
} from "./parts.tsx";
import { address, Link } from "./router.tsx";
import { act, ask } from "./server.ts";
import { Timeline } from "./timeline.tsx";

/** Everything an event has, as names and values. */
function Fields({ event }: { readonly event: EventDetail }) {
  const { durationMs, cpuTimeMs, memoryMb } = event;
  const values: readonly (readonly [string, string | undefined])[] = [
    ["Time", dateTime(event.at)],
    ["Worker", event.worker],
    ["Kind of worker", event.workerType],
    ["Queue", event.queue],
    ["Duration", durationMs === undefined ? undefined : duration(durationMs)],
    ["CPU time", cpuTimeMs === undefined ? undefined : duration(cpuTimeMs)],
    ["Memory", memoryMb === undefined ? undefined : bytes(memoryMb * 1024 ** 2)],
    ["Sequence", count(event.seq)],
    ["Event id", event.eventId],
    ["Subject", event.subject],
    ["Trace", event.traceparent],
  ];
  return (
    <>
      <dl class="fields">
        {values.map(([name, value]) =>
          value === undefined ? null : (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          )
        )}
        {Object.entries(event.tags ?? {}).map(([name, value]) => (
          <div key={`tag-${name}`}>
            <dt>Tag</dt>
            <dd>
              <Link to={address("feed", { tag: `${name}=${value}` })}>{name}={value}</Link>
            </dd>
          </div>
        ))}
      </dl>
      <Json title="Details" value={event.details} />
      <Json title="Metadata" value={event.metadata} />
    </>
  );
}

function Json(props: { readonly title: string; readonly value: JsonValue | undefined }) {
  if (props.value === undefined) return null;
  return (
    <div class="json">
      <h3>{props.title}</h3>
      <pre tabIndex={0}>{JSON.stringify(props.value, null, 2)}</pre>
    </div>
  );
}

function EventItem(props: {
  readonly event: EventDetail;
  readonly before: EventDetail | undefined;
  readonly isPicked: boolean;
}) {
  const { event, before, isPicked } = props;
  const [isOpen, setOpen] = useState(isPicked);
  const element = useRef<HTMLLIElement>(null);
  useEffect(() => {
    if (!isPicked) return;
    setOpen(true);
    element.current?.scrollIntoView({ block: "center" });
  }, [isPicked]);
  const gap = before === undefined ? undefined : (event.at - before.at) * 1000;
  const hasError = event.errorType !== undefined || event.errorMessage !== undefined;
  return (
    <li ref={element} class={`event ${toneOf(event.type)} ${isPicked ? "picked" : ""}`}>
      {gap !== undefined && <div class="between">{gap < 0 ? "" : "+"}{duration(gap)}</div>}
      <details
        open={isOpen}
        onToggle={(toggled) => setOpen(toggled.currentTarget.open)}
      >
        <summary>
          <time title={dateTime(event.at)}>{when(event.at)}</time>
          <TypeBadge type={event.type} />
          <span class="text">{event.message ?? ""}</span>
        </summary>
        {isOpen && <Fields event={event} />}
      </details>
      {hasError && (
        <div class="error-box">
          <strong>{event.errorType ?? "Error"}</strong>
          <pre tabIndex={0}>{event.errorMessage ?? ""}</pre>
        </div>
      )}
    </li>
  );
}

function Actions(props: {
  readonly id: string;
  readonly config: PageConfig;
  readonly isOver: boolean;
  readonly onDone: () => void;
}) {
  const { id, config, isOver, onDone } = props;
  const cancel = async () => {
    const found = await act("cancel", { jobId: id });
    onDone();
    return found > 0 ? "It is cancelled." : "There was nothing to cancel.";
  };
  const remove = async () => {
    const found = await act("delete", { jobId: id });
    onDone();
    return `${count(found)} events are deleted.`;
  };
  return (
    <>
      {config.actions.includes("cancel") && !isOver && (
        <ConfirmButton label="Cancel job" title="Cancel this job?" onConfirm={cancel}>
          <p>It will not be run, or not be run again.</p>
        </ConfirmButton>
      )}
      {config.actions.includes("delete") && (
        <ConfirmButton
          label="Delete events"
          title="Delete the events of this job?"
          isDangerous
          onConfirm={remove}
        >
          <p>
            All that is stored about <span class="id">{id}</span>{" "}
            goes, its dead letters too. This cannot be undone.
          </p>
        </ConfirmButton>
      )}
    </>
  );
}

/** What the job is doing, and where. */
function Summary(props: { readonly life: JobLife; readonly events: readonly EventDetail[] }) {
  const { life, events } = props;
  const queues = [...new Set(events.flatMap((event) => event.queue ?? []))];
  const workers = [...new Set(events.flatMap((event) => event.worker ?? []))];
  return (
    <>
      <span class={`badge ${toneOf(life.state)} ${life.isOver ? "" : "run"}`}>
        {typeName(life.state)}
      </span>
      <span>{duration((life.to - life.from) * 1000)} in all</span>
      {life.runs > 0 && <span>{life.runs === 1 ? "1 run" : `${life.runs} runs`}</span>}
      {queues.map((queue) => <Link key={queue} to={address("feed", { queue })}>{queue}</Link>)}
      {workers.map((worker) => <Link key={worker} to={address("feed", { worker })}>{worker}</Link>)}
    </>
  );
}

/** The job's events, kept up to date. */
function useJob(id: string) {
  const loaded = useLoad(id, (signal) => ask<JobAnswer>("job", { id }, signal));
  const { answer, reload } = loaded;
  useEffect(() => {
    if (answer === undefined) return;
    const after = String(answer.events.at(-1)?.seq ?? 0);
    return listen(new URLSearchParams({ view: "rows", job: id, after }), {
      rows: (message: RowsMessage) => message.rows.length > 0 && reload(),
    });
  }, [id, answer === undefined]);
  return loaded;
}

/** The page. */
export function JobPage(
  props: { readonly params: URLSearchParams; readonly config: PageConfig },
): VNode {
  const { params, config } = props;
  const id = params.get("id") ?? "";
  const [picked, setPicked] = useState(Number(params.get("at")) || undefined);
  const { answer, error, reload } = useJob(id);
  const events = answer?.events ?? [];
  const life = readLife(events, Date.now() / 1000);
  useSecond(events.length > 0 && !life.isOver);
  if (answer === undefined || events.length === 0) {
    return (
      <>
        <PageHead title={id} />
        {error !== undefined && <Problem error={error} onRetry={reload} />}
        {error === undefined && answer === undefined && <Loading />}
        {answer !== undefined && (
          <Card>
            <Empty title="Nothing is stored about this job">
              Its events may have expired, or its id is another one. When it does something, it
              shows up here.
            </Empty>
          </Card>
        )}
      </>
    );
  }
  return (
    <div class="job">
      <PageHead title={id} note={<Summary life={life} events={events} />}>
        <Actions id={id} config={config} isOver={life.isOver} onDone={reload} />
      </PageHead>
      <Card title="Timeline" note={`${dateTime(life.from)}, to scale`}>
        <Timeline life={life} events={events} onPick={setPicked} />
      </Card>
      <Card title="Events" note={answer.cut ? `the first ${events.length}` : count(events.length)}>
        <ol class="events">
          {events.map((event, index) => (
            <EventItem
              key={event.seq}
              event={event}
              before={events[index - 1]}
              isPicked={event.seq === picked}
            />
          ))}
        </ol>
      </Card>
    </div>
  );
}
