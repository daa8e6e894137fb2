/** Loads the module that its argument names, and prints what that called and what it changed. */

const called: string[] = [];

function watch(owner: object, name: string): void {
  const original = Reflect.get(owner, name) as unknown;
  if (typeof original !== "function") throw new Error(`There is no function ${name}`);
  Object.defineProperty(owner, name, {
    configurable: true,
    writable: true,
    // A function of the old kind: some of these are called with `new`.
    value: function (this: unknown, ...args: unknown[]): unknown {
      called.push(name);
      return new.target === undefined
        ? Reflect.apply(original, this, args)
        : Reflect.construct(original, args);
    },
  });
}

/** The members of the global object and of the classes that everybody shares. */
function shape(): Map<string, unknown> {
  const owners: Readonly<Record<string, object>> = {
    globalThis,
    "Object.prototype": Object.prototype,
    "Array.prototype": Array.prototype,
    "Function.prototype": Function.prototype,
    "Promise.prototype": Promise.prototype,
    "String.prototype": String.prototype,
    "Uint8Array.prototype": Uint8Array.prototype,
  };
  const members = new Map<string, unknown>();
  for (const [owner, object] of Object.entries(owners)) {
    for (const key of Reflect.ownKeys(object)) {
      const { value, get } = Reflect.getOwnPropertyDescriptor(object, key)!;
      members.set(`${owner}.${String(key)}`, get ?? value);
    }
  }
  return members;
}

const [url] = process.argv.slice(2);
for (const name of ["setTimeout", "setInterval", "queueMicrotask", "fetch", "WebSocket"]) {
  watch(globalThis, name);
}
watch(crypto, "getRandomValues");
watch(Math, "random");
watch(process, "on");
const before = shape();
await import(url!);
const after = shape();
const changed = [...new Set([...before.keys(), ...after.keys()])]
  .filter((key) => !Object.is(before.get(key), after.get(key)));
console.log(JSON.stringify({ called: [...new Set(called)], changed }));
