/**
 * Other users of a shared pool had the connection: a query was given up for them, or got none. It may be tried again, and says
 * nothing about the database, which was there.
 */
export class PoolTurnError extends Error {
  override readonly name = 'PoolTurnError';
}
