/** A BGP identifier (RFC 6286: any unsigned 32 bits but 0) as people write it, a dotted quad. */
export function routerIdText(id: number): string {
  return [id >>> 24, (id >>> 16) & 255, (id >>> 8) & 255, id & 255].join('.');
}
