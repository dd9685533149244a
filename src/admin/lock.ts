import { createServer } from 'node:net';

/**
 * The abstract unix socket `@rib2fib`. Abstract names belong to the network
 * namespace, as the routes do, and vanish with their holder however it ends:
 * no stale lock can outlive a crash (unix(7)).
 */
const LOCK_NAME = '\0rib2fib';

/**
 * Takes the one lock of this network namespace. `undefined` when another
 * rib2fib holds it. Does not keep the process alive. Rejects with the system
 * error when the socket cannot be made for any other reason. Only tests have
 * use for another `name`.
 */
export function acquireLock(name = LOCK_NAME): Promise<{ release(): void } | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer((connection) => connection.destroy());
    server.unref();
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(undefined);
      else reject(error);
    });
    server.listen(name, () => resolve({ release: () => void server.close() }));
  });
}
