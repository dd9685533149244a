import { legKey, type NexthopObject } from '../desired/route.js';
import { type KernelNexthop, OWN_PROTOCOL } from '../kernel/kernel.js';

export type GroupObject = Extract<NexthopObject, { type: 'group' }>;

/** Nexthop objects: ours as they are, and the ids of others'. */
export class NexthopObjects {
  readonly #groups = new Map<number, GroupObject>();
  readonly #singles = new Map<number, string>();
  readonly #singleIds = new Map<string, number>();
  readonly #foreignIds = new Set<number>();

  get groups(): ReadonlyMap<number, GroupObject> {
    return this.#groups;
  }

  /** Id and leg (see {@link singleKey}) of every single. */
  get singles(): ReadonlyMap<number, string> {
    return this.#singles;
  }

  /** By leg: of equal ones the first. */
  get singleIds(): ReadonlyMap<string, number> {
    return this.#singleIds;
  }

  /** It stands with just these members. */
  hasGroup({ id, members }: Pick<GroupObject, 'id' | 'members'>): boolean {
    const known = this.#groups.get(id)?.members;
    return (
      known?.length === members.length &&
      members.every((one) => known.some(({ id, weight }) => one.id === id && one.weight === weight))
    );
  }

  /** By anybody. */
  isTaken(id: number): boolean {
    return this.#groups.has(id) || this.#singles.has(id) || this.#foreignIds.has(id);
  }

  /** Everybody's. */
  ids(): readonly number[] {
    return [...this.#groups.keys(), ...this.#singles.keys(), ...this.#foreignIds];
  }

  /** Of an id that is free: {@link remove} comes first. */
  set(nexthop: KernelNexthop): void {
    if (nexthop.protocol !== OWN_PROTOCOL) this.#foreignIds.add(nexthop.id);
    else if (nexthop.type === 'group') this.#groups.set(nexthop.id, nexthop);
    else {
      const key = singleKey(nexthop);
      this.#singles.set(nexthop.id, key);
      if (!this.#singleIds.has(key)) this.#singleIds.set(key, nexthop.id);
    }
  }

  /** A single goes out of the groups as well, as it does in the kernel. */
  remove(id: number): void {
    this.#foreignIds.delete(id);
    this.#groups.delete(id);
    const key = this.#singles.get(id);
    if (key === undefined) return;
    this.#singles.delete(id);
    if (this.#singleIds.get(key) === id) this.#singleIds.delete(key);
    for (const group of this.#groups.values()) {
      const members = group.members.filter((member) => member.id !== id);
      if (members.length < group.members.length) this.#groups.set(group.id, { ...group, members });
    }
  }
}

/** A single object is known by its way out; its weight is the group's business. */
export function singleKey(nexthop: Extract<NexthopObject, { type: 'single' }>): string {
  return `${nexthop.family} ${legKey({ ...nexthop.leg, weight: 1 })}`;
}
