import assert from "node:assert/strict";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { compareVersions, CURRENT_VERSION, findNatsServer } from "../../scripts/nats/find.ts";

describe("findNatsServer()", () => {
  let home = "";
  let bin = "";

  before(() => {
    home = mkdtempSync(join(tmpdir(), "naq-events-find-"));
    bin = join(home, "bin");
    mkdirSync(bin);
  });

  after(() => rmSync(home, { recursive: true, force: true }));

  function command(name: string, text: string): string {
    const path = join(bin, name);
    writeFileSync(path, `#!/bin/sh\n${text}\n`);
    chmodSync(path, 0o755);
    return path;
  }

  it("names a NATS_SERVER that cannot be run", async () => {
    const env = { NATS_SERVER: "/no/such/nats-server", XDG_CACHE_HOME: home };
    for (const version of ["current", "floor"] as const) {
      await assert.rejects(findNatsServer(version, { env }), /NATS_SERVER=\/no\/such\/nats-server/);
    }
    const other = { ...env, NATS_SERVER: command("other", "echo hello") };
    await assert.rejects(findNatsServer("current", { env: other }), /NATS_SERVER=.*bin\/other/);
  });

  it("says what to do where no server can be had", async () => {
    const env = { PATH: join(home, "nothing"), XDG_CACHE_HOME: join(home, "empty") };
    await assert.rejects(
      findNatsServer("floor", { env }),
      /Go is not installed[^]*NATS_SERVER[^]*NAQ_SKIP_NATS=1/,
    );
    assert.deepEqual(readdirSync(join(env.XDG_CACHE_HOME, "naq-events")), []);
  });

  it("refuses what is no version", async () => {
    await assert.rejects(findNatsServer("newest" as "current"), /newest/);
  });

  it("takes NATS_SERVER for current whatever its version, for the floor only a 2.9", async () => {
    const env = {
      NATS_SERVER: command("given", "echo nats-server: v2.10.3"),
      PATH: "",
      XDG_CACHE_HOME: join(home, "given-cache"),
    };
    const found = await findNatsServer("current", { env });
    assert.deepEqual(found, { path: env.NATS_SERVER, version: "2.10.3" });
    await assert.rejects(findNatsServer("floor", { env }), /Cannot find or install/);
  });

  it("prefers the PATH to the cache, and an old server there to none", async (t) => {
    t.mock.method(console, "warn", () => {});
    const path = command("nats-server", "echo nats-server: v2.15.1");
    const env = { PATH: bin, XDG_CACHE_HOME: join(home, "path-cache") };
    assert.deepEqual(await findNatsServer("current", { env }), { path, version: "2.15.1" });
    command("nats-server", "echo nats-server: v2.11.9");
    assert.deepEqual(await findNatsServer("current", { env }), { path, version: "2.11.9" });
    rmSync(path);
  });

  it("installs once for all that ask at the same time", async (t) => {
    t.mock.method(console, "error", () => {});
    command(
      "go",
      `echo run >> ${home}/runs
       printf '#!/bin/sh\\necho nats-server: v${CURRENT_VERSION}\\n' > "$GOBIN/nats-server"
       /bin/chmod 755 "$GOBIN/nats-server"`,
    );
    const env = { PATH: bin, XDG_CACHE_HOME: join(home, "go-cache") };
    const found = await Promise.all([1, 2, 3].map(() => findNatsServer("current", { env })));
    const path = join(env.XDG_CACHE_HOME, "naq-events", `nats-server-${CURRENT_VERSION}`);
    assert.deepEqual(found, Array(3).fill({ path, version: CURRENT_VERSION }));
    assert.equal(readFileSync(join(home, "runs"), "utf8"), "run\n");
    assert.deepEqual(readdirSync(join(env.XDG_CACHE_HOME, "naq-events")), [
      `nats-server-${CURRENT_VERSION}`,
    ]);
  });
});

describe("compareVersions()", () => {
  it("compares by number, not by letter", () => {
    assert.ok(compareVersions("2.9.10", "2.14.5") < 0);
    assert.ok(compareVersions("2.14.10", "2.14.9") > 0);
    assert.equal(compareVersions("2.14.5", "2.14.5"), 0);
  });
});
