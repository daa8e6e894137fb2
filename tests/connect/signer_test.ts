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
    for (const nonce of ["CGKo4FmDiEmc2lw", "é", "x".repeat(1000)]) {
      await ahead.prepare(nonce);
      assert.equal(ahead.sign(nonce), atOnce.sign(nonce));
      assert.ok(isSignature(id, nonce, ahead.sign(nonce)));
      assert.equal(ahead.publicKey(), id);
    }
  });

  it("knows the public key of each seed", async () => {
    for (let round = 0; round < 20; round++) {
      const { id, seed } = makeUser();
      const signer = new Signer(seed);
      await signer.prepare();
      assert.equal(signer.publicKey(), id, seed);
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
    assert.equal(signer.publicKey(), id);
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
    const { id, seed } = makeUser();
    const account = new TextDecoder().decode(nkeys.createAccount().getSeed());
    for (const other of ["", "SU", id, account, `${seed}A`, seed.slice(0, -1), ` ${seed}`]) {
      assert.throws(() => new Signer(other), /Not the seed of a user/);
    }
    for (let index = 0; index < seed.length; index++) {
      const letter = seed[index] === "A" ? "B" : "A";
      const mistyped = seed.slice(0, index) + letter + seed.slice(index + 1);
      assert.throws(() => new Signer(mistyped), /Not the seed of a user/, mistyped);
    }
  });
});
