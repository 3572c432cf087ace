import type { CompiledQuery } from 'kysely';
import type { PgBoss } from 'pg-boss';
import { againWhereIdleClosed } from '../db/idle-closed.ts';
import type { QueryRunner } from '../db/statement.ts';

/** Runs statements over pg-boss's own pool, since they are about its tables. */
export function pgBossRunner(boss: PgBoss): QueryRunner {
  return {
    async executeQuery({ sql, parameters }: CompiledQuery) {
      const { rows } = await againWhereIdleClosed(() => boss.getDb().executeSql(sql, [...parameters]));
      return { rows };
    },
  };
}
