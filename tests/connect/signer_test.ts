import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { nkeys } from "@nats-io/nats-core";
import { Signer } from "../../src/connect/signer.ts";
import { makeUser } from "./servers.ts";

const encoder = new TextEncoder();

/** Whether a user's key has signed it. */
function isSignature(id: string, nonce: string, signature: string): boolean {
  return nkeys.fromPublic(id).verify(encoder.encode(nonce), nkeys.decode(signature));
}

describe("Signer", () => {
  it("signs the same ahead, by the runtime, and at once", async () => {
    const { id, seed } = makeUser();
    const [ahead, atOnce] = [new Signer(seed), new Signer(seed)];
    assert.equal(ahead.publicKey(), id);
    for (const nonce of ["CGKo4FmDiEmc2lw", "é", "x".repeat(1000)]) {
      await ahead.prepare(nonce);
      assert.equal(ahead.sign(nonce), atOnce.sign(nonce));
      assert.ok(isSignature(id, nonce, ahead.sign(nonce)));
    }
  });

  it("signs another nonce than that of before", async () => {
    const { id, seed } = makeUser();
    const signer = new Signer(seed);
    await signer.prepare("one");
    assert.ok(isSignature(id, "two", signer.sign("two")));
    assert.equal(signer.sign(), "");
  });

  it("signs where the runtime cannot", async () => {
    const { id, seed } = makeUser();
    const signer = new Signer(seed);
    const subtle = Object.getOwnPropertyDescriptor(crypto, "subtle");
    Object.defineProperty(crypto, "subtle", { configurable: true, value: undefined });
    try {
      await signer.prepare("nonce");
    } finally {
      if (subtle === undefined) Reflect.deleteProperty(crypto, "subtle");
      else Object.defineProperty(crypto, "subtle", subtle);
    }
    assert.ok(isSignature(id, "nonce", signer.sign("nonce")));
  });

  it("refuses what is no seed", () => {
    for (const seed of ["", "SU", makeUser().id]) assert.throws(() => new Signer(seed));
  });
});
