/** Signs for a user's key. */

import { nkeys } from "@nats-io/nats-core/internal";

type KeyPair = ReturnType<typeof nkeys.fromSeed>;

const encoder = new TextEncoder();

/** What stands before the 32 bytes of an Ed25519 key in PKCS #8. */
const PKCS8_HEAD = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];

/**
 * Signs by the cryptography of the runtime. The client library's authenticators sign at once and so
 * in JavaScript, which takes a hundred times as long: some milliseconds for each connection, which
 * a function at the edge pays for.
 */
export class Signer {
  readonly #pair: KeyPair;
  #nonce: string | undefined;
  #signature = "";

  /**
   * Reads a key.
   *
   * @param seed Of a user's nkey.
   * @throws {Error} It is none. The message may quote it.
   */
  constructor(seed: string) {
    this.#pair = nkeys.fromSeed(encoder.encode(seed));
  }

  /** The public key, as the server knows it. */
  publicKey(): string {
    return this.#pair.getPublicKey();
  }

  /** Signs ahead for {@linkcode sign}, where the runtime can. Never rejects. */
  async prepare(nonce: string): Promise<void> {
    try {
      const { subtle } = crypto;
      const seed = (this.#pair as KeyPair & { getRawSeed(): Uint8Array }).getRawSeed();
      const bytes = Uint8Array.from([...PKCS8_HEAD, ...seed]);
      const key = await subtle.importKey("pkcs8", bytes, "Ed25519", false, ["sign"]);
      const signature = await subtle.sign("Ed25519", key, encoder.encode(nonce));
      this.#signature = nkeys.encode(new Uint8Array(signature));
      this.#nonce = nonce;
    } catch {
      // Browsers of before 2025 have no Ed25519, and pages without TLS no cryptography at all.
    }
  }

  /** Signs what the server demands to be signed; without a demand it is "". */
  sign(nonce = ""): string {
    if (nonce === "") return "";
    if (nonce === this.#nonce) return this.#signature;
    return nkeys.encode(this.#pair.sign(encoder.encode(nonce)));
  }
}
