/** What every object of the API bears. Pure. */
import type { Fields } from './fields.js';

export interface Metadata {
  readonly name: string;
  /** Empty of what is in no namespace. */
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** @throws ObjectFault, also where there is no name */
export function metadataOf(object: Fields): Metadata {
  const metadata = object.mapping('metadata');
  const name = metadata.text('name');
  if (!name) throw metadata.fault('name', 'is missing');
  return { name, namespace: metadata.text('namespace') ?? '', labels: metadata.record('labels') };
}

/** `NAMESPACE/NAME`, or the name alone: what tells the objects of one kind apart. */
export function keyOf({ name, namespace }: Pick<Metadata, 'name' | 'namespace'>): string {
  return namespace === '' ? name : `${namespace}/${name}`;
}
