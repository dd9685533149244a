/** The shape of what replies are known by: two keys of a table's `rules`. */
import { fwmark, interfaceName, listOf, mapping, oneOf } from './scalars.js';

export const returnPathSchema = oneOf('source', 'endpoints', 'connmark')
  .prefault('source')
  .describe(
    'What replies are known by when their route is looked up; docs/return-path.md tells what fits which data plane. `source`: the addresses of `from`. `endpoints`: those, and the addresses of this node’s ready endpoints of LoadBalancer services, as discovery finds them. `connmark`: a mark on every connection that arrives for `from` on the table’s interfaces; an nftables table `rib2fib` of our own sets it, and a rule on the mark takes the place of those on `from`.',
  );

export const connmarkSchema = mapping({
  mark: fwmark
    .prefault('0x1000/0x1000')
    .describe(
      'The bits of a connection’s and a packet’s mark that are this table’s: `VALUE/MASK`. Not kube-proxy’s 0x4000 and 0x8000, not Cilium’s 0xf00, and of each table others.',
    ),
  interfaces: listOf(interfaceName)
    .prefault([])
    .describe(
      'Interfaces where connections to be marked arrive, beside those that the table’s learned and static routes lead out of.',
    ),
})
  .optional()
  .describe('With `returnPath: connmark` only: which mark, and where connections arrive.');
