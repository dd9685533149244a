/** What kubelets and controllers write into a real cluster, as far as tests ask for it. */
import type { KubeObject } from './client.js';

export interface NodeShape {
  readonly labels?: Readonly<Record<string, string>>;
  /** Of one family each, IPv4 first. */
  readonly podCIDRs?: readonly string[];
  /** One at most of each kind: server-side apply tells them apart by it. */
  readonly internalIPs?: readonly string[];
  readonly externalIPs?: readonly string[];
}

/** A Node as a kubelet registers it, with the addresses in its status. */
export function node(name: string, shape: NodeShape = {}) {
  const { labels = {}, podCIDRs, internalIPs = [], externalIPs = [] } = shape;
  const addresses = [
    ...externalIPs.map((address) => ({ type: 'ExternalIP', address })),
    ...internalIPs.map((address) => ({ type: 'InternalIP', address })),
    { type: 'Hostname', address: name },
  ];
  return {
    ...{ apiVersion: 'v1', kind: 'Node' },
    metadata: { name, labels: { 'kubernetes.io/hostname': name, ...labels } },
    ...(podCIDRs === undefined ? {} : { spec: { podCIDR: podCIDRs[0], podCIDRs } }),
    status: { addresses },
  } satisfies KubeObject;
}

export interface ServiceShape {
  readonly namespace?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly loadBalancerClass?: string;
  readonly externalIPs?: readonly string[];
  readonly externalTrafficPolicy?: 'Cluster' | 'Local';
  /** What a load balancer's controller has given it. */
  readonly ingress?: readonly string[];
}

/** A Service of type LoadBalancer for TCP port 80. */
export function loadBalancer(name: string, shape: ServiceShape = {}) {
  const { namespace = 'default', labels = {}, ingress = [], ...spec } = shape;
  return {
    ...{ apiVersion: 'v1', kind: 'Service' },
    metadata: { name, namespace, labels },
    spec: {
      ...{ type: 'LoadBalancer', selector: { app: name }, ...spec },
      ports: [{ name: 'http', port: 80, protocol: 'TCP' }],
    },
    status: { loadBalancer: { ingress: ingress.map((ip) => ({ ip })) } },
  } satisfies KubeObject;
}

export interface Endpoint {
  readonly address: string;
  readonly nodeName: string;
  /** Default true. */
  readonly ready?: boolean;
}

/** A slice of that Service's endpoints, all of one family. */
export function endpointSlice(
  service: string,
  endpoints: readonly Endpoint[],
  { namespace = 'default', name = `${service}-1` } = {},
) {
  const ipv6 = endpoints.some(({ address }) => address.includes(':'));
  return {
    ...{ apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice' },
    metadata: { name, namespace, labels: { 'kubernetes.io/service-name': service } },
    addressType: ipv6 ? 'IPv6' : 'IPv4',
    ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
    endpoints: endpoints.map(({ address, nodeName, ready = true }) => ({
      ...{ addresses: [address], nodeName },
      conditions: { ready, serving: ready, terminating: false },
    })),
  } satisfies KubeObject;
}
