/** Finds the files that the demo's jobs work on. */

import { lstat, readdir } from "node:fs/promises";
import { join, relative } from "node:path";

/** One file below the directory. */
export interface FoundFile {
  /** Where it is. */
  readonly path: string;
  /** Where it is, seen from the directory. */
  readonly name: string;
  readonly size: number;
}

/** Why a directory cannot be worked on, in one line for people. */
export class DirectoryError extends Error {
  override readonly name = "DirectoryError" as const;
}

const LEFT_OUT = new Set(["node_modules", ".git"]);

/**
 * Lists the regular files below a directory, sorted by name. Links are not followed; `node_modules`
 * and `.git` are left out; a directory below that cannot be read is left out with a warning.
 *
 * @throws {DirectoryError} The directory is missing, is none, cannot be read or has no files.
 */
export async function findFiles(
  directory: string,
  warn: (line: string) => void,
): Promise<FoundFile[]> {
  const files: FoundFile[] = [];
  const below = async (path: string): Promise<void> => {
    for (const entry of await readdir(path, { withFileTypes: true })) {
      const child = join(path, entry.name);
      if (entry.isDirectory() && !LEFT_OUT.has(entry.name)) {
        await below(child).catch((error) => warn(`Left out ${child}: ${reason(error)}`));
      } else if (entry.isFile()) {
        const { size } = await lstat(child);
        files.push({ path: child, name: relative(directory, child), size });
      }
    }
  };
  try {
    await below(directory);
  } catch (error) {
    throw new DirectoryError(`Cannot read ${directory}: ${reason(error)}`);
  }
  if (files.length === 0) throw new DirectoryError(`There are no files below ${directory}`);
  return files.sort((a, b) => a.name < b.name ? -1 : 1);
}

function reason(error: unknown): string {
  const { code, message } = error as { code?: string; message: string };
  switch (code) {
    case "ENOENT":
      return "there is no such directory";
    case "ENOTDIR":
      return "it is not a directory";
    case "EACCES":
    case "EPERM":
      return "permission denied";
    default:
      return message;
  }
}
