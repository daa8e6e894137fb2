/** Finds jobs, queues, workers, errors and times. */

import type { VNode } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { SearchAnswer, SearchHit } from "../../../src/dashboard/wire.ts";
import { dateTime, parseTime } from "./format.ts";
import { address, go } from "./router.tsx";
import { ask } from "./server.ts";

interface Choice {
  readonly kind: string;
  readonly text: string;
  readonly to: string;
}

const DELAY_MS = 150;

function choiceOf({ kind, value }: SearchHit): Choice {
  const to = kind === "job" ? address("job", { id: value }) : address("feed", { [kind]: value });
  return { kind, text: value, to };
}

/** What a text can mean, apart from what the server finds. */
function ownChoices(text: string): Choice[] {
  const time = parseTime(text);
  const since = time === undefined ? [] : [{
    kind: "time",
    text: `since ${dateTime(time).slice(0, 19)}`,
    to: address("feed", { since: String(Math.round(time)) }),
  }];
  return [
    ...since,
    { kind: "error", text: `“${text}” in an error`, to: address("feed", { error: text }) },
  ];
}

/** The field, and what it found below it. */
export function Search(): VNode {
  const [text, setText] = useState("");
  const [choices, setChoices] = useState<readonly Choice[]>([]);
  const [at, setAt] = useState(0);
  const [isOpen, setOpen] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    const key = (event: KeyboardEvent) => {
      if (event.key !== "/" || (event.target as Element).matches("input, textarea")) return;
      event.preventDefault();
      input.current?.focus();
    };
    document.addEventListener("keydown", key);
    return () => document.removeEventListener("keydown", key);
  }, []);
  useEffect(() => {
    const wanted = text.trim();
    setAt(0);
    if (wanted === "") return setChoices([]);
    setChoices(ownChoices(wanted));
    const end = new AbortController();
    const timer = setTimeout(() => {
      ask<SearchAnswer>("search", { q: wanted }, end.signal)
        .then(({ hits }) => setChoices([...hits.map(choiceOf), ...ownChoices(wanted)]))
        .catch(() => {});
    }, DELAY_MS);
    return () => {
      clearTimeout(timer);
      end.abort();
    };
  }, [text]);
  const choose = (choice: Choice | undefined) => {
    if (choice === undefined) return;
    setText("");
    setOpen(false);
    input.current?.blur();
    go(choice.to);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step !== undefined) {
      event.preventDefault();
      setAt((at + step + choices.length) % Math.max(choices.length, 1));
    } else if (event.key === "Enter") choose(choices[at]);
    else if (event.key === "Escape") input.current?.blur();
  };
  return (
    <div class="search">
      <input
        ref={input}
        type="text"
        role="combobox"
        placeholder="Job, worker, queue, error or time"
        aria-label="Search"
        aria-expanded={isOpen && choices.length > 0}
        aria-controls="search-choices"
        aria-activedescendant={isOpen && choices.length > 0 ? `choice-${at}` : undefined}
        autocomplete="off"
        spellcheck={false}
        value={text}
        onInput={(event) => setText(event.currentTarget.value)}
        onFocus={() => setOpen(true)}
        onBlur={() => setOpen(false)}
        onKeyDown={onKeyDown}
      />
      <kbd aria-hidden="true">/</kbd>
      {isOpen && choices.length > 0 && (
        <ul id="search-choices" role="listbox" class="menu">
          {choices.map((choice, index) => (
            <li
              key={`${choice.kind}-${choice.text}`}
              id={`choice-${index}`}
              role="option"
              aria-selected={index === at}
              // Before the field loses the focus, which closes the list.
              onPointerDown={(event) => {
                event.preventDefault();
                choose(choice);
              }}
              onPointerEnter={() => setAt(index)}
            >
              <span class="kind">{choice.kind}</span>
              <span class="id">{choice.text}</span>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
