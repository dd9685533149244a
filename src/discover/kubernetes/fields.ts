/** Reading objects of the API field by field: each is what it should be, or a fault of the object. Pure. */

/** An object has not the form it should have: it costs that object. The message names the field. */
export class ObjectFault extends Error {}

/** A mapping of the API; a field that is absent or null is `undefined`, one of another type an {@link ObjectFault}. */
export class Fields {
  readonly #values: Readonly<Record<string, unknown>>;
  readonly #path: string;

  private constructor(values: object, path: string) {
    this.#values = values as Readonly<Record<string, unknown>>;
    this.#path = path;
  }

  /** @throws ObjectFault where it is no mapping; `path` is what faults call it. */
  static of(value: unknown, path = ''): Fields {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw new ObjectFault(`${path === '' ? 'the object' : path} is not a mapping`);
    }
    return new Fields(value, path);
  }

  text(key: string): string | undefined {
    const value = this.#get(key);
    if (value === undefined || typeof value === 'string') return value;
    throw this.fault(key, 'is not text');
  }

  flag(key: string): boolean | undefined {
    const value = this.#get(key);
    if (value === undefined || typeof value === 'boolean') return value;
    throw this.fault(key, 'is neither true nor false');
  }

  number(key: string): number | undefined {
    const value = this.#get(key);
    if (value === undefined || typeof value === 'number') return value;
    throw this.fault(key, 'is not a number');
  }

  /** Without any fields where it is absent. */
  mapping(key: string): Fields {
    return Fields.of(this.#get(key) ?? {}, this.#at(key));
  }

  /** Empty where it is absent. */
  mappings(key: string): readonly Fields[] {
    return this.#list(key).map((value, index) => Fields.of(value, `${this.#at(key)}[${index}]`));
  }

  /** Empty where it is absent. */
  texts(key: string): readonly string[] {
    return this.#list(key).map((value, index) => {
      if (typeof value === 'string') return value;
      throw this.fault(`${key}[${index}]`, 'is not text');
    });
  }

  /** The same, where an item may also be a mapping that has the text as `field`. */
  textsOr(key: string, field: string): readonly string[] {
    return this.#list(key).map((value, index) => {
      if (typeof value === 'string') return value;
      const path = `${key}[${index}]`;
      const text = Fields.of(value, this.#at(path)).text(field);
      if (text === undefined) throw this.fault(`${path}.${field}`, 'is missing');
      return text;
    });
  }

  /** A mapping of texts, such as labels; empty where it is absent. */
  record(key: string): Readonly<Record<string, string>> {
    const inner = this.mapping(key);
    return Object.fromEntries(
      Object.keys(inner.#values).map((name) => [name, inner.text(name) ?? '']),
    );
  }

  /** A fault of the field `key`. */
  fault(key: string, message: string): ObjectFault {
    return new ObjectFault(`${this.#at(key)} ${message}`);
  }

  #get(key: string): unknown {
    return Object.hasOwn(this.#values, key) ? (this.#values[key] ?? undefined) : undefined;
  }

  #list(key: string): readonly unknown[] {
    const value = this.#get(key) ?? [];
    if (Array.isArray(value)) return value;
    throw this.fault(key, 'is not a list');
  }

  #at(key: string): string {
    return this.#path === '' ? key : `${this.#path}.${key}`;
  }
}
