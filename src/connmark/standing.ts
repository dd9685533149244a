/** Our table as it stands, and whether one could stand there at all. */
import { type Listing, readListing } from './listing.js';
import { type Nft, NftError } from './nft.js';
import { TABLE, trial } from './ruleset.js';

/**
 * `undefined` where there is no table of our name. Rejects with {@link NftError}, of kind `foreign` where
 * it is another program's: that is not to be replaced, nor removed.
 */
export async function standing(nft: Pick<Nft, 'list'>): Promise<Listing | undefined> {
  const text = await nft.list();
  if (text === undefined) return undefined;
  const listing = read(text);
  if (listing.isOurs) return listing;
  const name = `${TABLE.family} ${TABLE.name}`;
  throw new NftError(
    'foreign',
    `the nftables table ${name} holds nothing of rib2fib’s, and is left alone: rename or delete it`,
  );
}

/**
 * Resolves where nft and the kernel would mark connections, and the table's name is free for it; changes
 * nothing. Rejects with {@link NftError}.
 */
export async function probe(nft: Pick<Nft, 'list' | 'try'>): Promise<void> {
  await nft.try(trial());
  await standing(nft);
}

function read(text: string): Listing {
  try {
    return readListing(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    const message = `nft lists what is not understood: ${error.message}`;
    throw new NftError('refused', message, { cause: error });
  }
}
