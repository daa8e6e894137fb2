/** Who connects, and how that is proved. */

import {
  type Authenticator,
  tokenAuthenticator,
  usernamePasswordAuthenticator,
} from "@nats-io/nats-core/internal";
import type { ConnectOptions } from "./options.ts";
import { refuse } from "./refusal.ts";
import type { Endpoint, UrlLogin } from "./servers.ts";
import { Signer } from "./signer.ts";

/** What the client library asks for the fields that log in. */
export interface Credentials {
  readonly authenticator: Authenticator;
  /** Where the server's nonce has to be signed. */
  readonly signer?: Signer;
}

/**
 * The one way to log in that is given, if any.
 *
 * @throws {JobEventError} `ERR_CONFIGURATION`: it cannot be used, or there are several.
 */
export function toCredentials(
  options: ConnectOptions,
  endpoints: readonly Endpoint[],
): Credentials | undefined {
  const login = urlLogin(endpoints);
  const { token, user, password, nkey, creds } = options;
  const given = Object.entries({ token, user: user ?? password, nkey, creds, "a URL": login })
    .filter(([, value]) => value !== undefined)
    .map(([name]) => name);
  if (given.length > 1) {
    refuse(`credentials are given in several ways (${given.join(", ")}): use one of them`);
  }
  if (login?.password !== undefined) return byPassword(login.user, login.password);
  const secret = login?.user ?? token;
  if (secret !== undefined) return { authenticator: tokenAuthenticator(secret) };
  if (user !== undefined || password !== undefined) {
    if (user === undefined) refuse("password is given without user");
    if (password === undefined) refuse("user is given without password");
    return byPassword(user, password);
  }
  if (nkey !== undefined) return byKey(nkey.trim());
  return creds === undefined ? undefined : byCreds(creds);
}

function byPassword(user: string, password: string): Credentials {
  return { authenticator: usernamePasswordAuthenticator(user, password) };
}

function byKey(seed: string): Credentials {
  const signer = toSigner(seed, "nkey is not the seed of a user, which begins with SU");
  return {
    authenticator: (nonce) => ({ nkey: signer.publicKey(), sig: signer.sign(nonce) }),
    signer,
  };
}

function byCreds(creds: string | Uint8Array): Credentials {
  const text = typeof creds === "string" ? creds : new TextDecoder().decode(creds);
  const jwt = /BEGIN NATS USER JWT-+\s+([\w.-]+)/.exec(text)?.[1];
  const seed = /BEGIN USER NKEY SEED-+\s+(\w+)/.exec(text)?.[1];
  const hint = "creds is not the contents of a .creds file, with a user's JWT and seed";
  if (jwt === undefined || seed === undefined) refuse(hint);
  const signer = toSigner(seed, hint);
  return { authenticator: (nonce) => ({ jwt, sig: signer.sign(nonce) }), signer };
}

/** A bad seed is to be noticed here, not amid the handshake. */
function toSigner(seed: string, hint: string): Signer {
  try {
    return new Signer(seed);
  } catch {
    // The cause is left out: it might quote the secret.
    return refuse(hint);
  }
}

/** What the URLs say about the user: a connection has one user, whichever server it is to. */
function urlLogin(endpoints: readonly Endpoint[]): UrlLogin | undefined {
  const logins = endpoints.flatMap(({ login }) => login === undefined ? [] : [login]);
  const [first] = logins;
  if (logins.some(({ user, password }) => user !== first?.user || password !== first.password)) {
    refuse("the URLs of several servers carry different credentials");
  }
  return first;
}
