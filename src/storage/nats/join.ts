/** Takes part in a group: checks what is asked for, and joins. */

import { encodeSubjectToken } from "../../event/token.ts";
import { consumerPatterns, widePattern } from "../../nats/patterns.ts";
import { checkWhole, compileFilter } from "../filter.ts";
import { compileStart } from "../follow.ts";
import { PulledSequence } from "../pull.ts";
import type { ConsumeOptions, JobEventDeliveries } from "../storage.ts";
import { liveStart, type MakeLifetime, untilEnd } from "./follow.ts";
import { type MemberContext, NatsGroupMember } from "./member.ts";

/**
 * Takes part in a group.
 *
 * @param makeLifetime Gives the member a life; at its end the member gives back what it holds.
 * @throws {RangeError} A number is out of range, or the name is empty or too long.
 */
export function joinGroup(
  context: MemberContext,
  options: ConsumeOptions,
  makeLifetime: MakeLifetime,
): JobEventDeliveries {
  const { consumerName, ackWaitMs = 30_000, maxDeliver = 5, maxPending = 100 } = options;
  const { from = "all", reset = false, jobId, signal, onDeadLetter } = options;
  checkWhole("ackWaitMs", ackWaitMs, 1);
  checkWhole("maxDeliver", maxDeliver, 1);
  checkWhole("maxPending", maxPending, 1);
  const { subjects, capabilities } = context.reads.stream;
  const wide = widePattern(subjects, jobId);
  const member = new NatsGroupMember(context, {
    name: encodeSubjectToken(consumerName),
    consumerName,
    filter: compileFilter(options),
    patterns: consumerPatterns(subjects.filters(options), wide, capabilities),
    start: liveStart(compileStart(from)),
    reset,
    ackWaitMs,
    maxDeliver,
    maxPending,
    onDeadLetter,
  });
  const lifetime = makeLifetime(signal, () => member.leave());
  const joined = lifetime.ended ? Promise.resolve() : member.join(lifetime.signal);
  return new PulledSequence(lifetime, untilEnd(joined, lifetime), () => member.next(lifetime));
}
