/** Where a nats-server comes from: what is there already, else a copy installed into the cache. */

import { mkdirSync, readdirSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { type Installer, installWithGo, unpackDebianPackage, withInstallLock } from "./install.ts";
import { type Environment, isExecutable, run, which } from "./run.ts";

/** The newest server this project is tested with. */
export const CURRENT_VERSION = "2.14.5";
/** The oldest server this project supports: the one in Debian 12. */
export const FLOOR_VERSION = "2.9.10";

/** `current` and `floor` are the two ends of what is supported; else an exact version. */
export type NatsServerVersion = "current" | "floor" | `${number}.${number}.${number}`;

export interface FoundServer {
  readonly path: string;
  /** As the binary reports it, without the `v`. */
  readonly version: string;
}

export interface FindOptions {
  /** Where PATH, NATS_SERVER and the cache directory are looked up. @default process.env */
  readonly env?: Environment;
}

/** What a wish for a version means: which servers satisfy it, and how to get one. */
interface Wish {
  readonly name: string;
  readonly accepts: (version: string) => boolean;
  readonly installers: readonly Installer[];
  /** Whether another version is better than none; the installers are then best first. */
  readonly lenient: boolean;
}

/**
 * Finds a nats-server: `NATS_SERVER`, then the PATH, then the cache. Where none of them has the
 * wanted version, one is installed into the cache, which changes nothing else on the machine.
 */
export async function findNatsServer(
  version: NatsServerVersion = "current",
  options: FindOptions = {},
): Promise<FoundServer> {
  const env = options.env ?? process.env;
  const wish = toWish(version);
  const given = await namedByUser(env);
  // Whoever names a binary means it, so for `current` its version is not questioned. Tests of
  // the floor ask for it by name and must not get another one.
  if (given !== undefined && (version === "current" || wish.accepts(given.version))) return given;

  const onPath = await onThePath(env);
  if (onPath !== undefined && wish.accepts(onPath.version)) return onPath;
  const cached = inCache(env).find((server) => wish.accepts(server.version));
  return cached ?? await install(wish, onPath, env);
}

/** The version that a binary reports. */
export async function versionOf(path: string): Promise<string> {
  const text = await run(path, ["--version"]);
  const version = /v(\d+\.\d+\.\d+)/.exec(text)?.[1];
  if (version === undefined) throw new Error(`${path} --version says ${JSON.stringify(text)}`);
  return version;
}

/** Negative when `left` is older than `right`. */
export function compareVersions(left: string, right: string): number {
  const [a, b] = [left, right].map((version) => version.split(".").map(Number));
  for (let at = 0; at < 3; at++) {
    const difference = (a?.[at] ?? 0) - (b?.[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

function toWish(version: NatsServerVersion): Wish {
  if (version === "current") {
    return {
      name: CURRENT_VERSION,
      accepts: (found) => compareVersions(found, "2.14.0") >= 0,
      installers: [installWithGo(CURRENT_VERSION), unpackDebianPackage],
      lenient: true,
    };
  }
  if (version === "floor") {
    return {
      name: FLOOR_VERSION,
      accepts: (found) => found.startsWith("2.9."),
      // Debian's package comes first because fetching it takes a second and a build half a minute.
      installers: [unpackDebianPackage, installWithGo(FLOOR_VERSION)],
      lenient: false,
    };
  }
  if (!/^\d+\.\d+\.\d+$/.test(version)) {
    throw new TypeError(`Cannot find nats-server: no version ${JSON.stringify(version)}`);
  }
  return {
    name: version,
    accepts: (found) => found === version,
    installers: [installWithGo(version)],
    lenient: false,
  };
}

async function namedByUser(env: Environment): Promise<FoundServer | undefined> {
  const path = env["NATS_SERVER"];
  if (path === undefined || path === "") return undefined;
  try {
    return { path, version: await versionOf(path) };
  } catch (cause) {
    throw new Error(
      `Cannot use NATS_SERVER=${path}: it is no nats-server that runs here; ` +
        "correct the variable, or unset it to have one found or installed",
      { cause },
    );
  }
}

async function onThePath(env: Environment): Promise<FoundServer | undefined> {
  const path = which("nats-server", env);
  return path === undefined ? undefined : { path, version: await versionOf(path) };
}

function cacheDirectory(env: Environment): string {
  const fallback = process.platform === "darwin" ? "Library/Caches" : ".cache";
  return join(env["XDG_CACHE_HOME"] || join(homedir(), fallback), "naq-events");
}

/** The servers in the cache, newest first. Their file names carry the version. */
function inCache(env: Environment): FoundServer[] {
  const directory = cacheDirectory(env);
  const found: FoundServer[] = [];
  mkdirSync(directory, { recursive: true });
  for (const name of readdirSync(directory)) {
    const version = /^nats-server-(\d+\.\d+\.\d+)$/.exec(name)?.[1];
    const path = join(directory, name);
    if (version !== undefined && isExecutable(path)) found.push({ path, version });
  }
  return found.sort((a, b) => compareVersions(b.version, a.version));
}

async function install(
  wish: Wish,
  onPath: FoundServer | undefined,
  env: Environment,
): Promise<FoundServer> {
  const problems: string[] = [];
  const available =
    (): FoundServer[] => [...(onPath === undefined ? [] : [onPath]), ...inCache(env)];
  return await withInstallLock(cacheDirectory(env), async (add) => {
    for (const installer of wish.installers) {
      // Another process may have filled the cache while this one waited for the lock.
      const ready = inCache(env).find((server) => wish.accepts(server.version));
      if (ready !== undefined) return ready;
      // The best way has failed, and the others give no better server than one that is here.
      if (wish.lenient && problems.length > 0 && available().length > 0) break;
      try {
        const added = await add(installer, env, versionOf);
        if (wish.accepts(added.version)) return added;
        problems.push(`${installer.title} gave ${added.version}`);
      } catch (error) {
        problems.push(`${installer.title}: ${(error as Error).message}`);
      }
    }
    const second = available().sort((a, b) => compareVersions(b.version, a.version))[0];
    if (!wish.lenient || second === undefined) throw notFound(wish, onPath, problems);
    console.warn(
      `WARNING: no nats-server ${wish.name} can be had here, ${second.version} is used instead\n` +
        problems.map((problem) => `  ${problem}`).join("\n"),
    );
    return second;
  });
}

function notFound(wish: Wish, onPath: FoundServer | undefined, problems: string[]): Error {
  const path = onPath === undefined ? "no nats-server" : `nats-server ${onPath.version}`;
  return new Error(
    [
      `Cannot find or install nats-server ${wish.name}`,
      `  PATH: ${path}`,
      ...problems.map((problem) => `  ${problem}`),
      "Install Go or Debian's nats-server package, or set NATS_SERVER to the " +
      "path of a nats-server; NAQ_SKIP_NATS=1 skips the tests that need one",
    ].join("\n"),
  );
}
