/** Short ways to write objects of the API, and a view of a cluster that has them. */
import type { LabelSelector } from '../../../../src/config/config.js';
import { Fields } from '../../../../src/discover/kubernetes/fields.js';
import {
  type ClusterView,
  type Kept,
  type ResourceKey,
  resourcesOf,
} from '../../../../src/discover/kubernetes/resources.js';
import type { Prefix } from '../../../../src/net/prefix.js';

export type Shape = Readonly<Record<string, unknown>>;

/** `spec` and what else is beside the metadata; a name `NAMESPACE/NAME` is in that namespace. */
export function object(
  name: string,
  rest: Shape,
  metadata: { readonly labels?: object; readonly annotations?: object } = {},
): Shape {
  const [own = '', namespace] = name.split('/').toReversed();
  return { metadata: { name: own, ...(namespace && { namespace }), ...metadata }, ...rest };
}

export function spec(name: string, fields: Shape, labels: object = {}): Shape {
  return object(name, { spec: fields }, { labels });
}

/** What a parser makes of it. */
export function parsed<T>(parse: (fields: Fields) => T, shape: Shape): T {
  return parse(Fields.of(shape));
}

export function texts(prefixes: readonly Prefix[]): string {
  return prefixes.map(String).join(' ');
}

export function matchLabels(labels: Readonly<Record<string, string>>): LabelSelector {
  return { matchLabels: labels, matchExpressions: [] };
}

export type Objects = Partial<
  Record<ResourceKey, readonly Shape[] | 'absent' | 'listing' | 'refused'>
>;

/** As the node `node-a` sees it: what is not named has been listed, and is empty. */
export function viewOf(objects: Objects): ClusterView {
  const resources = resourcesOf('node-a');
  return {
    objects: <K extends ResourceKey>(key: K) => {
      const given = objects[key] ?? [];
      if (typeof given === 'string') return [];
      const kept = given.map((shape) => resources[key].parse(Fields.of(shape)));
      return kept.filter((one) => one !== undefined) as unknown as readonly Kept<K>[];
    },
    knowledge: (key) =>
      objects[key] === 'listing' ? 'awaited' : objects[key] === 'refused' ? 'denied' : 'whole',
    absent: (key) => objects[key] === 'absent',
  };
}
