/** Plain text for people: times, durations, numbers, bars, and nothing that moves the cursor. */

/** Names of queues and error messages come from anywhere: what would steer the terminal is shown
 * as an escape instead. */
// deno-lint-ignore no-control-regex
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

/** A text that can be shown on a terminal, in one line. */
export function shown(text: string): string {
  return text.replace(CONTROL, escaped);
}

const CONTROL_IN_JSON = /[\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

/** JSON that can be shown on a terminal: its own escapes leave some control characters alone. */
export function shownJson(json: string): string {
  return json.replace(CONTROL_IN_JSON, escaped);
}

function escaped(character: string): string {
  if (character === "\n") return "\\n";
  if (character === "\t") return " ";
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/** A time as `2026-11-21 12:34:56.789`, in UTC; a year beyond those that a `Date` knows is none. */
export function dateTime(seconds: number): string {
  const date = new Date(seconds * 1000);
  return Number.isNaN(date.getTime())
    ? String(seconds)
    : date.toISOString().slice(0, 23).replace("T", " ");
}

/** A time as `12:34:56.789`, in UTC. */
export function timeOfDay(seconds: number): string {
  return dateTime(seconds).slice(-12);
}

const UNITS = [[86_400_000, "d"], [3_600_000, "h"], [60_000, "m"]] as const;

/** A duration: `0.42 ms`, `12.3 ms`, `1.25 s`, `5 m 12 s`, `3 d 4 h`. */
export function duration(ms: number): string {
  if (ms < 0) return `-${duration(-ms)}`;
  if (ms < 1000) return `${ms.toFixed(ms >= 10 || ms === 0 ? 1 : 2)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(2)} s`;
  const at = UNITS.findIndex(([unit]) => ms >= unit);
  const [unit, name] = UNITS[at]!;
  const [smaller, smallerName] = UNITS[at + 1] ?? [1000, "s"];
  return `${Math.floor(ms / unit)} ${name} ${Math.floor((ms % unit) / smaller)} ${smallerName}`;
}

/** A number with separators: `12,345`. */
export function whole(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

/** A count with its noun: `1 event`, `1,200 events`. */
export function counted(count: number, noun: string): string {
  return `${whole(count)} ${noun}${count === 1 ? "" : "s"}`;
}

/** A rate with three significant digits or so. */
export function rate(perSecond: number): string {
  if (perSecond === 0) return "0";
  return perSecond >= 100 ? whole(perSecond) : perSecond.toPrecision(2);
}

/** A size in bytes: `512 B`, `1.5 KiB`, `20.0 GiB`. */
export function bytes(count: number): string {
  let value = count;
  for (const unit of ["B", "KiB", "MiB", "GiB"]) {
    if (value < 1024) return unit === "B" ? `${value} B` : `${value.toFixed(1)} ${unit}`;
    value /= 1024;
  }
  return `${value.toFixed(1)} TiB`;
}

const EIGHTHS = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

/** A bar that is full, `width` wide, where `value` is `most`. */
export function bar(value: number, most: number, width = 12): string {
  if (most <= 0 || value <= 0) return "";
  const eighths = Math.max(1, Math.round(value / most * width * 8));
  return "█".repeat(eighths >> 3) + EIGHTHS[eighths & 7];
}

const LEVELS = "▁▂▃▄▅▆▇█";

/** One character for each value; an empty one is the lowest, anything else is above it. */
export function sparkline(values: readonly number[]): string {
  const most = Math.max(...values);
  return values.map((value) => {
    const level = value === 0 || most === 0 ? 0 : 1 + Math.round(value / most * 6);
    return LEVELS[level];
  }).join("");
}
