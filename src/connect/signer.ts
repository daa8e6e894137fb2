/** Signs for a user's key. */

import { nkeys } from "@nats-io/nats-core/internal";
import { readUserSeed, writeUserKey } from "./nkey.ts";

type KeyPair = ReturnType<typeof nkeys.fromSeed>;

const encoder = new TextEncoder();

/** What stands before the 32 bytes of an Ed25519 key in PKCS #8. */
const PKCS8_HEAD = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];

/**
 * Signs by the cryptography of the runtime. The client library does that in JavaScript, which takes
 * a hundred times as long: some milliseconds for each connection, which a function at the edge pays
 * for. So its `nkeys` are used only where the runtime has no Ed25519, and a bundle for where it has
 * may leave them out.
 */
export class Signer {
  readonly #seed: string;
  readonly #key: Uint8Array;
  #publicKey: string | undefined;
  #nonce: string | undefined;
  #signature = "";

  /**
   * Reads a key.
   *
   * @param seed Of a user's nkey.
   * @throws {Error} It is none.
   */
  constructor(seed: string) {
    this.#seed = seed;
    this.#key = readUserSeed(seed);
  }

  /** The public key, as the server knows it. */
  publicKey(): string {
    return this.#publicKey ??= this.#pair().getPublicKey();
  }

  /** Does ahead what the others do, where the runtime can. Never rejects. */
  async prepare(nonce = ""): Promise<void> {
    try {
      const { subtle } = crypto;
      const bytes = Uint8Array.from([...PKCS8_HEAD, ...this.#key]);
      const key = await subtle.importKey("pkcs8", bytes, "Ed25519", true, ["sign"]);
      const signature = await subtle.sign("Ed25519", key, encoder.encode(nonce));
      const { x } = await subtle.exportKey("jwk", key);
      this.#publicKey = writeUserKey(fromBase64(x!.replaceAll("-", "+").replaceAll("_", "/")));
      this.#signature = toBase64(new Uint8Array(signature));
      this.#nonce = nonce;
    } catch {
      // Browsers of before 2025 have no Ed25519, and pages without TLS no cryptography at all.
    }
  }

  /** Signs what the server demands to be signed; without a demand it is "". */
  sign(nonce = ""): string {
    if (nonce === "") return "";
    if (nonce === this.#nonce) return this.#signature;
    return toBase64(this.#pair().sign(encoder.encode(nonce)));
  }

  #pair(): KeyPair {
    return nkeys.fromSeed(encoder.encode(this.#seed));
  }
}

function toBase64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}

function fromBase64(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}
