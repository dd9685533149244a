/** Parsed source rules -> {@link RulesConfig}: selectors that can match, none of them twice. */
import { FAMILIES } from '../net/family.js';
import type { RuleMatch, RulesConfig } from './config.js';
import { buildRuleDiscovery } from './discovery.js';
import type { FaultPath, Tell } from './fault.js';
import type { ParsedTable } from './schema.js';

/** `claimed` collects, over all tables, what each priority already sends to a table. */
export function buildRules(
  parsed: NonNullable<ParsedTable['rules']>,
  path: FaultPath,
  claimed: Set<string>,
  tell: Tell,
): RulesConfig {
  const { priority } = parsed;
  const claim = (selectors: readonly string[], at: FaultPath): void => {
    const keys = selectors.map((selector) => `${priority} ${selector}`);
    if (keys.some((key) => claimed.has(key))) {
      tell(at, `priority ${priority} has a rule for this already; only the first would be used`);
    }
    for (const key of keys) claimed.add(key);
  };
  const from = parsed.from.map((entry, index): RulesConfig['from'][number] => {
    const at = [...path, 'from', index];
    if ('interface' in entry) {
      claim([`interface ${entry.interface}`], at);
      return { kind: 'interface', interface: entry.interface };
    }
    claim([`${entry.family} from ${entry}`], at);
    return { kind: 'prefix', prefix: entry };
  });
  const match = parsed.match.map((entry, index) => {
    const at = [...path, 'match', index];
    const { family, from: source, to, iif, fwmark } = entry;
    const named = new Set([family, source?.family, to?.family].filter((f) => f !== undefined));
    if (named.size > 1) tell(at, 'never matches: it names both ipv4 and ipv6');
    const selector = [
      ...(source ? [`from ${source}`] : []),
      ...(to ? [`to ${to}`] : []),
      ...(iif === undefined ? [] : [`iif ${iif}`]),
      ...(fwmark ? [`fwmark ${fwmark.value}/${fwmark.mask}`] : []),
    ].join(' ');
    if (selector === '') {
      tell(at, 'needs from, to, iif or fwmark; without any it would match all traffic');
    } else {
      const families = named.size === 0 ? FAMILIES : [...named];
      claim(
        families.map((one) => `${one} ${selector}`),
        at,
      );
    }
    return { family, from: source, to, iif, fwmark } satisfies RuleMatch;
  });
  const discover = buildRuleDiscovery(parsed.discover, [...path, 'discover'], tell);
  return { priority, from, match, discover };
}
