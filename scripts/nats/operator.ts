/** An operator that vouches for an account, and it for users: who may what is in their JWTs. */

import { nkeys } from "@nats-io/nats-core";

const decoder = new TextDecoder();
const encoder = new TextEncoder();

type KeyPair = ReturnType<typeof nkeys.createUser>;

/** What a user may publish to and subscribe to; without a list anything. */
export interface Permissions {
  readonly pub?: { readonly allow: readonly string[] };
  readonly sub?: { readonly allow: readonly string[] };
}

/** For whoever only emits, as the README has it. Its connections need the `inboxPrefix`. */
export const EMIT_ONLY: Permissions = {
  pub: { allow: ["naq.jobs.events.>"] },
  sub: { allow: ["_INBOX_emitter.>"] },
};

function base64Url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** Signs what one key says of another. */
function jwt(issuer: KeyPair, subject: KeyPair, type: string, claims: object): string {
  const part = (value: object): string => base64Url(encoder.encode(JSON.stringify(value)));
  const body = {
    jti: crypto.randomUUID(),
    iat: Math.floor(Date.now() / 1000),
    iss: issuer.getPublicKey(),
    name: type,
    sub: subject.getPublicKey(),
    nats: { ...claims, type, version: 2 },
  };
  const text = `${part({ typ: "JWT", alg: "ed25519-nkey" })}.${part(body)}`;
  return `${text}.${base64Url(issuer.sign(encoder.encode(text)))}`;
}

const UNLIMITED = { subs: -1, data: -1, payload: -1 };
const ACCOUNT = { ...UNLIMITED, imports: -1, exports: -1, wildcards: true, conn: -1, leaf: -1 };
const JETSTREAM = { mem_storage: -1, disk_storage: -1, streams: -1, consumer: -1 };

/** A server's configuration, and how its users log in. */
export interface Operator {
  readonly config: string;
  /** Makes the contents of a new user's `.creds` file. */
  creds(permissions?: Permissions): string;
}

/** Makes an operator with an account that has JetStream. */
export function makeOperator(): Operator {
  const operator = nkeys.createOperator();
  const [account, system] = [nkeys.createAccount(), nkeys.createAccount()];
  const vouchFor = (key: KeyPair, limits: object): string =>
    `${key.getPublicKey()}: "${jwt(operator, key, "account", { limits })}"`;
  const config = [
    `operator: "${jwt(operator, operator, "operator", {})}"`,
    `system_account: ${system.getPublicKey()}`,
    "resolver: MEMORY",
    "resolver_preload: {",
    vouchFor(account, { ...ACCOUNT, ...JETSTREAM }),
    vouchFor(system, ACCOUNT),
    "}",
  ];
  return {
    config: config.join("\n"),
    creds: (permissions) => {
      const user = nkeys.createUser();
      const claims = { pub: {}, sub: {}, ...UNLIMITED, ...permissions };
      return [
        "-----BEGIN NATS USER JWT-----",
        jwt(account, user, "user", claims),
        "------END NATS USER JWT------",
        "",
        "************************* IMPORTANT *************************",
        "",
        "-----BEGIN USER NKEY SEED-----",
        decoder.decode(user.getSeed()),
        "------END USER NKEY SEED------",
        "",
      ].join("\n");
    },
  };
}
