import type { OpenClient } from './client.ts';
import { openPsql } from './psql.ts';
import { openPython } from './python.ts';

export const clients: Readonly<Record<string, OpenClient>> = {
  psql: openPsql,
  "Python's psycopg2": openPython,
};
