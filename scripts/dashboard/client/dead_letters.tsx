/** The events that groups gave up on. */

import type { VNode } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { DeadLetterRow, DeadLettersAnswer, PageConfig } from "../../../src/dashboard/wire.ts";
import { ConfirmButton } from "./confirm.tsx";
import { count } from "./format.ts";
import { Ago, Card, Empty, Loading, PageHead, Problem, TypeBadge, useLoad } from "./parts.tsx";
import { JobLink } from "./router.tsx";
import { act, ask } from "./server.ts";

const RELOAD_MS = 5000;

function letters(number: number): string {
  return number === 1 ? "1 letter" : `${count(number)} letters`;
}

function Letter(props: {
  readonly letter: DeadLetterRow;
  readonly isChosen: boolean;
  readonly onChoose: (() => void) | undefined;
}) {
  const { letter, isChosen, onChoose } = props;
  const { event } = letter;
  return (
    <tr>
      {onChoose !== undefined && (
        <td>
          <input
            type="checkbox"
            checked={isChosen}
            onChange={onChoose}
            aria-label={`Letter ${letter.id}`}
          />
        </td>
      )}
      <td>
        {event === undefined ? <span class="quiet">unreadable</span> : <JobLink id={event.job} />}
      </td>
      <td>{event === undefined ? "" : <TypeBadge type={event.type} />}</td>
      <td class="reason" title={letter.reason}>{letter.reason}</td>
      <td>{letter.consumer}</td>
      <td class="number">{count(letter.deliveries)}</td>
      <td class="number quiet">
        <Ago at={letter.deadAt} />
      </td>
    </tr>
  );
}

function Actions(props: {
  readonly config: PageConfig;
  readonly ids: readonly string[];
  readonly onDone: () => void;
}) {
  const { config, ids, onDone } = props;
  const run = (action: "replay" | "purge", said: string) => async () => {
    const number = await act(action, { ids });
    onDone();
    return `${letters(number)} ${said}`;
  };
  return (
    <>
      {config.actions.includes("replay") && (
        <ConfirmButton
          label="Replay"
          title={`Replay ${letters(ids.length)}?`}
          disabled={ids.length === 0}
          onConfirm={run("replay", "went back to their groups.")}
        >
          <p>Their groups get the events again, as a first delivery.</p>
        </ConfirmButton>
      )}
      {config.actions.includes("purge") && (
        <ConfirmButton
          label="Purge"
          title={`Purge ${letters(ids.length)}?`}
          isDangerous
          disabled={ids.length === 0}
          onConfirm={run("purge", "are gone.")}
        >
          <p>They are removed for good. The events themselves stay where they are.</p>
        </ConfirmButton>
      )}
    </>
  );
}

function Letters(props: {
  readonly rows: readonly DeadLetterRow[];
  readonly chosen: ReadonlySet<string>;
  /** Absent when nothing can be done with them. */
  readonly onChoose: ((chosen: ReadonlySet<string>) => void) | undefined;
}) {
  const { rows, chosen, onChoose } = props;
  const isAll = rows.every((letter) => chosen.has(letter.id));
  const toggle = (id: string) => {
    const next = new Set(chosen);
    if (!next.delete(id)) next.add(id);
    onChoose?.(next);
  };
  const toggleAll = () => onChoose?.(new Set(isAll ? [] : rows.map((letter) => letter.id)));
  return (
    <div class="scroll">
      <table class="grid">
        <thead>
          <tr>
            {onChoose !== undefined && (
              <th>
                <input
                  type="checkbox"
                  checked={isAll}
                  onChange={toggleAll}
                  aria-label="All letters"
                />
              </th>
            )}
            <th>Job</th>
            <th>Event</th>
            <th>Reason</th>
            <th>Group</th>
            <th class="number">Deliveries</th>
            <th class="number">Given up</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((letter) => (
            <Letter
              key={letter.id}
              letter={letter}
              isChosen={chosen.has(letter.id)}
              onChoose={onChoose === undefined ? undefined : () => toggle(letter.id)}
            />
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** The page. */
export function DeadLettersPage({ config }: { readonly config: PageConfig }): VNode {
  const { answer, error, reload } = useLoad(
    "",
    (signal) => ask<DeadLettersAnswer>("dead-letters", {}, signal),
  );
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  useEffect(() => {
    const timer = setInterval(() => document.hidden || reload(), RELOAD_MS);
    return () => clearInterval(timer);
  }, []);
  const rows = answer?.letters ?? [];
  const ids = rows.map((letter) => letter.id).filter((id) => chosen.has(id));
  const canAct = config.actions.includes("replay") || config.actions.includes("purge");
  const limit = answer?.cut ? `The first ${rows.length}` : letters(rows.length);
  return (
    <>
      <PageHead title="Dead letters" note={answer === undefined ? "" : limit}>
        {canAct && <Actions config={config} ids={ids} onDone={reload} />}
      </PageHead>
      {error !== undefined && <Problem error={error} onRetry={reload} />}
      {answer === undefined && error === undefined && <Loading />}
      {answer !== undefined && (
        <Card>
          {rows.length === 0
            ? (
              <Empty title="No dead letters">
                An event that a group cannot deal with, however often it tries, ends up here.
              </Empty>
            )
            : <Letters rows={rows} chosen={chosen} onChoose={canAct ? setChosen : undefined} />}
        </Card>
      )}
    </>
  );
}
