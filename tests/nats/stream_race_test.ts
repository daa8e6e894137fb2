import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type NatsServer, natsSkipReason, startNatsServer } from "../../scripts/nats_server.ts";
import { ConnectionLink } from "../../src/nats/link.ts";
import { ReplyInbox } from "../../src/nats/replies.ts";
import { SideStream } from "../../src/nats/side_stream.ts";
import { openEventStream } from "../../src/nats/stream.ts";
import { connect, type TestConnection, TIMEOUT_MS } from "./publishing.ts";

const options = { skip: natsSkipReason(), timeout: TIMEOUT_MS };
/** Of eight that race, one in two hundred is told by 2.9 that the subjects overlap. */
const ROUNDS = 100;

for (const version of ["current", "floor"] as const) {
  describe(`many who make a stream at the same time, on the ${version} server`, options, () => {
    let server: NatsServer;
    let connections: TestConnection[];
    before(async () => {
      server = await startNatsServer({ version });
      connections = await Promise.all(Array.from({ length: 8 }, () => connect(server.url)));
    }, { timeout: TIMEOUT_MS });
    after(async () => {
      await Promise.all((connections ?? []).map((connection) => connection.close()));
      await server?.stop();
    });

    const remove = (name: string): Promise<unknown> =>
      connections[0]!.request(`$JS.API.STREAM.DELETE.${name}`, undefined, { timeout: 5000 });

    it("all have the one stream, also those who wanted other settings", options, async () => {
      for (let round = 0; round < ROUNDS; round++) {
        const streams = await Promise.all(
          connections.map((connection, index) =>
            openEventStream(connection, {
              streamName: `RACE-${round}`,
              subjectPrefix: `race.${round}`,
              stream: { maxBytes: 1024 * 1024, maxMsgs: 1000 + index % 3 },
            })
          ),
        );
        const created = await Promise.all(streams.map(async (each) => (await each.info()).created));
        assert.equal(new Set(created).size, 1);
        const limits = new Set(streams.map((each) => each.config.max_msgs));
        assert.equal(limits.size, 1, "all see the settings of the one that won");
        await remove(`RACE-${round}`);
      }
    });

    it("all have the stream beside it of what groups get again", options, async () => {
      const stream = { maxBytes: 1024 * 1024 };
      const contexts = await Promise.all(connections.map(async (connection) => {
        const link = new ConnectionLink(connection);
        return {
          stream: await openEventStream(connection, { stream }),
          link,
          inbox: new ReplyInbox(link),
          patienceMs: 5000,
        };
      }));
      for (let round = 0; round < ROUNDS; round++) {
        const about = { suffix: "_REPLAY", description: "Again", retention: "workqueue" } as const;
        const sides = contexts.map((context) => {
          const name = `${context.stream.name}-${round}`;
          return new SideStream({ ...context, stream: { ...context.stream, name } }, about);
        });
        await Promise.all(sides.map((side) => side.create()));
        await remove(sides[0]!.name);
      }
    });
  });
}
