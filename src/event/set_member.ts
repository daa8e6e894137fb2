/**
 * Sets a member as the map's own property, whatever its name: assigning to `__proto__` would change
 * the map's prototype instead.
 */
export function setMember<T>(map: Record<string, T>, key: string, value: T): void {
  if (key === "__proto__") {
    Object.defineProperty(map, key, {
      value,
      configurable: true,
      enumerable: true,
      writable: true,
    });
  } else {
    map[key] = value;
  }
}
