/** Services behind kube-proxy in ipvs mode, for a ReturnLab in a kernel with CONFIG_IP_VS. */
import { FAR_POD, local, NODE, type Plane, POD, service } from './return-lab.js';

/** In the place of PLANES. */
export const IPVS_PLANES = {
  'ipvs, pod here': local(30, 'ipvs'),
  'ipvs, externalTrafficPolicy Cluster, pod here': {
    ...local(31, 'ipvs'),
    proxied: { backend: 'ipvs', endpoint: POD, policy: 'Cluster' },
  },
  'ipvs, externalTrafficPolicy Cluster, pod elsewhere': {
    service: service(32),
    answers: 'far',
    proxied: { backend: 'ipvs', endpoint: FAR_POD, policy: 'Cluster' },
  },
  'ipvs, a pod in the network of the host': {
    service: service(33),
    answers: 'node',
    proxied: { backend: 'ipvs', endpoint: NODE, policy: 'Local' },
  },
} as const satisfies Record<string, Plane>;
