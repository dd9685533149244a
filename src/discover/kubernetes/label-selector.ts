/** Kubernetes' label selectors: read from objects, and asked. Pure. */
import type { LabelRequirement, LabelSelector } from '../../config/config.js';
import type { Fields } from './fields.js';

type Labels = Readonly<Record<string, string>>;

/** @throws ObjectFault, for an operator that Kubernetes does not know too */
export function selectorOf(fields: Fields): LabelSelector {
  return {
    matchLabels: fields.record('matchLabels'),
    matchExpressions: fields.mappings('matchExpressions').map(requirementOf),
  };
}

function requirementOf(fields: Fields): LabelRequirement {
  const [key, operator] = [fields.text('key'), fields.text('operator')];
  if (key === undefined) throw fields.fault('key', 'is missing');
  switch (operator) {
    case 'In':
    case 'NotIn': {
      const values = fields.texts('values');
      if (values.length === 0)
        throw fields.fault('values', `is empty, which ${operator} allows not`);
      return { key, operator, values };
    }
    case 'Exists':
    case 'DoesNotExist':
      return { key, operator };
    default:
      throw fields.fault('operator', 'is not one of In, NotIn, Exists and DoesNotExist');
  }
}

/** All of the selector holds: an empty one takes every object. */
export function selects({ matchLabels, matchExpressions }: LabelSelector, labels: Labels): boolean {
  return (
    Object.entries(matchLabels).every(([key, value]) => labelOf(labels, key) === value) &&
    matchExpressions.every((requirement) => holds(requirement, labels))
  );
}

/** One of them at least, or there is none: what MetalLB means by a list of selectors. */
export function anySelects(selectors: readonly LabelSelector[], labels: Labels): boolean {
  return selectors.length === 0 || selectors.some((selector) => selects(selector, labels));
}

function holds(requirement: LabelRequirement, labels: Labels): boolean {
  const value = labelOf(labels, requirement.key);
  switch (requirement.operator) {
    case 'In':
      return value !== undefined && requirement.values.includes(value);
    case 'NotIn':
      return value === undefined || !requirement.values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
  }
}

/** Labels come from outside: `constructor` is none that every object has. */
function labelOf(labels: Labels, key: string): string | undefined {
  return Object.hasOwn(labels, key) ? labels[key] : undefined;
}
