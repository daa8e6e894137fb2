/** The work of the demo's jobs: real, and measured. */

import { createHash } from "node:crypto";
import { open, readFile } from "node:fs/promises";
import { extname } from "node:path";
import process from "node:process";
import { gzipSync } from "node:zlib";
import type { FoundFile } from "./find_files.ts";

/** The queues, each for one kind of work. */
export const QUEUES = ["checksum", "compress", "parse"] as const;

/** The name of a queue. */
export type Queue = typeof QUEUES[number];

/** What a run of a job took. */
export interface Usage {
  durationMs: number;
  cpuTimeMs: number;
  memoryMb: number;
}

/** What a job found out. */
export type Findings = Readonly<Record<string, string | number>>;

const CHUNK_BYTES = 1024 * 1024;
const MAX_PARSED_BYTES = 64 * 1024 * 1024;
const JSON_FILES = new Set([".json", ".geojson", ".har", ".ipynb", ".map", ".webmanifest"]);
const JSON_LINES = new Set([".jsonl", ".ndjson"]);

/** The queues that a file is for: every file is read, those that claim to be JSON are parsed. */
export function queuesFor(file: FoundFile): Queue[] {
  const extension = extname(file.name).toLowerCase();
  const isJson = JSON_FILES.has(extension) || JSON_LINES.has(extension);
  return isJson ? ["checksum", "compress", "parse"] : ["checksum", "compress"];
}

/** Does the work of one job. What it took is in `usage`, also when it fails. */
export async function work(queue: Queue, file: FoundFile, usage: Usage): Promise<Findings> {
  const begin = performance.now();
  try {
    switch (queue) {
      case "checksum":
        return await checksum(file, usage);
      case "compress":
        return await compress(file, usage);
      case "parse":
        return await parse(file, usage);
    }
  } finally {
    usage.durationMs = performance.now() - begin;
  }
}

/** Runs a piece of work that does not wait, and adds its CPU time and its peak of memory. */
function measured<T>(usage: Usage, piece: () => T): T {
  const before = process.cpuUsage();
  const memory = process.memoryUsage();
  try {
    return piece();
  } finally {
    const cpu = process.cpuUsage(before);
    const after = process.memoryUsage();
    const grown = after.heapUsed + after.external - memory.heapUsed - memory.external;
    usage.cpuTimeMs += (cpu.user + cpu.system) / 1000;
    usage.memoryMb = Math.max(usage.memoryMb, grown / 1024 ** 2);
  }
}

async function checksum(file: FoundFile, usage: Usage): Promise<Findings> {
  const hash = createHash("sha256");
  for await (const chunk of chunks(file)) measured(usage, () => hash.update(chunk));
  return { sha256: hash.digest("hex") };
}

async function compress(file: FoundFile, usage: Usage): Promise<Findings> {
  let bytes = 0;
  let compressed = 0;
  for await (const chunk of chunks(file)) {
    bytes += chunk.length;
    // Members one after the other are one gzip file: RFC 1952, section 2.2.
    compressed += measured(usage, () => gzipSync(chunk)).length;
  }
  return { bytes, compressed };
}

async function parse(file: FoundFile, usage: Usage): Promise<Findings> {
  if (file.size > MAX_PARSED_BYTES) {
    throw new RangeError(`${file.name} has ${file.size} bytes, at most ${MAX_PARSED_BYTES} fit`);
  }
  const bytes = await readFile(file.path);
  const isLines = JSON_LINES.has(extname(file.name).toLowerCase());
  return measured(usage, () => {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    const texts = isLines ? text.split("\n").filter((line) => line.trim() !== "") : [text];
    for (const part of texts) JSON.parse(part);
    return { values: texts.length };
  });
}

async function* chunks(file: FoundFile): AsyncGenerator<Uint8Array> {
  const handle = await open(file.path);
  try {
    for (;;) {
      const buffer = new Uint8Array(Math.min(CHUNK_BYTES, Math.max(file.size, 1)));
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, null);
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await handle.close();
  }
}
