import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { GEN, runScript, temporary } from "./project_copy.ts";

describe("gen --check", () => {
  const { path, remove } = temporary();
  const out = join(path, "gen");
  const gen = (...args: string[]) => runScript(GEN, ["--out", out, ...args]);

  before(async () => {
    const { code, stdout, stderr } = await gen();
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^7 files generated, 7 changed/);
  });
  after(remove);

  async function refuses(name: string): Promise<void> {
    const { code, stderr } = await gen("--check");
    assert.equal(code, 1);
    assert.match(stderr, new RegExp(`^Not what the schema gives: ${name}$`, "m"));
    assert.match(stderr, /^Run `deno task gen` and commit what it writes\.$/m);
  }

  it("passes over what was just written, which is what the repository has", async () => {
    const { code, stdout, stderr } = await gen("--check");
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^7 files are up to date/);
    const committed = new URL("../../src/gen/", import.meta.url);
    for (const name of readdirSync(out)) {
      const text = readFileSync(new URL(name, committed), "utf8");
      assert.equal(readFileSync(join(out, name), "utf8"), text, `src/gen/${name} is stale`);
    }
  });

  it("fails with the remedy when one byte differs, is missing or is not UTF-8", async () => {
    const file = join(out, "types.ts");
    const bytes = readFileSync(file);
    const changed = Uint8Array.from(bytes);
    changed[1000]! ^= 1;
    const broken = Uint8Array.from(bytes);
    broken[1000] = 0xff;
    for (const other of [changed, broken, bytes.subarray(0, -1)]) {
      writeFileSync(file, other);
      await refuses("types.ts");
    }
    writeFileSync(file, bytes);
  });

  it("fails for a missing file and for one too many, and writes nothing", async () => {
    const file = join(out, "decode.ts");
    rmSync(file);
    writeFileSync(join(out, "old.ts"), "");
    mkdirSync(join(out, "sub"));
    await refuses("decode.ts, old.ts, sub");
    assert.ok(!readdirSync(out).includes("decode.ts"));
    const { code, stdout, stderr } = await gen();
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^7 files generated, 3 changed/);
    assert.equal((await gen("--check")).code, 0);
  });

  it("fails with file and line for a schema that it does not know", async () => {
    const schema = join(path, "bad.proto");
    writeFileSync(schema, `syntax = "proto3";\n\nmessage Other {}\n`);
    const { code, stderr } = await gen("--schema", schema);
    assert.equal(code, 1);
    assert.match(stderr, /bad\.proto:3: .*message Other.*; allowed: /);
    assert.equal((await gen("--check")).code, 0, "nothing was written");
  });

  it("fails for an option that it does not have", async () => {
    const { code, stderr } = await gen("--chek");
    assert.equal(code, 1);
    assert.match(stderr, /--chek/);
  });
});
