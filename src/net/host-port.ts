/** `127.0.0.1:9469`, `localhost:9469`, `[::1]:9469`: a place of TCP as people write it. */
export function hostPortText({
  host,
  port,
}: {
  readonly host: string;
  readonly port: number;
}): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}
