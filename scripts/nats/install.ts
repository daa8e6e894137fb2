/** Puts a nats-server into the cache, built with Go or taken out of Debian's package. */

import {
  chmodSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { type Environment, isAlive, isExecutable, poll, run, which } from "./run.ts";

const MODULE = "github.com/nats-io/nats-server/v2";
const INSTALL_TIMEOUT_MS = 15 * 60_000;

/** One way to get a binary. */
export interface Installer {
  /** What it is called in messages. */
  readonly title: string;
  /** Puts a binary somewhere below `directory` and gives its path. */
  install(directory: string, env: Environment): Promise<string>;
}

/** Runs an installer and moves what it gave into the cache, named by the version it reports. */
export type AddToCache = (
  installer: Installer,
  env: Environment,
  versionOf: (path: string) => Promise<string>,
) => Promise<{ path: string; version: string }>;

/** Builds a released version from source. */
export function installWithGo(version: string): Installer {
  return {
    title: "go install",
    async install(directory, env) {
      const go = which("go", env);
      if (go === undefined) throw new Error("Go is not installed");
      console.error(`Installing nats-server ${version} with Go; this takes about a minute`);
      // Without cgo the build needs no C compiler. GOOS and GOARCH would move the binary
      // into a subdirectory, for a machine that is not this one.
      const build = { ...env, GOBIN: directory, CGO_ENABLED: "0", GOOS: "", GOARCH: "" };
      await run(go, ["install", `${MODULE}@v${version}`], { cwd: directory, env: build });
      return join(directory, "nats-server");
    },
  };
}

/** Downloads and unpacks Debian's package without installing it, whatever its version is. */
export const unpackDebianPackage: Installer = {
  title: "Debian's package",
  async install(directory, env) {
    const apt = which("apt-get", env);
    const dpkg = which("dpkg", env);
    if (apt === undefined || dpkg === undefined) throw new Error("apt-get is not installed");
    console.error("Fetching Debian's nats-server package");
    try {
      await run(apt, ["download", "nats-server"], { cwd: directory, env });
    } catch (error) {
      // A fresh container has no package lists, and only root may fetch them.
      if (process.getuid?.() !== 0) throw error;
      await run(apt, ["update"], { cwd: directory, env });
      await run(apt, ["download", "nats-server"], { cwd: directory, env });
    }
    const archive = readdirSync(directory).find((name) => name.endsWith(".deb"));
    if (archive === undefined) throw new Error("apt-get downloaded no package");
    await run(dpkg, ["-x", join(directory, archive), directory], { env });
    const paths = ["usr/sbin/nats-server", "usr/bin/nats-server"].map((at) => join(directory, at));
    const binary = paths.find(isExecutable);
    if (binary === undefined) throw new Error(`${archive} has no nats-server in it`);
    return binary;
  },
};

/**
 * Lets one process at a time install. The lock only saves work: a binary appears in the cache by
 * a rename, so even two that install at once leave a whole one.
 */
export async function withInstallLock<T>(
  cache: string,
  body: (add: AddToCache) => Promise<T>,
): Promise<T> {
  mkdirSync(cache, { recursive: true });
  const scratch = mkdtempSync(join(cache, `install-${process.pid}-`));
  const lock = join(cache, "install.lock");
  const mine = join(scratch, "pid");
  writeFileSync(mine, `${process.pid}`);
  try {
    await poll(`Lock ${lock}`, () => tryLock(mine, lock), {
      timeoutMs: INSTALL_TIMEOUT_MS,
      intervalMs: 100,
      explain: () => "Remove the file if no installation is running",
    });
    try {
      removeLeftovers(cache);
      return await body((installer, env, versionOf) =>
        addToCache(cache, scratch, installer, env, versionOf)
      );
    } finally {
      rmSync(lock, { force: true });
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** A hard link appears together with its content, so nobody ever reads a lock without an owner. */
function tryLock(mine: string, lock: string): true | undefined {
  try {
    linkSync(mine, lock);
    return true;
  } catch (error) {
    if ((error as { code?: string }).code !== "EEXIST") throw error;
  }
  if (!isOwnerAlive(lock)) rmSync(lock, { force: true });
  return undefined;
}

function isOwnerAlive(lock: string): boolean {
  try {
    return isAlive(Number(readFileSync(lock, "utf8")));
  } catch {
    // Released between the two calls; the next attempt takes it.
    return true;
  }
}

/** Removes what killed installations left. */
function removeLeftovers(cache: string): void {
  for (const name of readdirSync(cache)) {
    const pid = /^install-(\d+)-/.exec(name)?.[1];
    if (pid !== undefined && !isAlive(Number(pid))) {
      rmSync(join(cache, name), { recursive: true, force: true });
    }
  }
}

async function addToCache(
  cache: string,
  scratch: string,
  installer: Installer,
  env: Environment,
  versionOf: (path: string) => Promise<string>,
): Promise<{ path: string; version: string }> {
  const directory = mkdtempSync(join(scratch, "try-"));
  const binary = await installer.install(directory, env);
  const version = await versionOf(binary);
  const path = join(cache, `nats-server-${version}`);
  chmodSync(binary, 0o755);
  renameSync(binary, path);
  return { path, version };
}
