import pg from 'pg';

const held = new Set<pg.Client>();

/** The servers' processes of the sessions that this worker has in a database and has not begun to close. */
export function heldSessions(database: string): number[] {
  return [...held]
    .filter((session) => session.database === database)
    .flatMap((session) => (session as { processID?: number | null }).processID ?? []);
}

pg.Client.prototype.connect = new Proxy(pg.Client.prototype.connect, {
  apply: (connect, session: pg.Client, args) => {
    held.add(session);
    session.once('end', () => held.delete(session));
    return Reflect.apply(connect, session, args);
  },
});

pg.Client.prototype.end = new Proxy(pg.Client.prototype.end, {
  apply: (end, session: pg.Client, args) => {
    held.delete(session);
    return Reflect.apply(end, session, args);
  },
});
