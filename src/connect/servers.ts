/** Reads the URLs of servers. */

import { JobEventError } from "../errors.ts";

/** Who a URL says the user is: with a password a user, without one a token. */
export interface UrlLogin {
  readonly user: string;
  readonly password?: string;
}

/** A server as its URL describes it. */
export interface Endpoint {
  readonly kind: "tcp" | "websocket";
  /** Whether the URL asks for a secure connection. */
  readonly secure: boolean;
  /** The URL without user, password and token. */
  readonly url: string;
  readonly login?: UrlLogin;
}

/** The schemes and their default ports. */
const PORTS: Readonly<Record<string, number>> = { nats: 4222, tls: 4222, ws: 80, wss: 443 };
const FORMS = "nats://host:4222, tls://host:4222, ws://host:8080 or wss://host";

/**
 * Reads one or several URLs.
 *
 * @throws {JobEventError} `ERR_CONFIGURATION`: a URL is not of a known form, or TCP and WebSocket
 * are mixed. The message names the URL, without its secrets.
 */
export function parseServers(servers: string | readonly string[]): readonly Endpoint[] {
  const urls = typeof servers === "string" ? servers.split(",") : servers;
  const endpoints = urls.map((url) => parseServer(url.trim()));
  const [first] = endpoints;
  if (first === undefined) throw refusal("servers", "there is none");
  const other = endpoints.find(({ kind }) => kind !== first.kind);
  if (other !== undefined) {
    throw refusal(`${first.url} and ${other.url}`, "TCP and WebSocket cannot be mixed");
  }
  return endpoints;
}

function parseServer(text: string): Endpoint {
  const [, scheme = "nats", rest = ""] = /^(?:([A-Za-z][A-Za-z0-9+.-]*):\/\/)?(.*)$/s.exec(text) ??
    [];
  const port = PORTS[scheme.toLowerCase()];
  if (port === undefined || rest === "") throw refusal(masked(text), `use ${FORMS}`);
  // Parsed as http: the parsers of the runtimes differ for schemes that they do not know.
  if (!URL.canParse(`http://${rest}`)) throw refusal(masked(text), `use ${FORMS}`);
  const url = new URL(`http://${rest}`);
  const kind = scheme.toLowerCase().startsWith("ws") ? "websocket" : "tcp";
  const path = `${url.pathname === "/" ? "" : url.pathname}${url.search}`;
  if (url.hash !== "" || (kind === "tcp" && path !== "")) {
    throw refusal(masked(text), "nothing may follow the port");
  }
  // A parser for http drops port 80, which is not the default of the other schemes.
  const given = url.port === "" && /:80(?:[/?]|$)/.test(rest) ? "80" : url.port;
  const login = toLogin(url, text);
  return {
    kind,
    secure: scheme.toLowerCase() === "tls" || scheme.toLowerCase() === "wss",
    url: `${scheme.toLowerCase()}://${url.hostname}:${given || port}${path}`,
    ...(login === undefined ? {} : { login }),
  };
}

function toLogin(url: URL, text: string): UrlLogin | undefined {
  if (url.username === "" && url.password === "") return undefined;
  try {
    const user = decodeURIComponent(url.username);
    return url.password === "" ? { user } : { user, password: decodeURIComponent(url.password) };
  } catch {
    throw refusal(masked(text), "its user or password is not percent-encoded");
  }
}

/** The text without what may be a secret: all between the scheme and the last @. */
function masked(text: string): string {
  return JSON.stringify(text.replace(/^([A-Za-z][A-Za-z0-9+.-]*:\/\/)?.*@/s, "$1***@"));
}

function refusal(what: string, why: string): JobEventError {
  return new JobEventError("ERR_CONFIGURATION", `Cannot connect to ${what}: ${why}`);
}
