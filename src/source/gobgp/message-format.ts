/**
 * Where the two API versions wrap a route's parts differently on the wire. The
 * bodies are the same in both; v3 (`api-v3.ts`) puts each in a
 * google.protobuf.Any, v4 (`api-v4.ts`) in a oneof.
 */
import type { WireReader } from './wire.js';

export type AttributeKind =
  | 'origin'
  | 'as-path'
  | 'next-hop'
  | 'med'
  | 'local-pref'
  | 'communities'
  | 'large-communities'
  | 'originator-id'
  | 'cluster-list'
  | 'extended-communities'
  | 'mp-reach'
  | 'other';

/**
 * Each reader stands at the start of the wrapper, which it has been entered as
 * a message. The `enter…` methods narrow it to the body; the caller, who knows
 * the wrapper's end, widens it again.
 */
export interface MessageFormat {
  /** NLRI to IPAddressPrefix; false for any other kind of NLRI. */
  enterPrefix(wire: WireReader): boolean;
  /** Path attribute to its body. An attribute without a body reads as an empty one. */
  enterAttribute(wire: WireReader): AttributeKind;
  /** The same question for MP_REACH_NLRI alone, without moving: asked for every route. */
  isMpReach(wire: WireReader): boolean;
  /** Extended community to LinkBandwidthExtended; false for any other. */
  enterLinkBandwidth(wire: WireReader): boolean;
}
