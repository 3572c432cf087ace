/** The system functions that the statements call. test/db/settings.test.ts finds one that is missing here. */
const systemFunctions = [
  'age',
  'array_agg',
  'array_remove',
  'bool_or',
  'clock_timestamp',
  'count',
  'current_database',
  'current_setting',
  'date_bin',
  'date_part',
  'floor',
  'format',
  'gen_random_uuid',
  'generate_series',
  'has_schema_privilege',
  'has_sequence_privilege',
  'hashtextextended',
  'isfinite',
  'json_agg',
  'json_build_array',
  'json_build_object',
  'jsonb_agg',
  'jsonb_array_elements',
  'jsonb_array_elements_text',
  'jsonb_array_length',
  'jsonb_build_object',
  'jsonb_each_text',
  'jsonb_object_agg',
  'jsonb_strip_nulls',
  'jsonb_to_recordset',
  'lead',
  'ln',
  'max',
  'min',
  'pg_backend_pid',
  'pg_blocking_pids',
  'pg_column_size',
  'pg_current_snapshot',
  'pg_current_xact_id',
  'pg_sequence_last_value',
  'pg_snapshot_xmax',
  'pg_snapshot_xmin',
  'quote_ident',
  'random',
  'row_number',
  'set_config',
  'sqrt',
  'starts_with',
  'statement_timestamp',
  'sum',
  'to_json',
  'to_jsonb',
  'to_regclass',
  'to_regnamespace',
  'unnest',
  'width_bucket',
];

const call = new RegExp(`(?<![\\w."$])(?=(?:${systemFunctions.join('|')})\\()`, 'g');

/**
 * SQL whose system functions are named with their schema. Otherwise a schema that the search path puts before pg_catalog
 * could replace them, the clock included. Operators and types are not covered: nobody replaces those by accident.
 */
export function withSystemFunctions(sql: string): string {
  return sql.replace(call, 'pg_catalog.');
}
