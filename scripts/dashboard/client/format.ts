/** Numbers, durations and times as people read them. */

const whole = new Intl.NumberFormat("en");
const short = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });

/** A whole number, with commas. */
export function count(value: number): string {
  return whole.format(value);
}

/** A large number, short: 12.3K. */
export function compact(value: number): string {
  return value < 10_000 ? whole.format(value) : short.format(value);
}

/** Something a second. */
export function rate(perSecond: number): string {
  if (perSecond === 0) return "0";
  if (perSecond < 0.1) return `${trim(perSecond * 60, 1)}/min`;
  return `${perSecond < 100 ? trim(perSecond, 1) : compact(Math.round(perSecond))}/s`;
}

/** A share, as a percentage. */
export function percent(part: number, of: number): string {
  if (of === 0) return "–";
  const value = part / of * 100;
  if (value > 0 && value < 0.1) return "<0.1%";
  return `${value >= 10 ? value.toFixed(0) : trim(value, 1)}%`;
}

/** A duration with two units at the most. */
export function duration(ms: number | null | undefined): string {
  if (ms === null || ms === undefined) return "–";
  if (ms < 0) return `−${duration(-ms)}`;
  if (ms < 1) return ms === 0 ? "0 ms" : `${ms.toFixed(2)} ms`;
  if (ms < 1000) return `${ms < 100 ? trim(ms, 1) : ms.toFixed(0)} ms`;
  const seconds = ms / 1000;
  if (seconds < 60) return `${seconds < 10 ? seconds.toFixed(2) : seconds.toFixed(1)} s`;
  const units: readonly (readonly [number, string])[] = [[86_400, "d"], [3600, "h"], [60, "m"]];
  const [size, unit] = units.find(([size]) => seconds >= size)!;
  const [next, nextUnit] = units[units.findIndex(([other]) => other === size) + 1] ?? [1, "s"];
  const rest = Math.floor(seconds % size / next);
  return `${Math.floor(seconds / size)} ${unit}${rest > 0 ? ` ${rest} ${nextUnit}` : ""}`;
}

/** A size. */
export function bytes(value: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  const power = value < 1 ? 0 : Math.min(Math.floor(Math.log2(value) / 10), units.length - 1);
  return `${trim(value / 1024 ** power, power === 0 ? 0 : 1)} ${units[power]}`;
}

/** The time of a day, with milliseconds. */
export function clock(at: number, withMs = true): string {
  const date = new Date(at * 1000);
  if (Number.isNaN(date.getTime())) return "?";
  const pad = (value: number, length = 2) => String(value).padStart(length, "0");
  const text = [date.getHours(), date.getMinutes(), date.getSeconds()].map((x) => pad(x)).join(":");
  return withMs ? `${text}.${pad(date.getMilliseconds(), 3)}` : text;
}

/** A day and its time. */
export function dateTime(at: number): string {
  const date = new Date(at * 1000);
  if (Number.isNaN(date.getTime())) return "?";
  return `${date.toLocaleDateString("en-CA")} ${clock(at)}`;
}

/** The time alone for today, else with its day. */
export function when(at: number, withMs = true): string {
  const date = new Date(at * 1000);
  const isToday = date.toDateString() === new Date().toDateString();
  if (isToday) return clock(at, withMs);
  return `${date.toLocaleDateString("en-CA").slice(5)} ${clock(at, false)}`;
}

/** How long ago something was. */
export function ago(at: number, now: number = Date.now() / 1000): string {
  const seconds = now - at;
  if (seconds < 0.5) return "now";
  if (seconds < 60) return `${Math.max(1, Math.round(seconds))} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ago`;
  return `${Math.floor(seconds / 86_400)} d ago`;
}

/** The name of a type for people. */
export function typeName(type: string): string {
  return type.replaceAll("_", " ");
}

/**
 * A time that somebody typed, in seconds since the Unix epoch: `10m` or `2h ago`, `14:30`, a date,
 * or ISO 8601. `undefined`: it is none.
 */
export function parseTime(text: string): number | undefined {
  const now = Date.now() / 1000;
  const [, amount, unit = ""] = /^(\d+(?:\.\d+)?)\s*(s|m|min|h|d)(?:\s+ago)?$/i.exec(text) ?? [];
  const seconds: Readonly<Record<string, number>> = { s: 1, m: 60, min: 60, h: 3600, d: 86_400 };
  if (amount !== undefined) return now - Number(amount) * seconds[unit.toLowerCase()]!;
  const [, hours, minutes, rest = "0"] = /^(\d{1,2}):(\d{2})(?::(\d{2}))?$/.exec(text) ?? [];
  if (hours !== undefined) {
    const at = new Date().setHours(Number(hours), Number(minutes), Number(rest), 0) / 1000;
    return at > now ? at - 86_400 : at;
  }
  if (!/^\d{4}-\d{2}-\d{2}/.test(text)) return undefined;
  // Without a zone it is the time of who typed it.
  const time = Date.parse(text.length === 10 ? `${text}T00:00` : text.replace(" ", "T"));
  return Number.isNaN(time) ? undefined : time / 1000;
}

function trim(value: number, digits: number): string {
  return value.toFixed(digits).replace(/\.0+$/, "");
}
