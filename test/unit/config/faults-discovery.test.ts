import { type FaultRow, inTable, SOURCE, TABLE, testFaults } from './fault-rows.js';

/** After the three lines of {@link TABLE}, from line 4. */
const KUBERNETES = 'discovery: { kubernetes: {} }\n';

const ROWS: readonly FaultRow[] = [
  [
    'rules that nobody can find',
    'rules: { priority: 10000, discover: [ { ciliumPools: {} } ] }\n',
    ['c.yaml:4:41: tables[0].rules.discover: needs discovery.kubernetes, which is not there'],
  ],
  [
    'legs that nobody can find',
    'static: [ { prefix: 0.0.0.0/0, discover: { metallbPeers: {} } } ]\n',
    ['c.yaml:4:46: tables[0].static[0].discover: needs discovery.kubernetes, which is not there'],
  ],
  [
    'endpoints that nobody can find',
    'rules: { priority: 10000, returnPath: endpoints }\n',
    [
      'c.yaml:4:43: tables[0].rules.returnPath: endpoints needs discovery.kubernetes, which is not there',
    ],
  ],
  [
    'a static route over nothing',
    'static: [ { prefix: 0.0.0.0/0 } ]\n',
    ['c.yaml:4:15: tables[0].static[0]: needs via or discover'],
  ],
];

/** Entries of `rules.discover`, of a table in a cluster. */
const ENTRIES: readonly FaultRow[] = [
  [
    'of two kinds',
    '{ ciliumPools: {}, metallbPools: {} }',
    [
      'c.yaml:5:38: tables[0].rules.discover[0]: must have exactly one of ciliumPools, metallbPools and services',
    ],
  ],
  [
    'of none',
    '{}',
    [
      'c.yaml:5:38: tables[0].rules.discover[0]: must have exactly one of ciliumPools, metallbPools and services',
    ],
  ],
  [
    'of an unknown one',
    '{ ciliumPool: {} }',
    [
      'c.yaml:5:40: tables[0].rules.discover[0].ciliumPool: unknown key; did you mean ciliumPools? (allowed here: ciliumPools, metallbPools, services)',
    ],
  ],
  [
    'with an operator that Kubernetes has not',
    '{ ciliumPools: { selector: { matchExpressions: [ { key: a, operator: Gt } ] } } }',
    [
      'c.yaml:5:107: tables[0].rules.discover[0].ciliumPools.selector.matchExpressions[0].operator: must be In, NotIn, Exists or DoesNotExist, not "Gt"',
    ],
  ],
  [
    'In nothing',
    '{ services: { selector: { matchExpressions: [ { key: a, operator: In, values: [] } ] } } }',
    [
      'c.yaml:5:116: tables[0].rules.discover[0].services.selector.matchExpressions[0].values: In needs one value at least',
    ],
  ],
  [
    'Exists with values',
    '{ services: { selector: { matchExpressions: [ { key: a, operator: Exists, values: [ b ] } ] } } }',
    [
      'c.yaml:5:120: tables[0].rules.discover[0].services.selector.matchExpressions[0].values: does not go with Exists',
    ],
  ],
];

const TOP: readonly FaultRow[] = [
  [
    'a kubeconfig that is not there',
    'discovery: { kubernetes: { kubeconfig: none } }\n',
    [
      'c.yaml:2:40: discovery.kubernetes.kubeconfig: none cannot be read: no such file or directory',
    ],
  ],
  [
    'a range that is none',
    'discovery: { kubernetes: { protect: [ podCidrs, pods ] } }\n',
    [
      'c.yaml:2:49: discovery.kubernetes.protect[1]: must be podCidrs, podPools, serviceCidrs, nodeAddresses or apiServer, not "pods"',
    ],
  ],
  [
    'a range given twice',
    'discovery: { kubernetes: { protect: [ podCidrs, podCidrs ] } }\n',
    ['c.yaml:2:49: discovery.kubernetes.protect[1]: stands above already'],
  ],
  [
    'another kind of cluster',
    'discovery: { nomad: {} }\n',
    ['c.yaml:2:14: discovery.nomad: unknown key (allowed here: kubernetes)'],
  ],
];

testFaults('faults of a table in no cluster', ROWS, inTable);
testFaults(
  'faults of an entry of rules.discover',
  ENTRIES,
  (entry) => `${TABLE}    rules:\n      { priority: 10000, discover: [ ${entry} ] }\n${KUBERNETES}`,
);
testFaults('faults of discovery', TOP, (text) => `${SOURCE}${text}tables: [ { id: 100 } ]\n`);
