/** A connection whose traffic a test can count. */

import type { NatsConnectionLike, NatsMessageLike } from "../../src/nats/connection.ts";

/** What went over a connection. */
export interface Traffic {
  /** The subjects of what was sent. */
  readonly sent: string[];
  /** The messages that came to subscriptions. */
  readonly received: NatsMessageLike[];
}

/** The same connection, and what goes over it from now on. */
export function spyOn(
  connection: NatsConnectionLike,
): { readonly connection: NatsConnectionLike; readonly traffic: Traffic } {
  const traffic: Traffic = { sent: [], received: [] };
  const own: Partial<NatsConnectionLike> = {
    publish(subject, payload, options) {
      traffic.sent.push(subject);
      connection.publish(subject, payload, options);
    },
    request(subject, payload, options) {
      traffic.sent.push(subject);
      return connection.request(subject, payload, options);
    },
    subscribe: (subject, options) =>
      connection.subscribe(subject, {
        callback: (error, message) => {
          if (message !== undefined) traffic.received.push(message);
          options?.callback?.(error, message);
        },
      }),
  };
  return { connection: Object.assign(Object.create(connection), own), traffic };
}
