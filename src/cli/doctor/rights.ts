/**
 * What the user of a connection may do. Every right is tried with a request that changes nothing:
 * the server refuses it for what it says, after it has checked whether the user may ask.
 */

import type { JobEventSubjects } from "../../event/subjects.ts";
import { encodeSubjectToken } from "../../event/token.ts";
import type { NatsConnectionLike } from "../../nats/connection.ts";
import { permissionViolation } from "../../nats/foreign_errors.ts";
import { MsgIdHeaderWriter } from "../../nats/msg_id_headers.ts";
import type { Findings } from "./findings.ts";

/** What users are for. */
export type Role = "emitter" | "reader" | "operator";

/** The connection that is looked at. */
export interface Patient {
  readonly connection: NatsConnectionLike;
  readonly streamName: string;
  readonly subjects: JobEventSubjects;
}

interface Right {
  readonly name: string;
  /** Who needs it; nobody for what is only there where a user may do anything. */
  readonly roles: readonly Role[];
  /** What to allow. */
  readonly subject: (patient: Patient) => string;
  readonly isThere: (patient: Patient) => Promise<boolean>;
}

/** A refusal comes at once. Some requests have no answer where there is nothing to answer. */
const TIMEOUT_MS = 1000;

/** No stream and no job has this name. */
const NOBODY = `naq-doctor-${crypto.randomUUID().slice(0, 8)}`;
const NOWHERE = `${NOBODY}.nowhere`;

const READERS: readonly Role[] = ["reader", "operator"];

const encoder = new TextEncoder();

/** A request of the JetStream API, about the stream. */
function api(
  name: string,
  roles: readonly Role[],
  method: string,
  options: { readonly rest?: string; readonly body?: object; readonly stream?: string } = {},
): Right {
  const { rest = "", body = {} } = options;
  const subject = ({ streamName }: Patient, end: string): string =>
    `$JS.API.${method}.${options.stream ?? streamName}${end}`;
  return {
    name,
    roles,
    subject: (patient) => subject(patient, rest === "" ? "" : ".>"),
    isThere: (patient) => mayAsk(patient.connection, subject(patient, rest), JSON.stringify(body)),
  };
}

const RIGHTS: readonly Right[] = [
  {
    name: "store events",
    roles: ["emitter", "operator"],
    subject: ({ subjects }) => subjects.all(),
    // The stream is said to be another one, so nothing is stored.
    isThere: ({ connection, subjects }) =>
      mayAsk(
        connection,
        `${subjects.prefix}.${encodeSubjectToken(NOBODY)}.lifecycle.cancelled`,
        "",
        NOBODY,
      ),
  },
  api("see the state of the stream", READERS, "STREAM.INFO"),
  api("read events", READERS, "DIRECT.GET", { body: { seq: Number.MAX_SAFE_INTEGER } }),
  api("find the end of a job", READERS, "STREAM.MSG.GET", {
    body: { seq: Number.MAX_SAFE_INTEGER },
  }),
  // The name in the request is not that of the subject: no consumer is made.
  api("follow events", READERS, "CONSUMER.CREATE", {
    rest: `.${NOBODY}`,
    body: { stream_name: NOBODY, config: {} },
  }),
  api("take part in groups", READERS, "CONSUMER.INFO", { rest: `.${NOBODY}` }),
  api("get events of a group", READERS, "CONSUMER.MSG.NEXT", { rest: `.${NOBODY}` }),
  api("leave a group", READERS, "CONSUMER.DELETE", { rest: `.${NOBODY}` }),
  // There is no such position.
  api("delete events", ["operator"], "STREAM.MSG.DELETE", {
    body: { seq: Number.MAX_SAFE_INTEGER },
  }),
  api("delete any stream", [], "STREAM.DELETE", { stream: NOBODY }),
  {
    name: "publish to any subject",
    roles: [],
    subject: () => ">",
    isThere: ({ connection }) => mayAsk(connection, NOWHERE, ""),
  },
  {
    name: "subscribe to any subject",
    roles: [],
    subject: () => ">",
    isThere: ({ connection }) => maySubscribe(connection, NOWHERE),
  },
];

/** Looks at what the user may do, and for a role at what is missing or too much. */
export async function checkRights(
  findings: Findings,
  patient: Patient,
  role: Role | undefined,
): Promise<void> {
  const check = "permissions";
  const inbox = await inboxProblem(patient);
  if (inbox !== undefined) {
    findings.problem(
      check,
      `This user may not subscribe to "${inbox}", where answers come`,
      "Give --inbox-prefix with what it may subscribe to, or allow it",
    );
    return;
  }
  const found: Found[] = [];
  for (const right of RIGHTS) found.push({ ...right, may: await right.isThere(patient) });
  const names = (may: boolean): string =>
    found.filter((right) => right.may === may).map(({ name }) => name).join(", ");
  if (names(true) !== "") findings.ok(check, `This user may ${names(true)}`);
  if (role === undefined) sayWithoutRole(findings, found, names(false));
  else sayForRole(findings, patient, found, role);
}

type Found = Right & { readonly may: boolean };

function sayWithoutRole(findings: Findings, found: readonly Found[], denied: string): void {
  const check = "permissions";
  if (denied !== "") findings.ok(check, `It may not ${denied}`);
  const wide = found.filter(({ roles, may }) => roles.length === 0 && may);
  if (wide.length === 0) return;
  findings.warning(
    check,
    `This user may ${wide.map(({ name }) => name).join(", ")}: too much for anyone but an operator`,
    "Give programs users of their own, as docs/nats.md of this package does; --role checks one",
  );
}

function sayForRole(
  findings: Findings,
  patient: Patient,
  found: readonly Found[],
  role: Role,
): void {
  const check = "permissions";
  const missing = found.filter(({ roles, may }) => roles.includes(role) && !may);
  for (const { name, subject } of missing) {
    findings.problem(
      check,
      `A user of the role "${role}" must be able to ${name}, and this one may not`,
      `Allow it to publish to "${subject(patient)}"`,
    );
  }
  // An operator's rights over the API are wide by their nature.
  const wide = found.filter(({ roles, may, name }) =>
    may && !roles.includes(role) && !(role === "operator" && name === "delete any stream")
  );
  if (wide.length > 0) {
    findings.problem(
      check,
      `A user of the role "${role}" need not ${wide.map(({ name }) => name).join(", ")}`,
      "Take what it does not need away: docs/nats.md has a configuration",
    );
  }
  if (missing.length + wide.length === 0) {
    findings.ok(check, `It may do what the role "${role}" needs, and no more`);
  }
}

/** The subject for answers, where the user may not subscribe to it. */
async function inboxProblem({ connection, streamName }: Patient): Promise<string | undefined> {
  try {
    await connection.request(`$JS.API.STREAM.INFO.${streamName}`, undefined, {
      timeout: TIMEOUT_MS,
    });
  } catch (error) {
    const refused = permissionViolation(error);
    if (refused?.operation === "subscription") return refused.subject;
  }
  return undefined;
}

/** Whether a request reaches who answers it. What the answer is does not matter. */
async function mayAsk(
  connection: NatsConnectionLike,
  subject: string,
  body: string,
  expectedStream?: string,
): Promise<boolean> {
  const headers = expectedStream === undefined
    ? undefined
    : new MsgIdHeaderWriter(expectedStream).write(NOBODY);
  try {
    await connection.request(subject, encoder.encode(body), {
      timeout: TIMEOUT_MS,
      ...(headers === undefined ? {} : { headers }),
    });
    return true;
  } catch (error) {
    return permissionViolation(error) === undefined;
  }
}

async function maySubscribe(connection: NatsConnectionLike, subject: string): Promise<boolean> {
  let isRefused = false;
  const subscription = connection.subscribe(subject, {
    callback: (error) => {
      if (error !== null) isRefused = true;
    },
  });
  await connection.flush();
  // The refusal was on its way before the answer to the flush.
  await new Promise((resolve) => setTimeout(resolve));
  if (!isRefused) subscription.unsubscribe();
  return !isRefused;
}
