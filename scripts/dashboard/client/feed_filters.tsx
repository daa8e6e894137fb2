/** The filters of the feed. They stand in the address, so that a view can be sent to somebody. */

import type { VNode } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { JOB_EVENT_TYPES } from "../../../src/gen/types.ts";
import { clock, dateTime, parseTime, typeName } from "./format.ts";
import { toneOf } from "./parts.tsx";
import { address, go } from "./router.tsx";

const FIELDS = [
  { name: "job", label: "Job", hint: "id" },
  { name: "queue", label: "Queue", hint: "name" },
  { name: "worker", label: "Worker", hint: "id" },
  { name: "error", label: "Error", hint: "part of it" },
  { name: "tag", label: "Tag", hint: "name=value" },
];

/** The parameters of an address that are filters. */
export const FILTER_NAMES: readonly string[] = [
  ...FIELDS.map((field) => field.name),
  "type",
  "since",
  "until",
];

/** Goes to the same list with another filter. */
function set(params: URLSearchParams, name: string, value: string): void {
  const filters = Object.fromEntries(FILTER_NAMES.map((key) => [key, params.get(key) ?? ""]));
  go(address("feed", { ...filters, [name]: value }), { replace: true });
}

function Field(props: {
  readonly label: string;
  readonly hint: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly isWrong?: boolean;
}) {
  const { label, hint, value, onChange, isWrong = false } = props;
  const [text, setText] = useState(value);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => setText(value), [value]);
  const change = (text: string) => {
    setText(text);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => onChange(text.trim()), 350);
  };
  return (
    <label class={`field ${value === "" ? "" : "set"}`}>
      <span>{label}</span>
      <input
        type="text"
        value={text}
        placeholder={hint}
        spellcheck={false}
        autocomplete="off"
        aria-invalid={isWrong}
        onInput={(event) => change(event.currentTarget.value)}
      />
    </label>
  );
}

/** A time: typed in any of its forms, kept as seconds. */
function TimeField(props: {
  readonly label: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
}) {
  const { label, value, onChange } = props;
  const [isWrong, setWrong] = useState(false);
  const at = Number(value);
  const isToday = new Date(at * 1000).toDateString() === new Date().toDateString();
  const shown = value === "" ? "" : isToday ? clock(at, false) : dateTime(at).slice(0, 19);
  const change = (text: string) => {
    const time = parseTime(text);
    setWrong(text !== "" && time === undefined);
    if (text === "") onChange("");
    else if (time !== undefined) onChange(String(Math.round(time)));
  };
  return (
    <Field
      label={label}
      hint="10m, 14:30"
      value={shown}
      onChange={change}
      isWrong={isWrong}
    />
  );
}

function TypePicker(props: {
  readonly value: string;
  readonly onChange: (value: string) => void;
}) {
  const chosen = new Set<string>(props.value.split(",").filter((type) => type !== ""));
  const toggle = (type: string) => {
    if (!chosen.delete(type)) chosen.add(type);
    props.onChange(JOB_EVENT_TYPES.filter((type) => chosen.has(type)).join(","));
  };
  const [only] = chosen;
  const text = chosen.size === 0 ? "all" : chosen.size === 1 ? typeName(only!) : `${chosen.size}`;
  const menu = useRef<HTMLDetailsElement>(null);
  useEffect(() => {
    const close = (event: Event) => {
      const element = menu.current!;
      const isKey = event.type === "keydown" && (event as KeyboardEvent).key === "Escape";
      const isAway = event.type === "pointerdown" && !element.contains(event.target as Node);
      if (isKey || isAway) element.open = false;
    };
    document.addEventListener("pointerdown", close);
    document.addEventListener("keydown", close);
    return () => {
      document.removeEventListener("pointerdown", close);
      document.removeEventListener("keydown", close);
    };
  }, []);
  return (
    <details class={`field types ${chosen.size > 0 ? "set" : ""}`} ref={menu}>
      <summary>
        <span>Type</span>
        <em>{text}</em>
      </summary>
      <div class="menu">
        {JOB_EVENT_TYPES.map((type) => (
          <label key={type}>
            <input type="checkbox" checked={chosen.has(type)} onChange={() => toggle(type)} />
            <span class={`badge ${toneOf(type)}`}>{typeName(type)}</span>
          </label>
        ))}
      </div>
    </details>
  );
}

/** All of them. */
export function FeedFilters({ params }: { readonly params: URLSearchParams }): VNode {
  const isAny = FILTER_NAMES.some((name) => params.has(name));
  const of = (name: string) => ({
    value: params.get(name) ?? "",
    onChange: (value: string) => set(params, name, value),
  });
  return (
    <form class="filters" role="search" onSubmit={(event) => event.preventDefault()}>
      <TypePicker {...of("type")} />
      {FIELDS.map(({ name, label, hint }) => (
        <Field key={name} label={label} hint={hint} {...of(name)} />
      ))}
      <TimeField label="Since" {...of("since")} />
      <TimeField label="Until" {...of("until")} />
      {isAny && <button type="button" class="plain" onClick={() => go("feed")}>Clear</button>}
    </form>
  );
}
