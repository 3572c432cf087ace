import { readPlacement } from '../../db/citus/placement.ts';
import { jobInsertion } from '../../jobs/job-insertion.ts';
import { enqueueFunctions } from '../../ledger/functions/enqueue.ts';
import { installedFunctions, installedStatement, installedValues } from '../../ledger/functions/installed.ts';
import { nodeFunctions } from '../../ledger/functions/node.ts';
import { schemaFunctions } from '../../ledger/functions/schema-functions.ts';
import { check, type Observed } from '../check.ts';
import { requireKnownSchema } from '../known-schema.ts';

type Fault = 'missing' | 'outdated' | 'edited';

export const functions = check({
  name: 'functions',
  about:
    "The ledger's functions, by their text and by the hash in their comment: each must be as this release installs it.",
  faults: {
    missing: {
      severity: 'problem',
      when: "One of the ledger's functions is missing",
      remedy: 'Run `delegation-sweeper migrate up`, which installs it.',
    },
    outdated: {
      severity: 'problem',
      when: "One of the ledger's functions is of another release, or was made for another major version of PostgreSQL, for another release of pg-boss or another PGBOSS_SCHEMA, or for tables that Citus has elsewhere by now",
      remedy: 'Run `delegation-sweeper migrate up`, which replaces it.',
    },
    edited: {
      severity: 'problem',
      when: "One of the ledger's functions was edited by hand",
      remedy:
        'Run `delegation-sweeper migrate up`, which puts back what belongs there. Change of behaviour belongs into a function of your own.',
    },
  },
  async read(subject) {
    await requireKnownSchema(subject);
    const { dbSchema, pgbossSchema } = subject.options;
    const placement = await readPlacement(subject.db, { dbSchema });
    const shards = placement.kind === 'distributed' ? placement.shards : undefined;
    const toNode = shards === undefined ? [] : nodeFunctions(shards);
    const functions = [...schemaFunctions, ...toNode, ...enqueueFunctions(await jobInsertion(pgbossSchema))];
    const rows = await subject.catalogue((db) => installedStatement().run(db, installedValues(dbSchema, functions)));
    return installedFunctions(rows, functions, shards);
  },
  judge(installed) {
    const of = (state: Fault) =>
      installed.filter((one) => one.state === state).map(({ fn }) => `${fn.name}(${fn.types})`);
    const words: Readonly<Record<Fault, readonly [what: string, how: string]>> = {
      missing: ['is missing', 'pg_proc has no such function in DB_SCHEMA'],
      outdated: ["is not this release's", "its text and its comment's hash differ from this release's"],
      edited: ['was edited by hand', "its comment has this release's hash, and its text or its settings are others"],
    };
    const seen = (Object.keys(words) as Fault[]).flatMap((fault): Observed<Fault>[] =>
      of(fault).map((signature) => ({
        fault,
        what: `The function ${signature} ${words[fault][0]}`,
        how: words[fault][1],
      })),
    );
    return seen.length > 0 ? seen : [{ note: `${installed.length} functions are as installed` }];
  },
});
