/** Where a stream ends right now. */

import { directMessage } from "./message.ts";
import { patiently, type ReadContext } from "./patience.ts";

const ANSWER_TIMEOUT_MS = 2000;

/**
 * The position of the last message of a stream; 0 for none. What is stored after the call lies
 * behind it.
 *
 * A server on its own answers Direct Get before it looks at what the same connection sends next.
 * Requests to the JetStream API wait in a queue of their own from server 2.10 on, and what was
 * published after them may be stored first: it is behind them only for whoever awaits the answer.
 *
 * @param signal Ends the wait.
 * @throws {JobEventError} The stream cannot be read.
 */
export async function lastSequence(context: ReadContext, signal?: AbortSignal): Promise<number> {
  const last = await lastDirect(context, signal);
  if (last !== undefined) return last;
  const info = await patiently(context, () => context.stream.info(), signal);
  return info.state.last_seq;
}

/** The same without the JetStream API; `undefined` where there is no such answer. */
async function lastDirect(
  { stream, inbox, link }: ReadContext,
  signal: AbortSignal | undefined,
): Promise<number | undefined> {
  // A replica that answers may not have the last messages yet.
  const isAlone = (stream.config.num_replicas ?? 1) === 1;
  if (!stream.capabilities.directGet || !isAlone || !link.isUp) return undefined;
  const body = { last_by_subj: ">" };
  const channel = inbox.request(`${stream.apiPrefix}.DIRECT.GET.${stream.name}`, body);
  try {
    const reply = await channel.next(ANSWER_TIMEOUT_MS, signal);
    if (typeof reply === "string") return undefined;
    return reply.headers?.code === 404 ? 0 : directMessage(reply)?.sequence;
  } finally {
    channel.close();
  }
}
