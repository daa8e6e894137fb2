/** How the storage is. */

import type { VNode } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { HealthAnswer } from "../../../src/dashboard/wire.ts";
import { bytes, count, duration } from "./format.ts";
import { Card, Counted, Loading, PageHead, Problem, Spark, useLoad } from "./parts.tsx";
import { ask } from "./server.ts";

const RELOAD_MS = 3000;
const MAX_TIMES = 60;

const STATES = {
  healthy: ["good", "It answers."],
  disconnected: ["bad", "It does not answer."],
  error: ["bad", "It answers with an error."],
} as const;

/** The page. */
export function StoragePage(): VNode {
  const { answer, error, reload } = useLoad(
    "",
    (signal) => ask<HealthAnswer>("health", {}, signal),
  );
  const [times, setTimes] = useState<readonly number[]>([]);
  useEffect(() => {
    const timer = setInterval(() => document.hidden || reload(), RELOAD_MS);
    return () => clearInterval(timer);
  }, []);
  useEffect(() => {
    if (answer?.storage.status !== "healthy") return;
    setTimes((before) => [...before, answer.storage.rttMs].slice(-MAX_TIMES));
  }, [answer]);
  if (answer === undefined) {
    return (
      <>
        <PageHead title="Storage" />
        {error === undefined ? <Loading /> : <Problem error={error} onRetry={reload} />}
      </>
    );
  }
  const { storage, status, clients } = answer;
  const [tone, text] = STATES[storage.status];
  const values: readonly (readonly [string, string])[] = [
    ["Stream", storage.streamName],
    ["Runs on", storage.serverVersion],
    ["Subjects", storage.subjects.join(", ")],
    ["Events", count(storage.messages)],
    ["Size", bytes(storage.bytes)],
    ["Sequences", `${count(storage.firstSequence)} to ${count(storage.lastSequence)}`],
    ["Groups", count(storage.consumers)],
    ["Open pages", count(clients)],
  ];
  return (
    <>
      <PageHead title="Storage" note={<Counted status={status} />} />
      {error !== undefined && <Problem error={error} onRetry={reload} />}
      <div class="two">
        <Card title="State">
          <div class={`state ${tone}`}>
            <span class="dot" />
            <div>
              <strong>{storage.status}</strong>
              <p>{storage.error ?? text}</p>
            </div>
          </div>
          <div class="rtt">
            <span class="label">Time to answer</span>
            <strong class="value">{duration(storage.rttMs)}</strong>
            <Spark values={times} label="Time to answer, of late" />
          </div>
        </Card>
        <Card title="What is stored">
          <dl class="fields wide">
            {values.map(([name, value]) => (
              <div key={name}>
                <dt>{name}</dt>
                <dd>{value}</dd>
              </div>
            ))}
          </dl>
        </Card>
      </div>
    </>
  );
}
