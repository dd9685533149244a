/** The shape of what is asked of a Kubernetes cluster: how it is reached, and what tables take from it. */
import * as z from 'zod';
import { flag, form, listOf, mapping, oneOf, path } from './scalars.js';

/** Kubernetes' names of objects, labels and classes: never longer, and without white space. */
const objectName = form('name', 'a name without white space', (text) =>
  /^\S{1,253}$/.test(text) ? text : undefined,
);

/** Of a label; may be empty. */
const labelValue = form('label value', 'a label value of at most 63 characters', (text) =>
  /^\S{0,63}$/.test(text) ? text : undefined,
);

/** Kubernetes' own; what operator and values mean for one another is checked behind it. */
const selector = mapping({
  matchLabels: z
    .record(objectName, labelValue, { error: 'must be a mapping of labels to values' })
    .prefault({})
    .describe('Labels that the object must have, each with this value.'),
  matchExpressions: listOf(
    mapping({
      key: objectName.describe('The label.'),
      operator: oneOf('In', 'NotIn', 'Exists', 'DoesNotExist').describe(
        'What must hold. `NotIn` also takes objects without the label.',
      ),
      values: listOf(labelValue).prefault([]).describe('With `In` and `NotIn` only, one at least.'),
    }),
  )
    .prefault([])
    .describe('More that must hold, all of it.'),
});

const names = listOf(objectName).prefault([]);

/** One entry of `rules.discover`. */
export const ruleDiscoverySchema = mapping({
  ciliumPools: mapping({
    selector: selector.optional().describe('Pools with such labels.'),
    names: names.describe('Pools with these names.'),
  })
    .optional()
    .describe(
      'The ranges of CiliumLoadBalancerIPPools: of all, or of those that match every key given. A disabled pool counts, as what was given from it stays in use.',
    ),
  metallbPools: mapping({
    names: names.describe('Pools with these names.'),
    advertised: flag
      .prefault(true)
      .describe('Only pools that a BGPAdvertisement announces from this node.'),
  })
    .optional()
    .describe('The ranges of MetalLB’s IPAddressPools.'),
  services: mapping({
    class: z
      .string({ error: 'must be text' })
      .prefault('')
      .describe('Services with this `loadBalancerClass`; empty: whatever it is.'),
    selector: selector.optional().describe('Services with such labels.'),
    namespaces: names.describe('Services in these namespaces; none given: in every one.'),
    externalIPs: flag
      .prefault(false)
      .describe(
        'The `externalIPs` too; without `class` also those of services of other types than LoadBalancer.',
      ),
  })
    .optional()
    .describe('The very addresses in `status.loadBalancer.ingress` of LoadBalancer services.'),
})
  .meta({ minProperties: 1, maxProperties: 1 })
  .describe('Exactly one of the keys below.');

/** `static[].discover`. */
export const staticDiscoverySchema = mapping({
  metallbPeers: mapping({}).describe(
    'A leg for each BGPPeer of this node, in the family of `prefix`. Of a peer the labels (or annotations) `rib2fib/enabled: "false"` leave it out, `rib2fib/address` gives another gateway, `rib2fib/weight` its weight (1 to 256).',
  ),
});

/** What of the cluster no table learns. */
export const PROTECTED = [
  'podCidrs',
  'podPools',
  'serviceCidrs',
  'nodeAddresses',
  'apiServer',
] as const;

/** The whole of `discovery`. */
export const discoverySchema = mapping({
  kubernetes: mapping({
    kubeconfig: path
      .optional()
      .describe(
        'A kubeconfig file; its current context is used. Without it: the service account of the pod.',
      ),
    node: objectName
      .optional()
      .meta({ 'x-default': 'NODE_NAME of the environment' })
      .describe('The name of this node in the cluster; a pod has it by the downward API.'),
    protect: listOf(oneOf(...PROTECTED))
      .prefault([...PROTECTED])
      .describe(
        'Ranges of the cluster’s own that no table learns, whatever a peer announces and a filter permits, and that stay in main as `keepInMain` does. What is left out here may be learned.',
      ),
    status: flag
      .prefault(true)
      .describe('Write the state of this node into its NodeRoutes object, and Events on the Node.'),
  })
    .optional()
    .describe('The cluster that this node is in. Absent: nothing is asked of any.'),
})
  .prefault({})
  .describe('What is found rather than configured.');

export const ruleDiscoveryList = listOf(ruleDiscoverySchema)
  .prefault([])
  .describe(
    'Traffic from what the cluster says looks the table up too: each entry adds prefixes, as the cluster changes. Needs `discovery.kubernetes`.',
  );

export type ParsedSelector = z.output<typeof selector>;
export type ParsedRuleDiscovery = z.output<typeof ruleDiscoverySchema>;
export type ParsedDiscovery = z.output<typeof discoverySchema>;
