import { withClient } from '../support/server.ts';

/** Jest's global set-up. @throws where there is nothing to test on. */
export default async function requireCitus(): Promise<void> {
  const url = process.env.CITUS_URL;
  if (!url) {
    throw new Error(
      'CITUS_URL is not set. These tests need a database with Citus 12 or later: set CITUS_URL to its coordinator, as a superuser.',
    );
  }
  const workers = await withClient(url, async (client) => {
    const { rows } = await client.query<{ count: number }>(
      'SELECT count(*)::int AS count FROM pg_dist_node WHERE shouldhaveshards AND isactive',
    );
    return rows[0]!.count;
  });
  if (workers < 2)
    throw new Error(`CITUS_URL: ${workers} nodes may have shards, and a move needs two: citus_add_node.`);
}
