/** A virtual environment with msgspec and nats-py, made once and kept for later runs. */

import { spawn } from "node:child_process";
import { access, mkdir, rename, rm } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

const PACKAGES = ["msgspec==0.20.0", "nats-py==2.16.0"];

interface Output {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function run(command: string, args: readonly string[], input = ""): Promise<Output> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: "pipe" });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => stdout += text);
    child.stderr.setEncoding("utf8").on("data", (text: string) => stderr += text);
    child.on("error", reject);
    child.on("close", (code) => resolve({ code: code ?? 1, stdout, stderr }));
    // A process that ends early closes its input: what it says on stderr is what counts.
    child.stdin.on("error", () => {});
    child.stdin.end(input);
  });
}

/** The version of `python3`, such as "3.12", or `undefined` where there is none. */
export async function pythonVersion(): Promise<string | undefined> {
  const print = "import sys; print('%d.%d' % sys.version_info[:2])";
  try {
    const { code, stdout } = await run("python3", ["-c", print]);
    return code === 0 ? stdout.trim() : undefined;
  } catch {
    return undefined;
  }
}

async function cacheDirectory(): Promise<string> {
  const own = process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache");
  const directory = join(own, "naq-events");
  try {
    await mkdir(directory, { recursive: true });
    return directory;
  } catch {
    return tmpdir();
  }
}

async function isUsable(python: string): Promise<boolean> {
  try {
    await access(python);
    return (await run(python, ["-c", "import msgspec, nats"])).code === 0;
  } catch {
    return false;
  }
}

/**
 * Gives the environment's Python, after making it where it is not there yet. Several processes may
 * do so at once: each makes its own under another name, and the first to be done wins.
 *
 * @throws {Error} Python cannot make the environment or pip cannot install the packages.
 */
export async function pythonWithPackages(version: string): Promise<string> {
  const place = join(
    await cacheDirectory(),
    `python-${version}-${PACKAGES.join("-").replaceAll("==", "-")}`,
  );
  const python = join(place, "bin", "python");
  if (await isUsable(python)) return python;
  const draft = `${place}.${process.pid}.${Date.now().toString(36)}`;
  try {
    const steps: readonly (readonly string[])[] = [
      ["python3", "-m", "venv", draft],
      [join(draft, "bin", "python"), "-m", "pip", "install", "--quiet", ...PACKAGES],
    ];
    for (const [command = "", ...args] of steps) {
      const { code, stdout, stderr } = await run(command, args);
      if (code !== 0) {
        const text = `${stdout}${stderr}`.trim();
        throw new Error(
          `Cannot install ${PACKAGES.join(", ")} for Python ${version}, ${args[1]} fails: ${text}`,
        );
      }
    }
    await rename(draft, place);
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    // Perhaps another process was faster. A broken environment that is in the way stays broken:
    // removing it could take it from a process that uses it.
    if (!await isUsable(python)) throw error;
  }
  return python;
}

/** Runs a script of this folder with lines as its input, and gives the lines that it prints. */
export async function runScript(
  python: string,
  script: "events.py" | "stream.py",
  args: readonly string[],
  lines: readonly string[] = [],
): Promise<string[]> {
  const path = fileURLToPath(new URL(script, import.meta.url));
  const { code, stdout, stderr } = await run(python, [path, ...args], lines.join("\n"));
  if (code !== 0) throw new Error(`${script} ${args.join(" ")} fails: ${stderr}`);
  return stdout.trimEnd().split("\n");
}
