/** What a list of `PREFIX le 24` permits, worked out the plain way. Pure. */

/** The IPv4 prefixes that an entry equals or covers, in their order. */
export function permittedOf(prefixes: readonly string[], entries: readonly string[]): string[] {
  const keys = new Set(entries.map((entry) => keyOf(...parsed(entry))));
  return prefixes.filter((prefix) => {
    const [address, length] = parsed(prefix);
    if (length > 24) return false;
    for (let shorter = length; shorter >= 0; shorter--) {
      const size = 2 ** (32 - shorter);
      if (keys.has(keyOf(address - (address % size), shorter))) return true;
    }
    return false;
  });
}

function parsed(prefix: string): [address: number, length: number] {
  const [address = '', length] = prefix.split('/');
  return [address.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0), Number(length)];
}

function keyOf(address: number, length: number): number {
  return address * 64 + length;
}
