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

/** What a text can mean: at once what needs no server, then what the server finds. */
function useChoices(text: string): readonly Choice[] {
  const [choices, setChoices] = useState<readonly Choice[]>([]);
  useEffect(() => {
    if (text === "") return setChoices([]);
    setChoices(ownChoices(text));
    const end = new AbortController();
    const timer = setTimeout(() => {
      ask<SearchAnswer>("search", { q: text }, end.signal)
        .then(({ hits }) => setChoices([...hits.map(choiceOf), ...ownChoices(text)]))
        .catch(() => {});
    }, DELAY_MS);
    return () => {
      clearTimeout(timer);
      end.abort();
    };
  }, [text]);
  return choices;
}

/** `/` goes to the field. */
function useSlash(input: { current: HTMLInputElement | null }): void {
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (event.key !== "/" || (event.target as Element).matches("input, textarea")) return;
      event.preventDefault();
      input.current?.focus();
    };
    document.addEventListener("keydown", press);
    return () => document.removeEventListener("keydown", press);
  }, []);
}

function Choices(props: {
  readonly choices: readonly Choice[];
  readonly at: number;
  readonly onMove: (at: number) => void;
  readonly onChoose: (choice: Choice) => void;
}) {
  const { choices, at, onMove, onChoose } = props;
  return (
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
            onChoose(choice);
          }}
          onPointerEnter={() => onMove(index)}
        >
          <span class="kind">{choice.kind}</span>
          <span class="id">{choice.text}</span>
        </li>
      ))}
    </ul>
  );
}

/** The field, and what it found below it. */
export function Search(): VNode {
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const [isFocused, setFocused] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  const choices = useChoices(text.trim());
  const isOpen = isFocused && choices.length > 0;
  useSlash(input);
  useEffect(() => setAt(0), [text]);
  const choose = (choice: Choice | undefined) => {
    if (choice === undefined) return;
    setText("");
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
        aria-expanded={isOpen}
        aria-controls="search-choices"
        aria-activedescendant={isOpen ? `choice-${at}` : undefined}
        autocomplete="off"
        spellcheck={false}
        value={text}
        onInput={(event) => setText(event.currentTarget.value)}
        onFocus={() => setFocused(true)}
        onBlur={() => setFocused(false)}
        onKeyDown={onKeyDown}
      />
      <kbd aria-hidden="true">/</kbd>
      {isOpen && <Choices choices={choices} at={at} onMove={setAt} onChoose={choose} />}
    </div>
  );
}
