/**
 * What is kept of the objects of one resource. An object that cannot be understood costs itself alone;
 * where an earlier form of it was, that one stays, as whoever wrote the new one did not mean it to go.
 */
import { isDeepStrictEqual } from 'node:util';
import { type Fields, ObjectFault } from './fields.js';
import { keyOf, metadataOf } from './metadata.js';

export interface ObjectStoreOptions<T> {
  /** As `Resource.parse`. */
  readonly parse: (object: Fields) => T | undefined;
  /** Called once for every new fault of an object. */
  readonly onFault: (object: string, fault: string) => void;
}

/** All objects of a resource, as they are told in parts. */
export interface Listing {
  readonly add: (objects: readonly Fields[]) => void;
  /** True where what is kept now is not what was kept before. */
  readonly end: () => boolean;
}

export class ObjectStore<T> {
  #kept = new Map<string, T>();
  /** Of objects that are there now. */
  #faults = new Map<string, string>();
  #values: readonly T[] | undefined;

  constructor(private readonly options: ObjectStoreOptions<T>) {}

  /** Of use here. */
  get size(): number {
    return this.#kept.size;
  }

  get faulty(): number {
    return this.#faults.size;
  }

  /** The same list until something changes. */
  get values(): readonly T[] {
    this.#values ??= [...this.#kept.values()];
    return this.#values;
  }

  /** An object that came or changed; true where that makes a difference. */
  put(object: Fields): boolean {
    const key = this.#keyOf(object);
    return key !== undefined && this.#changed(this.#putInto(this.#kept, this.#faults, key, object));
  }

  /** An object that went; true where that makes a difference. */
  remove(object: Fields): boolean {
    const key = this.#keyOf(object);
    if (key === undefined) return false;
    this.#faults.delete(key);
    return this.#changed(this.#kept.delete(key));
  }

  /** All there are; true where that makes a difference. */
  replace(objects: readonly Fields[]): boolean {
    const listing = this.relist();
    listing.add(objects);
    return listing.end();
  }

  /**
   * Begins to take in all there are, part by part, so that never more than a part is there as it was
   * told. Nothing is another before its end, and nothing may be put or removed meanwhile.
   */
  relist(): Listing {
    const [before, faultsBefore] = [this.#kept, this.#faults];
    const kept = new Map<string, T>();
    const faults = new Map<string, string>();
    let changed = false;
    return {
      add: (objects) => {
        for (const object of objects) {
          const key = this.#keyOf(object);
          if (key === undefined) continue;
          const [old, fault] = [before.get(key), faultsBefore.get(key)];
          // What was known of it, to be held against what comes.
          if (old !== undefined) kept.set(key, old);
          if (fault !== undefined) faults.set(key, fault);
          if (this.#putInto(kept, faults, key, object)) changed = true;
        }
      },
      end: () => {
        this.#kept = kept;
        this.#faults = faults;
        return this.#changed(changed || [...before.keys()].some((key) => !kept.has(key)));
      },
    };
  }

  /** Nothing is left; true where something was. */
  clear(): boolean {
    return this.replace([]);
  }

  #changed(changed: boolean): boolean {
    if (changed) this.#values = undefined;
    return changed;
  }

  #putInto(
    kept: Map<string, T>,
    faults: Map<string, string>,
    key: string,
    object: Fields,
  ): boolean {
    let value: T | undefined;
    try {
      value = this.options.parse(object);
    } catch (error) {
      if (!(error instanceof ObjectFault)) throw error;
      if (faults.get(key) !== error.message) this.options.onFault(key, error.message);
      faults.set(key, error.message);
      return false;
    }
    faults.delete(key);
    const before = kept.get(key);
    if (value === undefined) return kept.delete(key);
    if (before !== undefined && isDeepStrictEqual(before, value)) return false;
    kept.set(key, value);
    return true;
  }

  /** `undefined` of one without a name: the server has none such. */
  #keyOf(object: Fields): string | undefined {
    try {
      return keyOf(metadataOf(object));
    } catch (error) {
      if (!(error instanceof ObjectFault)) throw error;
      this.options.onFault('an object', error.message);
      return undefined;
    }
  }
}
