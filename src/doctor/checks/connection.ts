import { type DatabaseAddress, parseAddress } from '../../address/database-address.ts';
import { isConnectionRefusal, remedyOf } from '../../db/refusal.ts';
import { check, type Seen } from '../check.ts';
import { reasonOf } from '../reason.ts';
import { serverStatement } from '../statements/server.ts';

/** The first check: where it finds something, no other can run. */
export const connection = check({
  name: 'connection',
  about: 'Whether the database answers at the address of DATABASE_URL, and how it is reached.',
  faults: {
    away: {
      severity: 'problem',
      when: 'The database does not answer',
      remedy: 'Check that it runs and accepts connections from here, and that DATABASE_URL names its host and port.',
    },
    refused: {
      severity: 'problem',
      when: 'The database refuses the connection: user, password, pg_hba.conf, TLS or the name of the database',
      remedy: 'Correct it: {remedy}.',
    },
  },
  async read({ db, options }) {
    const address = parseAddress(options.url());
    try {
      await serverStatement().run(db, {});
      return { address, err: null };
    } catch (err) {
      return { address, err };
    }
  },
  judge({ address, err }) {
    const notes: Seen<'away' | 'refused'>[] = [{ note: `address: ${hostsOf(address)}` }, { note: tlsNote(address) }];
    if (err === null) return notes;
    const how = `connecting to ${hostsOf(address)}: ${reasonOf(err)}`;
    return isConnectionRefusal(err)
      ? [
          ...notes,
          { fault: 'refused', what: 'The database refuses the connection', how, names: { remedy: remedyOf(err) } },
        ]
      : [...notes, { fault: 'away', what: 'The database does not answer', how }];
  },
});

function hostsOf({ hosts }: DatabaseAddress): string {
  return hosts.map(({ host, port }) => `${host || 'localhost'}:${port ?? 5432}`).join(', ');
}

function tlsNote({ tls }: DatabaseAddress): string {
  if (tls === undefined || tls === 'off') return 'TLS: off, unless PGSSLMODE asks for it';
  return tls.checksName
    ? "TLS: on; the server's certificate and its host name are verified"
    : "TLS: on; the server's certificate is verified, its host name is not";
}
