/** Failures, put together by their error. */

import type { VNode } from "preact";
import { useState } from "preact/hooks";
import type { FailureGroup, FailuresMessage } from "../../../src/dashboard/wire.ts";
import { count } from "./format.ts";
import { useLive } from "./live.ts";
import { Ago, Card, Counted, Empty, Loading, PageHead, Spark } from "./parts.tsx";
import { address, JobLink, Link } from "./router.tsx";

const MAX_JOBS = 5;

function Group({ group }: { readonly group: FailureGroup }) {
  const { errorType, message, queues, workers, jobs } = group;
  return (
    <li class="failure">
      <div class="failure-head">
        <strong class="count">{count(group.count)}</strong>
        <div class="what">
          <h2>{errorType}</h2>
          <p>{message}</p>
        </div>
        <Spark values={group.perMinute} tone="bad" label="Failures a minute in the last hour" />
      </div>
      <div class="failure-foot">
        <span>
          last <Ago at={group.lastAt} />, first <Ago at={group.firstAt} />
        </span>
        {queues.length > 0 && (
          <span class="names">
            in{" "}
            {queues.slice(0, 3).map((queue) => (
              <Link key={queue} to={address("feed", { queue, error: errorType })}>{queue}</Link>
            ))}
            {queues.length > 3 && `+${queues.length - 3}`}
          </span>
        )}
        {workers.length > 0 && (
          <span class="names">
            on{" "}
            {workers.slice(0, 3).map((worker) => (
              <Link key={worker} to={address("feed", { worker, error: errorType })}>{worker}</Link>
            ))}
            {workers.length > 3 && `+${workers.length - 3}`}
          </span>
        )}
        <span class="names">
          {jobs.slice(0, MAX_JOBS).map((job) => <JobLink key={job} id={job} />)}
        </span>
        <Link to={address("feed", { error: errorType, type: "failed,timeout" })}>All events</Link>
      </div>
    </li>
  );
}

/** The page. */
export function FailuresPage(): VNode {
  const failures = useLive<FailuresMessage>("failures", (_, news) => news);
  const [text, setText] = useState("");
  if (failures === undefined) {
    return (
      <>
        <PageHead title="Failures" />
        <Loading />
      </>
    );
  }
  const { status, groups, groupCount } = failures;
  const wanted = text.toLowerCase();
  // By number, since the last one is another one each second.
  const sorted = groups.toSorted((left, right) => right.count - left.count);
  const shown = sorted.filter(({ errorType, message, queues, workers }) =>
    [errorType, message, ...queues, ...workers].some((part) => part.toLowerCase().includes(wanted))
  );
  return (
    <>
      <PageHead title="Failures" note={<Counted status={status} />}>
        <label class="field">
          <span>Find</span>
          <input
            type="search"
            value={text}
            placeholder="error, queue or worker"
            onInput={(event) => setText(event.currentTarget.value)}
          />
        </label>
      </PageHead>
      <Card>
        {shown.length === 0
          ? (
            <Empty title={groups.length === 0 ? "Nothing failed" : "No failure matches"}>
              {groups.length === 0 ? "Failures show up here, one line for each kind of error." : ""}
            </Empty>
          )
          : (
            <ol class="failures">
              {shown.map((group) => <Group key={group.key} group={group} />)}
            </ol>
          )}
      </Card>
      {groupCount > groups.length && (
        <p class="note">The last {groups.length} of {count(groupCount)} kinds.</p>
      )}
    </>
  );
}
