/** Freezes plain objects and arrays all the way down; values with a class are immutable as they are. */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (value instanceof Map) {
    for (const entry of value.values()) deepFreeze(entry);
  } else if (prototype === Object.prototype || Array.isArray(value)) {
    for (const entry of Object.values(value)) deepFreeze(entry);
    Object.freeze(value);
  }
  return value;
}
