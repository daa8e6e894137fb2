/** The page and its files. */

import { ASSETS } from "./gen/assets.ts";
import type { PageConfig } from "./wire.ts";

interface Answer {
  readonly body: Uint8Array<ArrayBuffer>;
  readonly gzipped: Uint8Array<ArrayBuffer>;
  readonly type: string;
  readonly etag: string;
  readonly cache: string;
}

/** What answers for the page's own files: compressed once, then kept. */
export class Pages {
  readonly #config: PageConfig;
  readonly #basePath: string;
  readonly #answers = new Map<string, Promise<Answer>>();

  constructor(config: PageConfig, basePath: string) {
    this.#config = config;
    this.#basePath = basePath;
  }

  /** The page, the same for all of its addresses. */
  async page(request: Request): Promise<Response> {
    const type = "text/html; charset=utf-8";
    const html = () => ({ text: this.#html(), type, cache: "no-cache" });
    return respond(request, await this.#answer("", html));
  }

  /** One of the page's files; `undefined` if there is none of that name. */
  async asset(request: Request, name: string): Promise<Response | undefined> {
    const asset = Object.values(ASSETS).find((asset) => asset.name === name);
    if (asset === undefined) return undefined;
    const cache = "public, max-age=31536000, immutable";
    return respond(request, await this.#answer(name, () => ({ ...asset, cache })));
  }

  #answer(
    name: string,
    make: () => { readonly text: string; readonly type: string; readonly cache: string },
  ): Promise<Answer> {
    const known = this.#answers.get(name);
    if (known !== undefined) return known;
    const { text, type, cache } = make();
    const answer = compress(text).then(async ({ body, gzipped }) => ({
      body,
      gzipped,
      type,
      cache,
      etag: `"${await hash(body)}"`,
    }));
    this.#answers.set(name, answer);
    return answer;
  }

  #html(): string {
    const { title } = this.#config;
    return [
      "<!doctype html>",
      '<html lang="en">',
      "<head>",
      '<meta charset="utf-8">',
      `<base href="${escape(this.#basePath)}">`,
      `<title>${escape(title)}</title>`,
      '<meta name="viewport" content="width=device-width, initial-scale=1">',
      '<meta name="color-scheme" content="light dark">',
      '<meta name="robots" content="noindex">',
      `<meta name="naq-config" content="${escape(JSON.stringify(this.#config))}">`,
      `<link rel="icon" href="assets/${ASSETS.icon.name}" type="image/svg+xml">`,
      `<link rel="stylesheet" href="assets/${ASSETS.style.name}">`,
      `<script type="module" src="assets/${ASSETS.script.name}"></script>`,
      "</head>",
      "<body>",
      '<div id="app"></div>',
      "<noscript>This page needs JavaScript.</noscript>",
      "</body>",
      "</html>",
      "",
    ].join("\n");
  }
}

function respond(request: Request, answer: Answer): Response {
  const { body, gzipped, type, etag, cache } = answer;
  const headers = new Headers({ etag, "cache-control": cache, vary: "accept-encoding" });
  if (request.headers.get("if-none-match")?.includes(etag)) {
    return new Response(null, { status: 304, headers });
  }
  headers.set("content-type", type);
  const isGzip = /\bgzip\b/.test(request.headers.get("accept-encoding") ?? "");
  if (isGzip) headers.set("content-encoding", "gzip");
  const bytes = isGzip ? gzipped : body;
  headers.set("content-length", String(bytes.length));
  return new Response(request.method === "HEAD" ? null : bytes, { headers });
}

async function compress(text: string): Promise<Pick<Answer, "body" | "gzipped">> {
  const body = new TextEncoder().encode(text);
  const stream = new Blob([body]).stream().pipeThrough(new CompressionStream("gzip"));
  return { body, gzipped: new Uint8Array(await new Response(stream).arrayBuffer()) };
}

async function hash(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return [...digest.subarray(0, 12)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function escape(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
