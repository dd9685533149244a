import { type Leg, type RouteTarget, targetKey } from '../desired/route.js';

/** Targets of routes, each once: what is equal is the same object, and compared as such. */
export class TargetPool {
  readonly #byKey = new Map<string, RouteTarget>();
  /** Those on a nexthop object, by its id. */
  readonly #onNexthop = new Map<number, RouteTarget>();
  readonly #known = new WeakMap<RouteTarget, RouteTarget>();

  /** `note` is told of the legs of every target that is new. */
  constructor(private readonly note: (legs: readonly Leg[]) => void) {}

  /** Remembers the object given: for one that is met again. */
  intern(target: RouteTarget): RouteTarget {
    const known = this.#known.get(target);
    if (known !== undefined) return known;
    const one = this.#equalTo(target);
    this.#known.set(target, one);
    return one;
  }

  /** For an object that is met once, as what is read is: it is not remembered. */
  find(target: RouteTarget): RouteTarget {
    return this.#known.get(target) ?? this.#equalTo(target);
  }

  #equalTo(target: RouteTarget): RouteTarget {
    const onNexthop = target.type === 'nexthop' ? this.#onNexthop.get(target.id) : undefined;
    if (onNexthop !== undefined) return onNexthop;
    const key = targetKey(target);
    const known = this.#byKey.get(key);
    if (known !== undefined) return known;
    if (target.type === 'legs') this.note(target.legs);
    this.#byKey.set(key, target);
    if (target.type === 'nexthop') this.#onNexthop.set(target.id, target);
    this.#known.set(target, target);
    return target;
  }
}
