/** The node as source `fpm` asks it, over the kernel's port. */
import { type Kernel, KernelError } from './kernel/kernel.js';
import { type FpmNode, NodeError } from './source/fpm/node.js';

export function fpmNode(kernel: Pick<Kernel, 'links' | 'unicastRoutes'>): FpmNode {
  return {
    async interfaces() {
      const links = await read(() => kernel.links());
      return new Map(links.map(({ index, name }) => [index, name]));
    },
    routes: (table, protocol) => read(() => kernel.unicastRoutes(table, protocol)),
  };
}

async function read<T>(dump: () => Promise<T>): Promise<T> {
  try {
    return await dump();
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    throw new NodeError(error.message, { cause: error });
  }
}
