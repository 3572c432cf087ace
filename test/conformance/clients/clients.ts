import type { OpenClient } from './client.ts';
import { openLibrary } from './library.ts';
import { openPsql } from './psql.ts';
import { openPython } from './python.ts';

export const clients: Readonly<Record<string, OpenClient>> = {
  'the library': openLibrary,
  psql: openPsql,
  "Python's psycopg2": openPython,
};
